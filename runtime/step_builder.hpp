// From a program to steps that can run. Private to runtime/.
#pragma once

#include <vector>

#include "runtime/executor.hpp"
#include "runtime/memory_plan.hpp"
#include "runtime/steps.hpp"

namespace wbs::runtime {

struct BuiltSteps {
  std::vector<Step> steps;  ///< as many as the program has
  std::vector<StepInfo> infos;
  MemoryPlan memory;
  std::int64_t weight_bytes = 0;
};

/// Plans every layer, then the memory, then fixes all places.
[[nodiscard]] BuiltSteps build_steps(const Program& program, const networks::Weights& weights,
                                     const Masks& masks, const ExecutorOptions& options);

}  // namespace wbs::runtime
