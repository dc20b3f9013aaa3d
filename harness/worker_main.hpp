// The child process that runs stages: no MPI, no store; it only answers its rank.
#pragma once

#include "harness/stage.hpp"

namespace wbs::harness {

/// The descriptor on which a child finds its rank.
inline constexpr int kWorkerDescriptor = 3;

/// Runs the stages that the rank at the other end of `descriptor` asks for, until it hangs up.
/// Returns the process's exit code: 0, or 2 when there is no rank at the other end (someone started
/// the program by hand).
[[nodiscard]] int worker_main(const StageRegistry& registry, int descriptor = kWorkerDescriptor);

}  // namespace wbs::harness
