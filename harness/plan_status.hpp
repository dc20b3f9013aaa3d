// Questions about a plan: how a case ended, and what a run would do.
#pragma once

#include <string>
#include <vector>

#include "harness/outcome.hpp"
#include "harness/plan.hpp"

namespace wbs::harness {

/// How a case, or one of its stages, ended and which stage decided that.
struct CaseStatus {
  Outcome outcome = Outcome::planned;
  std::string stage;   ///< the stage that did not pass; empty when all did
  std::string reason;  ///< its reason; empty when passed
};

/// Passed when all of the case's tasks did; else the first in stage order that did not.
[[nodiscard]] CaseStatus case_status(const Plan& plan, const Case& asked,
                                     const std::vector<TaskOutcome>& outcomes);

/// How `task` ended; for a skipped one the input that is to blame.
[[nodiscard]] CaseStatus task_status(const Plan& plan, std::size_t task,
                                     const std::vector<TaskOutcome>& outcomes);

/// What --dry-run prints: counts per stage and how much sharing saves, then every case with the
/// short keys of its tasks ('+' marks the case that first needs a task). With `outcomes` (aligned
/// to Plan::tasks) also how many tasks have already passed.
[[nodiscard]] std::string describe_plan(const Plan& plan,
                                        const std::vector<TaskOutcome>* outcomes = nullptr);

}  // namespace wbs::harness
