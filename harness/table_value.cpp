#include "harness/table_value.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/statistics.hpp"
#include "core/text.hpp"
#include "harness/plan_status.hpp"
#include "harness/values.hpp"

namespace wbs::harness {
namespace {

std::string signature(const Values& parameters) {
  std::string text;
  for (const auto& [name, value] : parameters) {
    text += to_text(value);
    text += '\x1f';
  }
  return text;
}

/// `mine` against `theirs`; nothing when that divides by 0.
std::optional<double> compare(double mine, double theirs, Comparison comparison) {
  if (comparison == Comparison::difference) return mine - theirs;
  const double divisor = comparison == Comparison::speedup ? mine : theirs;
  if (divisor == 0.0) return std::nullopt;
  const double quotient = (comparison == Comparison::speedup ? theirs : mine) / divisor;
  return comparison == Comparison::percent ? 100.0 * (quotient - 1.0) : quotient;
}

/// The text of the parameters in `names`, in order.
std::vector<std::string> texts_of(const Values& parameters, const std::vector<std::string>& names) {
  std::vector<std::string> texts;
  for (const std::string& name : names) {
    const auto found = parameters.find(name);
    texts.push_back(found == parameters.end() ? "" : to_text(found->second));
  }
  return texts;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Parameters outside the table's layout that differ among `cases`.
std::vector<std::string> differing(const Plan& plan, const TableSpec& spec,
                                   const std::vector<std::size_t>& cases) {
  std::vector<std::string> names;
  const Values& first = plan.cases[cases.front()].parameters;
  for (const auto& [name, value] : first) {
    if (contains(spec.rows, name) || contains(spec.columns, name) || contains(spec.over, name)) {
      continue;
    }
    for (const std::size_t index : cases) {
      if (plan.cases[index].parameters.at(name) == value) continue;
      names.push_back(name);
      break;
    }
  }
  return names;
}

std::string outcome_word(Outcome outcome) {
  if (outcome == Outcome::planned) return "not run";
  return std::string(to_string(outcome));
}

/// Text, flags and integers as they are: no median, no rounding.
void show_exact(const TableValue& value, const Value& exact, Cell& cell) {
  cell.raw = cell.text = to_text(exact);
  if (const auto* flag = std::get_if<bool>(&exact)) {
    cell.text = *flag ? "yes" : "no";
  } else if (std::holds_alternative<std::int64_t>(exact)) {
    cell.value = cell.samples.front();
    cell.raw = number_text(*cell.value);
    const bool plain = value.scale == 1.0 && value.format == NumberFormat::general;
    if (!plain) cell.text = format_number(*cell.value, value);
  }
}

/// "+1.5", "-0.3", and "0.0" for what rounds to it.
std::string signed_text(double number, int digits) {
  const std::string text = fmt::format("{:+.{}f}", number, digits);
  const bool is_zero = text.find_first_not_of("+-0.") == std::string::npos;
  return is_zero ? text.substr(1) : text;
}

/// Adds the published value and the deviation to a cell that has a value, or replaces the value
/// by the deviation when the column asks for that.
void compare_with_published(const TableValue& value, Cell& cell) {
  if (value.published_set.empty()) return;
  if (cell.value && cell.published && *cell.published != 0.0) {
    cell.deviation_percent = 100.0 * (*cell.value / *cell.published - 1.0);
  }
  if (value.deviation) {
    cell.spread.reset();
    cell.value = cell.deviation_percent;
    cell.text = cell.value ? signed_text(*cell.value, value.digits) : "";
    cell.raw = cell.value ? number_text(*cell.value) : "";
    if (!cell.value) cell.outcome = "not published";
  } else if (cell.deviation_percent) {
    cell.text +=
        fmt::format(" ({}, {}%)", cell.published_text, signed_text(*cell.deviation_percent, 1));
  } else if (!cell.published_text.empty()) {
    cell.text += fmt::format(" ({})", cell.published_text);
  }
}

void set_absent(Cell& cell, std::string outcome, std::string reason) {
  cell.text = cell.raw = outcome;
  cell.outcome = std::move(outcome);
  cell.reason = std::move(reason);
}

}  // namespace

/// A metric of one case, or why there is none.
struct CellSource::Reading {
  std::optional<Value> value;
  std::string outcome;
  std::string reason;
};

CellSource::CellSource(const Experiment& experiment, const Plan& plan,
                       const std::vector<TaskOutcome>& outcomes)
    : experiment_(experiment), plan_(plan), outcomes_(outcomes) {
  WBS_ASSERT(outcomes.size() == plan.tasks.size());
}

std::optional<std::size_t> CellSource::task_of(std::size_t index, std::string_view stage) const {
  for (const std::size_t task : plan_.cases[index].tasks) {
    if (plan_.tasks[task].stage == stage) return task;
  }
  return std::nullopt;
}

std::optional<std::size_t> CellSource::find_case(const Values& parameters) {
  if (by_parameters_.empty()) {
    for (std::size_t index = 0; index < plan_.cases.size(); ++index) {
      by_parameters_.emplace(signature(plan_.cases[index].parameters), index);
    }
  }
  const auto found = by_parameters_.find(signature(parameters));
  if (found == by_parameters_.end()) return std::nullopt;
  return found->second;
}

CellSource::Reading CellSource::read_metric(std::size_t index, const TableValue& value) const {
  const std::optional<std::size_t> task = task_of(index, value.stage);
  WBS_ASSERT(task.has_value());
  const CaseStatus status = task_status(plan_, *task, outcomes_);
  if (status.outcome != Outcome::passed) {
    if (status.outcome == Outcome::planned) return {{}, outcome_word(status.outcome), ""};
    return {{}, outcome_word(status.outcome), fmt::format("{}: {}", status.stage, status.reason)};
  }
  const Values& metrics = outcomes_[*task].result.metrics;
  const auto found = metrics.find(value.metric);
  if (found == metrics.end()) {
    std::vector<std::string> names;
    for (const auto& [name, metric] : metrics) names.push_back(name);
    return {{},
            "no metric",
            fmt::format("stage '{}' gave no metric '{}'{}; it gave {}", value.stage, value.metric,
                        suggestion(value.metric, names), fmt::join(names, ", "))};
  }
  const std::optional<double> number = as_number(found->second);
  if (number && !std::isfinite(*number)) {
    return {{}, "diverged", fmt::format("{}: {} is not finite", value.stage, value.metric)};
  }
  return {found->second, "passed", ""};
}

CellSource::Reading CellSource::read_compared(std::size_t index, const TableValue& value,
                                              Cell& cell) {
  Reading ours = read_metric(index, value);
  if (value.baseline.empty() || !ours.value) return ours;
  Values wanted = plan_.cases[index].parameters;
  for (const auto& [name, replaced] : value.baseline) wanted[name] = replaced;
  const std::optional<std::size_t> baseline = find_case(wanted);
  if (!baseline) {
    std::vector<std::string> texts;
    for (const auto& [name, replaced] : value.baseline) {
      texts.push_back(fmt::format("{}={}", name, to_text(replaced)));
    }
    return {{}, "no baseline", fmt::format("no case agrees in all but {}", fmt::join(texts, ", "))};
  }
  cell.baseline_cases.push_back(plan_.cases[*baseline].name);
  const Reading other = read_metric(*baseline, value);
  if (!other.value) {
    return {{},
            "no baseline",
            fmt::format("its baseline '{}' is {}{}", plan_.cases[*baseline].name, other.outcome,
                        other.reason.empty() ? "" : fmt::format(" ({})", other.reason))};
  }
  cell.tasks.push_back(plan_.tasks[*task_of(*baseline, value.stage)].key);
  const std::optional<double> mine = as_number(*ours.value);
  const std::optional<double> theirs = as_number(*other.value);
  if (!mine || !theirs) {
    return {{}, "no baseline", fmt::format("'{}' is text: nothing to compare", value.metric)};
  }
  const std::optional<double> compared = compare(*mine, *theirs, value.comparison);
  if (!compared) return {{}, "no baseline", "the comparison divides by 0"};
  ours.value = *compared;
  return ours;
}

std::vector<std::size_t> CellSource::replicates(const TableSpec& spec, const TableValue& value,
                                                const std::vector<std::size_t>& cases,
                                                Cell& cell) const {
  std::map<std::vector<std::string>, std::size_t> first_case;  // by replicate
  std::vector<std::size_t> kept;
  std::set<std::size_t> tasks;
  for (const std::size_t index : cases) {
    const std::size_t task = *task_of(index, value.stage);
    const auto [first, is_new] =
        first_case.emplace(texts_of(plan_.cases[index].parameters, spec.over), index);
    if (!is_new) {
      if (*task_of(first->second, value.stage) != task) cell.mixed = differing(plan_, spec, cases);
      continue;
    }
    // Replicates that share an execution (a stage that the seed does not reach) are one sample.
    if (tasks.insert(task).second) kept.push_back(index);
  }
  return kept;
}

std::optional<Value> CellSource::published(const TableValue& value,
                                           const Values& parameters) const {
  const auto set = std::find_if(
      experiment_.published.begin(), experiment_.published.end(),
      [&](const PublishedSet& candidate) { return candidate.name == value.published_set; });
  WBS_ASSERT(set != experiment_.published.end());
  const std::vector<std::string> keys = texts_of(parameters, set->keys);
  const auto column = static_cast<std::size_t>(
      std::find(set->values.begin(), set->values.end(), value.published_value) -
      set->values.begin());
  for (const PublishedSet::Row& row : set->rows) {
    const bool same =
        std::equal(keys.begin(), keys.end(), row.keys.begin(), row.keys.end(),
                   [](const std::string& text, const Value& key) { return text == to_text(key); });
    if (same) return row.values[column];
  }
  return std::nullopt;
}

void CellSource::add_published(const TableSpec& spec, const TableValue& value,
                               const std::vector<std::size_t>& cases, Cell& cell) const {
  const Values& parameters = plan_.cases[cases.front()].parameters;
  const std::optional<Value> found = published(value, parameters);
  for (const std::size_t index : cases) {
    if (published(value, plan_.cases[index].parameters) == found) continue;
    cell.mixed = differing(plan_, spec, cases);
    return;
  }
  if (!found) return;
  if (const std::optional<double> number = as_number(*found)) {
    cell.published = *number * value.scale;
    cell.published_text = format_number(*cell.published, value);
    if (value.stage.empty() && !value.baseline.empty()) compare_published(value, parameters, cell);
  } else {
    cell.published_text = to_text(*found);
  }
}

/// A purely published column with a baseline: both numbers come from the published set.
void CellSource::compare_published(const TableValue& value, const Values& parameters,
                                   Cell& cell) const {
  Values wanted = parameters;
  for (const auto& [name, replaced] : value.baseline) wanted[name] = replaced;
  const std::optional<Value> baseline = published(value, wanted);
  const std::optional<double> number = baseline ? as_number(*baseline) : std::nullopt;
  const std::optional<double> compared =
      number ? compare(*cell.published, *number * value.scale, value.comparison) : std::nullopt;
  cell.published = compared;
  if (compared) {
    cell.published_text = format_number(*compared, value);
    return;
  }
  cell.published_text = "no baseline";
  cell.reason = baseline ? fmt::format("the published baseline is '{}'", to_text(*baseline))
                         : "the baseline was not published";
}

Cell CellSource::cell(const TableSpec& spec, const TableValue& value,
                      const std::vector<std::size_t>& cases) {
  Cell cell;
  if (cases.empty()) return cell;
  for (const std::size_t index : cases) cell.cases.push_back(plan_.cases[index].name);
  if (!value.published_set.empty()) add_published(spec, value, cases, cell);
  if (value.stage.empty()) {
    cell.outcome = cell.published_text.empty() ? "not published" : "published";
    if (!cell.reason.empty()) cell.outcome = "no baseline";
    cell.text = cell.published_text;
    cell.value = cell.published;
    cell.raw = cell.published ? number_text(*cell.published) : cell.published_text;
    return cell;
  }
  const std::vector<std::size_t> kept = replicates(spec, value, cases, cell);
  if (!cell.mixed.empty()) {
    set_absent(cell, "mixed", fmt::format("cases differ in {}", fmt::join(cell.mixed, ", ")));
    return cell;
  }
  std::vector<Reading> readings;
  for (const std::size_t index : kept) {
    cell.tasks.push_back(plan_.tasks[*task_of(index, value.stage)].key);
    readings.push_back(read_compared(index, value, cell));
  }
  summarise(value, readings, cell);
  return cell;
}

void CellSource::summarise(const TableValue& value, const std::vector<Reading>& readings,
                           Cell& cell) {
  const Reading* missing = nullptr;
  const Reading* passed = nullptr;
  std::size_t count = 0;
  for (const Reading& reading : readings) {
    if (!reading.value) {
      if (missing == nullptr) missing = &reading;
      continue;
    }
    ++count;
    if (passed == nullptr) passed = &reading;
    if (const auto number = as_number(*reading.value)) {
      cell.samples.push_back(*number * value.scale);
    }
  }
  if (passed == nullptr) {
    WBS_ASSERT(missing != nullptr);  // a cell has at least one reading
    set_absent(cell, missing->outcome, missing->reason);
    return;
  }
  cell.outcome = "passed";
  if (count == 1 && !std::holds_alternative<double>(*passed->value)) {
    show_exact(value, *passed->value, cell);
  } else if (cell.samples.empty()) {
    const bool agree = std::all_of(readings.begin(), readings.end(), [&](const Reading& reading) {
      return !reading.value || reading.value == passed->value;
    });
    if (!agree) {
      set_absent(cell, "differs", "the replicates of this text differ");
      return;
    }
    show_exact(value, *passed->value, cell);
  } else {
    cell.value = median(cell.samples);
    cell.raw = number_text(*cell.value);
    cell.text = format_number(*cell.value, value);
  }
  if (cell.samples.size() > 1) {
    cell.spread = median_absolute_deviation(cell.samples);
    cell.text += fmt::format(" ±{}", format_number(*cell.spread, value));
  }
  compare_with_published(value, cell);
  if (readings.size() > 1 && !cell.samples.empty()) {
    cell.text += missing == nullptr ? fmt::format(" (n={})", count)
                                    : fmt::format(" (n={} of {})", count, readings.size());
  }
  if (missing != nullptr && cell.reason.empty()) {
    cell.reason = fmt::format("{}: {}", missing->outcome, missing->reason);
  }
}

std::string format_number(double number, const TableValue& value) {
  switch (value.format) {
    case NumberFormat::fixed:
      return fmt::format("{:.{}f}", number, value.digits);
    case NumberFormat::scientific:
      return fmt::format("{:.{}e}", number, value.digits);
    case NumberFormat::general:
      break;
  }
  return fmt::format("{:.{}g}", number, value.digits == 0 ? 1 : value.digits);
}

}  // namespace wbs::harness
