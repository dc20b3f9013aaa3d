// A campaign's cases, for people.
#pragma once

#include <string>

namespace wbs::apps {

/// Prints parameters, outcomes, metrics, warnings and details of the cases of the campaign in
/// `directory` that `which` names: a number, or a filter such as "pattern=dense,array=4x4".
int show_case(const std::string& directory, const std::string& which, bool as_json);

/// Writes the artifact that `stage` made for the one case that `which` names to `output`.
int export_case_artifact(const std::string& directory, const std::string& which,
                         const std::string& stage, const std::string& output);

}  // namespace wbs::apps
