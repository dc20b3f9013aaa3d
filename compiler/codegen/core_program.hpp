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

/// Packs the step's weights chunks and sends them: DDR, then a ring of two slots per core row in a
/// Memtile, then the cores. `deliveries`: chunks per core.
void emit_weights(const EmitContext& context, const Phase& phase, std::int64_t deliveries,
                  StepBuilder& step);

}  // namespace wbs::compiler
