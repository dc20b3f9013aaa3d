// The program of one core in a compute step, and the weights on their way to it.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/codegen/accesses.hpp"
#include "compiler/codegen/emit.hpp"

namespace wbs::compiler {

/// What one core does in a step.
struct CoreJob {
  std::int64_t column = 0, row = 0;
  std::int64_t deliveries = 0;  ///< weights chunks
  std::int64_t tiles = 0;
  std::int16_t packet = -1;        ///< results are packets with this id
  std::vector<PacketRun> targets;  ///< and ask for these descriptors
};

/// Buffers, locks, descriptors, kernel calls and code of the core. A core that computes no block
/// of a chunk still takes the broadcast input, so that the others can go on.
void emit_core(const EmitContext& context, const Phase& phase, const CoreJob& job,
               StepBuilder& step);

/// Sends the step's weights chunks: DDR, then a ring of slots per core row in a Memtile, then the
/// cores. Chunks that a preload phase brought are in the ring already.
void emit_weights(const EmitContext& context, const Phase& phase, StepBuilder& step);

}  // namespace wbs::compiler
