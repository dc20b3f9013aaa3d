// The parts of expansion that explain: identity in readable parts, places of refusals, tables that
// would mix cases.
#pragma once

#include <map>
#include <string>

#include "harness/experiment.hpp"
#include "harness/plan.hpp"

namespace wbs::harness {

/// What of the experiment decides its results, by readable name ("axis.array" -> "2x2, 4x4").
/// `base` holds the values of all parameters that are no axis. Tables and [run] are no part of it.
[[nodiscard]] std::map<std::string, std::string> identity_parts(const Experiment& experiment,
                                                                const Values& base);

/// Where to report a stage's `reason`: at the parameter it begins with ("pattern: ..."), else at
/// the longest value that it contains (in quotes: preferred), else at `otherwise`.
[[nodiscard]] Location place_of_reason(const std::string& reason, const Values& parameters,
                                       const std::map<std::string, Location>& places,
                                       const Location& otherwise);

/// Reports tables with a cell that would mix results of several cases.
void check_tables(const Experiment& experiment, const Plan& plan, ErrorList& errors);

}  // namespace wbs::harness
