#include "apps/commands/case_view.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "apps/columns.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "harness/artifact_export.hpp"
#include "harness/filter.hpp"
#include "harness/maintenance.hpp"
#include "harness/values.hpp"

namespace wbs::apps {
namespace {

using nlohmann::json;

/// The cases that `which` names.
std::vector<std::size_t> find_cases(const harness::Plan& plan, const std::string& which) {
  if (const auto number = parse_integer(which)) {
    if (*number < 1 || *number > static_cast<std::int64_t>(plan.cases.size())) {
      throw Error(ErrorKind::usage, fmt::format("case {}: this campaign has cases 1 to {}", *number,
                                                plan.cases.size()));
    }
    return {static_cast<std::size_t>(*number - 1)};
  }
  std::set<std::string> names;
  for (const harness::Case& one : plan.cases) {
    for (const auto& [name, value] : one.parameters) names.insert(name);
  }
  const harness::Filter filter =
      value_or_throw(harness::parse_filter(which, {names.begin(), names.end()}), ErrorKind::usage);
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < plan.cases.size(); ++i) {
    if (filter.matches(plan.cases[i].parameters)) found.push_back(i);
  }
  if (found.empty()) {
    throw Error(ErrorKind::usage, fmt::format("no case of this campaign matches '{}'", which));
  }
  return found;
}

/// The filter that matches exactly these parameters.
std::string filter_text(const harness::Values& parameters) {
  std::string filter;
  for (const auto& [name, value] : parameters) {
    filter += fmt::format("{}{}={}", filter.empty() ? "" : ",", name, harness::to_text(value));
  }
  return filter;
}

/// A detail as a person reads it: numbers with six digits.
std::string short_text(const harness::Value& value) {
  const auto* number = std::get_if<double>(&value);
  return number != nullptr ? fmt::format("{:.6g}", *number) : harness::to_text(value);
}

json task_json(const harness::Task& task, const harness::TaskOutcome& outcome) {
  json item = harness::to_json(outcome.result);
  item.update({{"stage", task.stage},
               {"key", task.key},
               {"parameters", harness::to_json(task.parameters)},
               {"outcome", harness::to_string(outcome.outcome)},
               {"reason", outcome.reason},
               {"attempt", outcome.attempt},
               {"seconds", outcome.seconds},
               {"artifact_digest", outcome.artifact_digest}});
  return item;
}

void print_rows(const std::vector<harness::Values>& rows) {
  if (rows.empty()) return;
  std::vector<std::string> header{"layer"};
  for (const auto& [name, value] : rows.front()) {
    if (name != "layer") header.push_back(name);
  }
  std::vector<std::vector<std::string>> lines;
  for (const harness::Values& row : rows) {
    std::vector<std::string> line;
    for (const std::string& name : header) {
      const auto found = row.find(name);
      line.push_back(found == row.end() ? "" : short_text(found->second));
    }
    lines.push_back(std::move(line));
  }
  fmt::print("\n{}", aligned(header, lines));
}

void print_task(const harness::Task& task, const harness::TaskOutcome& outcome) {
  fmt::print("\n{}: {}{}{} (attempt {}, {:.3f} s, key {})\n", task.stage,
             harness::to_string(outcome.outcome), outcome.reason.empty() ? "" : ": ",
             outcome.reason, outcome.attempt, outcome.seconds, task.key.substr(0, 12));
  for (const auto& [name, value] : outcome.result.metrics) {
    fmt::print("  {:<26} {}\n", name, harness::to_text(value));
  }
  for (const std::string& warning : outcome.result.warnings) fmt::print("  note: {}\n", warning);
  print_rows(outcome.result.rows);
}

}  // namespace

int show_case(const std::string& directory, const std::string& which, bool as_json) {
  const harness::LoadedCampaign campaign = harness::load_campaign(directory);
  json items = json::array();
  for (const std::size_t index : find_cases(campaign.plan, which)) {
    const harness::Case& one = campaign.plan.cases[index];
    json tasks = json::array();
    if (!as_json) fmt::print("case {}: {}\n", index + 1, one.name);
    for (const std::size_t task : one.tasks) {
      if (as_json) {
        tasks.push_back(task_json(campaign.plan.tasks[task], campaign.outcomes[task]));
      } else {
        print_task(campaign.plan.tasks[task], campaign.outcomes[task]);
      }
    }
    if (!as_json) {
      fmt::print("\nagain: wbs-sweep EXPERIMENT --out {} --retry-failed --only '{}'\n\n", directory,
                 filter_text(one.parameters));
    }
    items.push_back({{"case", index + 1},
                     {"name", one.name},
                     {"parameters", harness::to_json(one.parameters)},
                     {"tasks", std::move(tasks)}});
  }
  if (as_json) fmt::print("{}\n", items.dump(2));
  return 0;
}

int export_case_artifact(const std::string& directory, const std::string& which,
                         const std::string& stage, const std::string& output) {
  const harness::LoadedCampaign campaign = harness::load_campaign(directory);
  const std::vector<std::size_t> found = find_cases(campaign.plan, which);
  if (found.size() > 1) {
    throw Error(ErrorKind::usage,
                fmt::format("'{}' matches {} cases, one is needed: first {}", which, found.size(),
                            campaign.plan.cases[found[0]].name));
  }
  for (const std::size_t task : campaign.plan.cases[found[0]].tasks) {
    if (campaign.plan.tasks[task].stage != stage) continue;
    const harness::TaskOutcome& outcome = campaign.outcomes[task];
    if (outcome.artifact_digest.empty()) {
      throw Error(ErrorKind::input, fmt::format("{} of that case ({}) has no artifact", stage,
                                                harness::to_string(outcome.outcome)));
    }
    harness::export_artifact(directory, campaign.plan.tasks[task].key, outcome.artifact_digest,
                             output);
    fmt::print("{}: digest {}\n", output, outcome.artifact_digest);
    return 0;
  }
  throw Error(ErrorKind::usage, fmt::format("that case has no stage '{}'", stage));
}

}  // namespace wbs::apps
