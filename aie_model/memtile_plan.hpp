// What stays in the Memtiles, what is split to fit, and what goes through DDR.
#pragma once

#include <span>

#include "aie_model/device.hpp"
#include "aie_model/tiled_layer.hpp"

namespace wbs::aie {

/// Every layer's Memtile fields (height_tiles, passes, through_ddr, load_bytes, write_bytes) hold
/// what the authors' compiler does with these layers, in this order, on `device`.
///
/// Reads shapes, kinds, producers, density and core_weight; layers must be in execution order and a
/// concat must follow its members. Cost is quadratic in the number of layers that are alive at
/// once. Source: derived from 18 logged runs (see README.md for the rules).
void plan_memtiles(std::span<TiledLayer> layers, const Device& device);

}  // namespace wbs::aie
