// From outcomes to printed and written tables: shared by wbs-sweep and `wbs report`.
#pragma once

#include <string>
#include <vector>

#include "harness/experiment.hpp"
#include "harness/outcome.hpp"
#include "harness/plan.hpp"

namespace wbs::apps {

/// The file of a campaign's directory that holds experiment_document().
inline constexpr const char* kExperimentDocument = "experiment.json";

/// The document that a campaign keeps so that its tables can be made again without the file.
[[nodiscard]] std::string experiment_document(const harness::Experiment& experiment);

/// The experiment of experiment_document(). Throws Error(input) when the text is none.
[[nodiscard]] harness::Experiment experiment_of_document(const std::string& document,
                                                         const harness::StageRegistry& registry);

/// Makes the tables and writes them below `directory`; prints them to stdout when `print`. Returns
/// the paths.
std::vector<std::string> report_tables(const harness::Experiment& experiment,
                                       const harness::Plan& plan,
                                       const std::vector<harness::TaskOutcome>& outcomes,
                                       const std::string& directory, bool print);

}  // namespace wbs::apps
