// From an experiment file to the plan of its cases and shared tasks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/experiment.hpp"
#include "harness/plan.hpp"

namespace wbs::harness {

/// What besides the experiment decides results. The code's id is part of a campaign's identity,
/// the tool chain's also of every task key.
struct PlanContext {
  std::string code_id;
  std::string tool_chain_id;
};

struct PreparedExperiment {
  Experiment experiment;
  Plan plan;
};

/// The experiment in the file at `path` with the --set arguments applied, checked and expanded.
/// Everything that is wrong (file, --set, what a stage's validate refuses, tables that would mix
/// cases) is thrown together as ExperimentErrors. Throws Error(input) when the file cannot be read.
[[nodiscard]] PreparedExperiment prepare_experiment(const std::string& path,
                                                    const std::vector<std::string>& overrides,
                                                    const StageRegistry& registry,
                                                    const PlanContext& context);

/// The same for a text in memory; `source_name` appears in errors and gives the default name.
[[nodiscard]] PreparedExperiment prepare_experiment_text(std::string_view text,
                                                         const std::string& source_name,
                                                         const std::vector<std::string>& overrides,
                                                         const StageRegistry& registry,
                                                         const PlanContext& context);

/// Cases in the order of nested loops (first axis outermost), tasks in the order in which cases
/// first need them. What cannot be expanded is added to `errors`.
[[nodiscard]] Plan expand(const Experiment& experiment, const StageRegistry& registry,
                          const PlanContext& context, ErrorList& errors);

/// The cases that any of the --only `filters` selects, with the tasks they need; identity and
/// order stay. No filter selects all. Throws Error(usage) when a filter is malformed or nothing
/// is selected.
[[nodiscard]] Plan select_cases(const Plan& plan, const std::vector<std::string>& filters);

}  // namespace wbs::harness
