// From a phase to descriptors, locks, routes, code and packed weights in a step.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "aie_model/program/program.hpp"
#include "compiler/codegen/core_memory.hpp"
#include "compiler/codegen/pack_weights.hpp"
#include "compiler/codegen/plan.hpp"
#include "compiler/codegen/step_builder.hpp"
#include "networks/int8_network.hpp"

namespace wbs::compiler {

/// What all phases of a network share while they are emitted.
struct EmitContext {
  const networks::Int8Network* network = nullptr;
  const aie::Device* device = nullptr;
  const NetworkPlan* plan = nullptr;
  std::vector<std::uint16_t> buffers;  ///< DDR buffer by storage
  std::uint16_t weights_buffer = 0;
  std::vector<std::uint8_t>* weights = nullptr;            ///< bytes of that buffer so far
  bool compress_weights = false;                           ///< where it makes them smaller
  std::map<std::size_t, PackedWeights>* packed = nullptr;  ///< by the region of a phase's ring
  /// Placements so far: most cores of a layer have the same buffers.
  std::vector<std::pair<CoreBuffers, CorePlaces>>* placements = nullptr;
};

/// Channels by role, so that phases of one step do not meet. Of a Memtile unless said otherwise.
inline constexpr std::uint8_t kInputChannel = 0;    ///< MM2S: activations to cores, first of four
inline constexpr std::uint8_t kStoreChannel = 5;    ///< MM2S to the shim
inline constexpr std::uint8_t kOutputChannel = 0;   ///< S2MM: results of cores, first of four
inline constexpr std::uint8_t kLoadChannel = 4;     ///< S2MM: activations from the shim
inline constexpr std::uint8_t kWeightsChannel = 5;  ///< S2MM: weights from the shim

void emit_load(const EmitContext& context, const Phase& phase, StepBuilder& step);
void emit_store(const EmitContext& context, const Phase& phase, StepBuilder& step);
void emit_exchange(const EmitContext& context, const Phase& phase, StepBuilder& step);
void emit_preload(const EmitContext& context, const Phase& phase, StepBuilder& step);
void emit_compute(const EmitContext& context, const Phase& phase, StepBuilder& step);

/// Bytes from the start of a Memtile to that row and block of a strip.
[[nodiscard]] std::uint64_t strip_address(const NetworkPlan& plan, const Strip& strip,
                                          std::int64_t column, std::int64_t block,
                                          std::int64_t row);

/// A size as a descriptor or call holds it.
[[nodiscard]] constexpr std::uint32_t u32(std::int64_t value) {
  return static_cast<std::uint32_t>(value);
}
[[nodiscard]] constexpr std::uint16_t u16(std::int64_t value) {
  return static_cast<std::uint16_t>(value);
}

[[nodiscard]] inline aie::TileId shim_tile(std::int64_t column) {
  return {aie::TileKind::shim, static_cast<std::int16_t>(column), 0};
}
[[nodiscard]] inline aie::TileId mem_tile(std::int64_t column) {
  return {aie::TileKind::memtile, static_cast<std::int16_t>(column), 0};
}
[[nodiscard]] inline aie::TileId core_tile_at(std::int64_t column, std::int64_t row) {
  return {aie::TileKind::core, static_cast<std::int16_t>(column), static_cast<std::int16_t>(row)};
}

}  // namespace wbs::compiler
