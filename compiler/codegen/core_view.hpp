// A core in a compute phase: what its buffers, its channels and its code all need to know.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "aie_model/kernels/kernel_call.hpp"
#include "compiler/codegen/core_program.hpp"

namespace wbs::compiler {

inline constexpr std::uint32_t kInputRing = 0;
inline constexpr std::uint32_t kOutputRing = 1;
inline constexpr std::uint32_t kWeightsRing = 2;
inline constexpr std::uint32_t kSecondRing = 3;  ///< of convolutions that add a second input

/// Two semaphores of a ring: free slots and filled ones.
struct RingLocks {
  std::int16_t free = -1, filled = -1;
};

/// Of all rings of a core.
struct CoreLocks {
  RingLocks in, weights, out, second;
};

/// Views: all of it outlives the object.
struct CoreView {
  CoreView(const EmitContext& emit, const Phase& of_phase, const CoreJob& of_job);

  const EmitContext& context;
  const aie::Device& device;
  const Phase& phase;
  const CoreJob& job;
  const LayerPlan& layer;
  const networks::Int8Op& op;

  [[nodiscard]] BlockRange blocks_of_chunk(std::int64_t chunk) const;
  /// Of one delivery of `blocks` blocks.
  [[nodiscard]] std::int64_t input_bytes(std::int64_t blocks) const;
  /// Of one call.
  [[nodiscard]] std::int64_t input_blocks() const;
  [[nodiscard]] std::int64_t slot_bytes() const;  ///< of the weights' ring
  [[nodiscard]] std::int64_t tile_pixels() const;
  /// Consecutive chunks with the same number of blocks: (blocks, chunks).
  [[nodiscard]] std::vector<std::pair<std::int64_t, std::int64_t>> runs_of_chunks() const;
  /// The call for that many output blocks; `accumulators` is their address.
  [[nodiscard]] aie::KernelCall call(std::int64_t blocks, bool begin, bool finish,
                                     std::uint32_t accumulators) const;
};

/// The core's code: when it waits, what it calls, and what it then gives back.
void write_code(const CoreView& core, const CoreLocks& locks, std::uint32_t accumulators,
                aie::TileProgram& tile);

/// The code of a core without blocks in a row whose weights are broadcast: it lets them pass.
void write_passing_code(const CoreJob& job, const CoreLocks& locks, aie::TileProgram& tile);

}  // namespace wbs::compiler
