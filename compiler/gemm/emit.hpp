// One step of a product: what its shims, Memtiles and cores do.
#pragma once

#include <cstdint>

#include "aie_model/program/program.hpp"
#include "compiler/codegen/step_builder.hpp"
#include "compiler/gemm/gemm.hpp"

namespace wbs::compiler {

// DDR buffers of the program.
inline constexpr std::uint16_t kBufferA = 0, kBufferB = 1, kBufferC = 2;

// Channels for A and B: MM2S of shims, both directions of Memtiles, S2MM of cores.
inline constexpr std::uint8_t kChannelA = 0, kChannelB = 1;

/// Blocks of C that a step computes: [m, m + m_count) x [n, n + n_count).
struct BlockGrid {
  std::int64_t m = 0, m_count = 0, n = 0, n_count = 0;
  [[nodiscard]] std::int64_t blocks() const { return m_count * n_count; }
};

/// The whole step. `iterate_b`: as in GemmSteps.
[[nodiscard]] aie::Step emit_gemm_step(const Gemm& gemm, const GemmTile& tile,
                                       const aie::Device& device, const BlockGrid& range,
                                       bool iterate_b);

/// What one core does: sums up `calls` products of tiles for each of `blocks` tiles of C.
struct GemmCore {
  aie::TileId id;
  std::int64_t blocks = 0, calls = 0;
};
void emit_gemm_core(const Gemm& gemm, const GemmTile& tile, const GemmCore& core,
                    StepBuilder& step);

/// Locks of a buffer with several slots: free ones, and filled ones.
struct SlotLocks {
  std::int16_t free = -1, filled = -1;
};
[[nodiscard]] inline SlotLocks slot_locks(StepBuilder& step, aie::TileId id, std::int16_t slots) {
  const std::int16_t free = step.lock(id, slots);
  return {free, step.lock(id, 0)};
}

}  // namespace wbs::compiler
