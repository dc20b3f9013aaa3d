// Sizes of packed weights: what LOADW and LOADWM move and what the Memtiles hold.
#pragma once

#include <cstdint>

#include "aie_model/device.hpp"
#include "aie_model/tiled_layer.hpp"

namespace wbs::aie {

/// Bytes of one unified weight tensor (weights, 32-bit bias, one 16-bit index for each 8x8 block)
/// for the part `block` of a layer, of which the share `density` is stored.
[[nodiscard]] std::int64_t unified_bytes(const WeightBlock& block, double density);

/// Unified tensors that a Memtile sends to one row of cores: output channels of the row over
/// chunks of core_weight.cout, times input channels over chunks of core_weight.cin. 0 for layers
/// without weights.
[[nodiscard]] std::int64_t chunks_per_row(const TiledLayer& layer, const Device& device);

/// Bytes of a layer's weights in one Memtile.
[[nodiscard]] std::int64_t memtile_weight_bytes(const TiledLayer& layer, const Device& device);

}  // namespace wbs::aie
