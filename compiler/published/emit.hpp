// One step of a replay: what its shims, Memtiles and cores do.
#pragma once

#include <cstdint>

#include "aie_model/program/program.hpp"
#include "compiler/codegen/step_builder.hpp"
#include "compiler/published/plan.hpp"

namespace wbs::compiler {

// DDR buffers of the program.
inline constexpr std::uint16_t kReplayInput = 0, kReplayWeights = 1, kReplayTensors = 2,
                               kReplayOutput = 3;

// Channels of a Memtile. Weights of the rows that it feeds leave by the channels between.
inline constexpr std::uint8_t kLoadfmSend = 0, kLoadwmSend = 1, kWriteSend = 5;          // MM2S
inline constexpr std::uint8_t kWritefmReceive = 0, kLoadReceive = 4, kLoadwReceive = 5;  // S2MM
inline constexpr std::int64_t kMemtileStreams = 4;  // each way between a Memtile and its cores

/// Where the step reads and writes in DDR.
struct ReplayStepPlace {
  std::uint32_t layer = 0;
  std::uint16_t from = kReplayTensors, to = kReplayTensors;  ///< DDR buffers
  std::uint64_t weights = 0;  ///< bytes: where the weights of the first column begin
};

/// All of the step. Throws Error(unsupported) naming tile and limit.
[[nodiscard]] aie::Step emit_replay_step(const ReplayLayer& layer, const ReplayStep& step,
                                         const ReplayStepPlace& place, const aie::Device& device);

/// Buffers, locks, calls and code of a core.
struct ReplayCore {
  aie::TileId id;
  std::int64_t out_words = 0;  ///< of each iteration; 0: it has no results
  std::int16_t packet = -1;    ///< its results are packets with this id
};
void emit_replay_core(const ReplayLayer& layer, const ReplayStep& step, const ReplayCore& core,
                      const aie::Device& device, StepBuilder& builder);

}  // namespace wbs::compiler
