// How the weights of a computing phase lie in DDR, and how they get to the cores.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "aie_model/device.hpp"
#include "compiler/codegen/plan.hpp"

namespace wbs::compiler {

struct EmitContext;

/// Core rows whose chunks go through one channel of a Memtile, and their ring there.
struct WeightsGroup {
  std::uint8_t channel = 0;
  std::vector<std::int64_t> rows;
  std::int64_t bytes = 0;    ///< of one slot: a chunk for each row
  std::int64_t address = 0;  ///< of the ring's two slots
};

[[nodiscard]] std::vector<WeightsGroup> weights_groups(const NetworkPlan& plan,
                                                       const aie::Device& device,
                                                       const Phase& phase, std::int64_t column);

/// Channels of the shim through which a column's chunks come in turn. `alone`: no other column of
/// the shim wants weights.
[[nodiscard]] std::int64_t weights_lanes(const LayerPlan& layer, const aie::Device& device,
                                         const Phase& phase, bool alone);

/// The weights of a phase.
struct PackedWeights {
  /// Chunks go through streams compressed, and lie so in DDR where a column is alone at its shim.
  bool compressed = false;
  /// By column and lane: where each chunk begins in the weights' buffer, and the end of the last.
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::uint64_t>> begin;
  /// If compressed, by column and core row: the stream words of each chunk.
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::uint32_t>> sizes;
};

/// Appends the phase's weights to the buffer, in the order in which each lane reads them, unless a
/// preload has done so.
const PackedWeights& pack_weights(const EmitContext& context, const Phase& phase);

/// The stream words of chunk `n` for the core, if it is compressed; else 0.
[[nodiscard]] std::uint32_t chunk_size(const EmitContext& context, const Phase& phase,
                                       std::int64_t column, std::int64_t row, std::int64_t n);

}  // namespace wbs::compiler
