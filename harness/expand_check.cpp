#include "harness/expand_check.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "harness/table.hpp"
#include "harness/values.hpp"

namespace wbs::harness {
namespace {

std::string axis_name(const Axis& axis) {
  std::vector<std::string> names;
  names.reserve(axis.names.size());
  for (const LocatedName& name : axis.names) names.push_back(name.name);
  return fmt::format("{}", fmt::join(names, "+"));
}

std::string axis_text(const Axis& axis) {
  std::vector<std::string> points;
  for (const std::vector<LocatedValue>& point : axis.points) {
    std::vector<std::string> texts;
    texts.reserve(point.size());
    for (const LocatedValue& value : point) texts.push_back(to_text(value.value));
    points.push_back(fmt::format("{}", fmt::join(texts, " with ")));
  }
  return fmt::format("{}", fmt::join(points, ", "));
}

std::string exclusions_text(const Experiment& experiment) {
  std::vector<std::string> texts;
  for (const Exclusion& exclusion : experiment.exclusions) {
    std::vector<std::string> conditions;
    conditions.reserve(exclusion.filter.conditions.size());
    for (const Condition& condition : exclusion.filter.conditions) {
      conditions.push_back(
          fmt::format("{}={}", condition.parameter, fmt::join(condition.globs, "|")));
    }
    texts.push_back(fmt::format("{}", fmt::join(conditions, ",")));
  }
  return fmt::format("{}", fmt::join(texts, "; "));
}

}  // namespace

std::map<std::string, std::string> identity_parts(const Experiment& experiment,
                                                  const Values& base) {
  std::map<std::string, std::string> parts;
  parts["experiment"] = experiment.name;
  std::vector<std::string> stages;
  stages.reserve(experiment.stages.size());
  for (const LocatedName& stage : experiment.stages) stages.push_back(stage.name);
  parts["stages"] = fmt::format("{}", fmt::join(stages, ", "));
  for (const auto& [name, value] : base) parts["parameter." + name] = to_text(value);
  for (const Axis& axis : experiment.axes) {
    for (const LocatedName& name : axis.names) parts.erase("parameter." + name.name);
    parts["axis." + axis_name(axis)] = axis_text(axis);
  }
  if (!experiment.exclusions.empty()) parts["exclude"] = exclusions_text(experiment);
  return parts;
}

Location place_of_reason(const std::string& reason, const Values& parameters,
                         const std::map<std::string, Location>& places, const Location& otherwise) {
  const std::size_t colon = reason.find(": ");
  if (colon != std::string::npos) {
    const std::string name = reason.substr(0, colon);
    const auto place = places.find(name);
    if (parameters.contains(name) && place != places.end()) return place->second;
  }
  const Location* best = &otherwise;
  std::size_t best_score = 1;
  for (const auto& [name, value] : parameters) {
    const auto place = places.find(name);
    const std::string text = to_text(value);
    if (place == places.end() || reason.find(text) == std::string::npos) continue;
    constexpr std::size_t kQuoted = 1000;  // 'text' in quotes beats any length
    const bool quoted = reason.find("'" + text + "'") != std::string::npos;
    const std::size_t score = text.size() + (quoted && !text.empty() ? kQuoted : 0);
    if (score <= best_score) continue;
    best = &place->second;
    best_score = score;
  }
  return *best;
}

void check_tables(const Experiment& experiment, const Plan& plan, ErrorList& errors) {
  if (experiment.tables.empty()) return;
  const std::vector<TaskOutcome> nothing_ran(plan.tasks.size());
  const std::vector<Table> tables = make_tables(experiment, plan, nothing_ran);
  for (std::size_t table = 0; table < tables.size(); ++table) {
    for (const std::vector<Cell>& row : tables[table].rows) {
      for (const Cell& cell : row) {
        if (!cell.mixed.empty()) {
          errors.add(experiment.tables[table].location,
                     fmt::format("table '{}' mixes cases that differ in {} in one cell: add it to "
                                 "rows, columns, over or where",
                                 tables[table].name, fmt::join(cell.mixed, ", ")));
        }
      }
    }
  }
}

}  // namespace wbs::harness
