#include "harness/plan_status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "core/error.hpp"

namespace wbs::harness {
namespace {

struct StageCount {
  std::string stage;
  std::size_t tasks = 0;
  std::size_t uses = 0;
  std::size_t passed = 0;
};

std::vector<StageCount> count_stages(const Plan& plan, const std::vector<TaskOutcome>* outcomes) {
  std::vector<StageCount> counts;
  std::vector<std::size_t> stage_of(plan.tasks.size());
  for (std::size_t task = 0; task < plan.tasks.size(); ++task) {
    const std::string& stage = plan.tasks[task].stage;
    auto found = std::find_if(counts.begin(), counts.end(),
                              [&](const StageCount& count) { return count.stage == stage; });
    if (found == counts.end()) found = counts.insert(counts.end(), StageCount{stage});
    ++found->tasks;
    if (outcomes != nullptr && (*outcomes)[task].outcome == Outcome::passed) ++found->passed;
    stage_of[task] = static_cast<std::size_t>(found - counts.begin());
  }
  for (const Case& planned : plan.cases) {
    for (const std::size_t task : planned.tasks) ++counts[stage_of[task]].uses;
  }
  return counts;
}

}  // namespace

CaseStatus task_status(const Plan& plan, std::size_t task,
                       const std::vector<TaskOutcome>& outcomes) {
  WBS_ASSERT(outcomes.size() == plan.tasks.size());
  const TaskOutcome& outcome = outcomes[task];
  if (outcome.outcome == Outcome::passed) return {Outcome::passed, "", ""};
  if (outcome.outcome == Outcome::skipped) {
    for (const std::size_t input : plan.tasks[task].inputs) {
      if (outcomes[input].outcome != Outcome::passed) return task_status(plan, input, outcomes);
    }
  }
  return {outcome.outcome, plan.tasks[task].stage, outcome.reason};
}

CaseStatus case_status(const Plan& plan, const Case& asked,
                       const std::vector<TaskOutcome>& outcomes) {
  for (const std::size_t task : asked.tasks) {
    CaseStatus status = task_status(plan, task, outcomes);
    if (status.outcome != Outcome::passed) return status;
  }
  return {Outcome::passed, "", ""};
}

std::string describe_plan(const Plan& plan, const std::vector<TaskOutcome>* outcomes) {
  constexpr std::size_t kShortKey = 8;
  const std::vector<StageCount> counts = count_stages(plan, outcomes);
  std::size_t uses = 0;
  for (const StageCount& count : counts) uses += count.uses;
  std::string text = fmt::format("{}: {} cases, {} stage executions ({} without sharing)\n",
                                 plan.experiment, plan.cases.size(), plan.tasks.size(), uses);
  for (const StageCount& count : counts) {
    text += fmt::format("  {:<12} {:>6} for {} cases", count.stage, count.tasks, count.uses);
    if (outcomes != nullptr) text += fmt::format(", {} passed already", count.passed);
    text += '\n';
  }
  std::vector<bool> seen(plan.tasks.size(), false);
  for (const Case& planned : plan.cases) {
    text += fmt::format("  {}:", planned.name);
    for (const std::size_t task : planned.tasks) {
      const Task& step = plan.tasks[task];
      fmt::format_to(std::back_inserter(text), " {}{}:{}", seen[task] ? "" : "+", step.stage,
                     std::string_view(step.key).substr(0, kShortKey));
      seen[task] = true;
    }
    text += '\n';
  }
  return text;
}

}  // namespace wbs::harness
