// Stages for tests of the engine: they write files, compute sums and misbehave on request.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/plan.hpp"
#include "harness/stage.hpp"

namespace wbs::harness {

/// Stages "make" (writes an artifact of `bytes` bytes that depends on `n`) and "use" (reads it;
/// `mode` says how it ends: pass, print, throw, unsupported, segfault, abort, exit, nan, hang,
/// sleep, kill_rank, flaky, exclusive, big_result). "measure" is exclusive.
void add_fake_stages(StageRegistry& registry);

/// One case per mode and n in [0, count): make -> use, with `make` shared among the modes of one n.
[[nodiscard]] Plan fake_plan(int count, const std::vector<std::string>& modes,
                             std::int64_t bytes = 100);

/// `count` cases of one task each that does nothing: stage "nothing".
[[nodiscard]] Plan trivial_plan(int count);

/// Adds a task to `plan`, keyed as the real expansion does; its position.
std::size_t add_task(Plan& plan, const std::string& stage, Values parameters,
                     const std::vector<std::size_t>& inputs);

}  // namespace wbs::harness
