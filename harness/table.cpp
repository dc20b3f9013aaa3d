#include "harness/table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "core/error.hpp"
#include "harness/plan_status.hpp"
#include "harness/table_value.hpp"
#include "harness/values.hpp"

namespace wbs::harness {
namespace {

constexpr std::size_t kMostNotes = 4;  // a capped layer each would bury the table

/// Groups in order of first appearance.
struct Groups {
  std::vector<std::vector<std::string>> keys;
  std::map<std::vector<std::string>, std::size_t> place;

  std::size_t add(const std::vector<std::string>& key) {
    const auto [found, is_new] = place.emplace(key, keys.size());
    if (is_new) keys.push_back(key);
    return found->second;
  }
};

class TableMaker {
 public:
  TableMaker(const Experiment& experiment, const TableSpec& spec, CellSource& source)
      : experiment_(experiment), spec_(spec), source_(source) {}

  Table make() {
    table_.name = spec_.name;
    table_.title = spec_.title;
    group_cases();
    add_columns();
    for (std::size_t row = 0; row < rows_.keys.size(); ++row) add_row(row);
    align_text_columns();
    add_warnings();
    add_outcome_note();
    table_.caption = caption();
    return std::move(table_);
  }

 private:
  [[nodiscard]] const Case& case_at(std::size_t index) const { return source_.plan().cases[index]; }

  /// The text of a parameter; "" when a stored plan is older than the parameter.
  [[nodiscard]] static std::string text_of(const Case& shown, const std::string& parameter) {
    const auto found = shown.parameters.find(parameter);
    return found == shown.parameters.end() ? std::string{} : to_text(found->second);
  }

  [[nodiscard]] std::vector<std::string> key_of(const Case& shown,
                                                const std::vector<std::string>& names) const {
    std::vector<std::string> key;
    key.reserve(names.size());
    for (const std::string& name : names) key.push_back(text_of(shown, name));
    return key;
  }

  [[nodiscard]] std::string displayed(const std::string& parameter, const std::string& text) const {
    const auto map = spec_.display.find(parameter);
    if (map == spec_.display.end()) return text;
    const auto shown = map->second.find(text);
    return shown == map->second.end() ? text : shown->second;
  }

  void group_cases() {
    for (std::size_t index = 0; index < source_.plan().cases.size(); ++index) {
      const Case& shown = case_at(index);
      if (!spec_.where.matches(shown.parameters)) continue;
      cases_.push_back(index);
      const std::size_t row = rows_.add(key_of(shown, spec_.rows));
      const std::size_t column = columns_.add(key_of(shown, spec_.columns));
      members_[{row, column}].push_back(index);
    }
  }

  void add_columns() {
    for (const std::string& parameter : spec_.rows) {
      const auto header = spec_.headers.find(parameter);
      const std::string name = header == spec_.headers.end() ? parameter : header->second;
      table_.columns.push_back({name, name, "", true, false, false});
    }
    for (const TableValue& value : spec_.row_values) {
      table_.columns.push_back(column_of(value));
      table_.columns.back().label = true;
    }
    for (const std::vector<std::string>& key : columns_.keys) {
      std::vector<std::string> shown;
      shown.reserve(key.size());
      for (std::size_t i = 0; i < key.size(); ++i) {
        shown.push_back(displayed(spec_.columns[i], key[i]));
      }
      const std::string prefix = fmt::format("{}", fmt::join(shown, " "));
      for (const TableValue& value : spec_.values) {
        TableColumn column = column_of(value);
        if (!prefix.empty()) {
          const bool alone = spec_.values.size() == 1;
          column.name = alone ? prefix : prefix + "_" + value.name;
          column.header = alone ? prefix : prefix + " " + value.header;
        }
        table_.columns.push_back(std::move(column));
      }
    }
  }

  [[nodiscard]] static TableColumn column_of(const TableValue& value) {
    const bool beside = !value.stage.empty() && !value.published_set.empty() && !value.deviation;
    return {value.name, value.header, value.unit, false, true, beside};
  }

  /// Columns of a text metric are aligned to the left.
  void align_text_columns() {
    for (std::size_t column = 0; column < table_.columns.size(); ++column) {
      for (const std::vector<Cell>& row : table_.rows) {
        const Cell& cell = row[column];
        if (cell.outcome == "passed" && cell.samples.empty())
          table_.columns[column].numeric = false;
      }
    }
  }

  void add_cell(const TableValue& value, const std::vector<std::size_t>& cases,
                std::vector<Cell>& cells) {
    cells.push_back(source_.cell(spec_, value, cases));
    Cell& cell = cells.back();
    if (!cell.reason.empty()) cell.footnote = footnote(footnote_text(cell));
  }

  void add_row(std::size_t row) {
    std::vector<Cell> cells;
    for (std::size_t i = 0; i < spec_.rows.size(); ++i) {
      Cell label;
      label.text = label.raw = displayed(spec_.rows[i], rows_.keys[row][i]);
      cells.push_back(std::move(label));
    }
    std::vector<std::size_t> all;
    for (std::size_t column = 0; column < columns_.keys.size(); ++column) {
      const std::vector<std::size_t>& members = members_[{row, column}];
      all.insert(all.end(), members.begin(), members.end());
    }
    std::sort(all.begin(), all.end());
    for (const TableValue& value : spec_.row_values) add_cell(value, all, cells);
    for (std::size_t column = 0; column < columns_.keys.size(); ++column) {
      for (const TableValue& value : spec_.values) add_cell(value, members_[{row, column}], cells);
    }
    table_.rows.push_back(std::move(cells));
  }

  [[nodiscard]] static std::string footnote_text(const Cell& cell) {
    if (cell.outcome == "passed") return cell.reason;
    return fmt::format("{}: {}", cell.outcome, cell.reason);
  }

  /// The number of the footnote with this text, equal texts sharing one.
  int footnote(const std::string& text) {
    std::vector<std::string>& notes = table_.footnotes;
    const auto found = std::find(notes.begin(), notes.end(), text);
    if (found != notes.end()) return static_cast<int>(found - notes.begin()) + 1;
    notes.push_back(text);
    return static_cast<int>(notes.size());
  }

  /// "pattern=block:16x16@0.75": what the affected cases have in common and the others have not.
  [[nodiscard]] std::string common_values(const std::vector<std::size_t>& affected) const {
    std::vector<std::string> texts;
    for (const std::string& name : experiment_.case_names) {
      const std::string value = text_of(case_at(affected.front()), name);
      const auto agrees = [&](std::size_t index) { return text_of(case_at(index), name) == value; };
      if (std::all_of(affected.begin(), affected.end(), agrees) &&
          !std::all_of(cases_.begin(), cases_.end(), agrees)) {
        texts.push_back(fmt::format("{}={}", name, value));
      }
    }
    return fmt::format("{}", fmt::join(texts, " "));
  }

  /// Warnings of every case that has run go into the caption, the others into the notes.
  void add_warnings() {
    std::vector<std::string> warnings;
    std::map<std::string, std::vector<std::size_t>> affected;
    std::size_t finished = 0;
    for (const std::size_t index : cases_) {
      bool passed = true;
      std::vector<std::string> own;
      for (const std::size_t task : case_at(index).tasks) {
        const TaskOutcome& outcome = source_.outcomes()[task];
        passed = passed && outcome.outcome == Outcome::passed;
        for (const std::string& warning : outcome.result.warnings) {
          if (std::find(own.begin(), own.end(), warning) == own.end()) own.push_back(warning);
        }
      }
      finished += passed ? 1U : 0U;
      for (const std::string& warning : own) {
        std::vector<std::size_t>& indices = affected[warning];
        if (indices.empty()) warnings.push_back(warning);
        indices.push_back(index);
      }
    }
    std::size_t left_out = 0;
    for (const std::string& warning : warnings) {
      const std::vector<std::size_t>& indices = affected.at(warning);
      if (indices.size() >= finished) {
        common_warnings_.push_back(warning);
      } else if (table_.notes.size() >= kMostNotes) {
        ++left_out;
      } else {
        const std::string where = common_values(indices);
        table_.notes.push_back(fmt::format("{} ({}{} of {} cases)", warning,
                                           where.empty() ? "" : where + "; ", indices.size(),
                                           cases_.size()));
      }
    }
    if (left_out > 0) {
      table_.notes.push_back(fmt::format("and {} more warnings, kept with their cases", left_out));
    }
  }

  void add_outcome_note() {
    std::map<std::string, std::size_t> counts;
    std::size_t missing = 0;
    for (const std::size_t index : cases_) {
      const CaseStatus status = case_status(source_.plan(), case_at(index), source_.outcomes());
      if (status.outcome == Outcome::passed) continue;
      ++missing;
      ++counts[std::string(status.outcome == Outcome::planned ? "not run"
                                                              : to_string(status.outcome))];
    }
    if (missing == 0) return;
    std::vector<std::string> texts;
    texts.reserve(counts.size());
    for (const auto& [outcome, count] : counts)
      texts.push_back(fmt::format("{} {}", count, outcome));
    table_.notes.push_back(fmt::format("{} of {} cases did not pass: {}", missing, cases_.size(),
                                       fmt::join(texts, ", ")));
  }

  /// The distinct values of "{name}" over the table's cases, in their order.
  [[nodiscard]] std::string substituted(const std::string& name) const {
    std::vector<std::string> texts;
    const std::size_t dot = name.find('.');
    for (const std::size_t index : cases_) {
      std::string text;
      if (dot == std::string::npos) {
        text = displayed(name, text_of(case_at(index), name));
      } else {
        const auto task = source_.task_of(index, name.substr(0, dot));
        const Values& metrics = source_.outcomes()[*task].result.metrics;
        const auto metric = metrics.find(name.substr(dot + 1));
        if (metric == metrics.end()) continue;
        text = to_text(metric->second);
      }
      if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(text);
    }
    return texts.empty() ? "unknown" : fmt::format("{}", fmt::join(texts, ", "));
  }

  [[nodiscard]] std::string caption() const {
    std::string text;
    for (const CaptionPart& part : parse_caption(spec_.caption)) {
      text += part.is_name ? substituted(part.text) : part.text;
    }
    const auto append = [&](const std::string& sentence) {
      if (sentence.empty()) return;
      if (!text.empty()) text += text.back() == '.' ? " " : ". ";
      text += sentence;
    };
    for (const std::string& warning : common_warnings_) append(warning);
    for (const PublishedSet& set : experiment_.published) {
      const auto uses = [&](const TableValue& value) { return value.published_set == set.name; };
      if (std::any_of(spec_.values.begin(), spec_.values.end(), uses)) {
        append(fmt::format("Published values: {}", set.source));
      }
    }
    const auto beside = [](const TableColumn& column) { return column.beside; };
    if (std::any_of(table_.columns.begin(), table_.columns.end(), beside)) {
      append("In parentheses: the published value and our deviation from it");
    }
    const auto spread = [](const std::vector<Cell>& row) {
      return std::any_of(row.begin(), row.end(), [](const Cell& cell) { return cell.spread; });
    };
    if (std::any_of(table_.rows.begin(), table_.rows.end(), spread)) {
      append(
          fmt::format("Median ± median absolute deviation over {}", fmt::join(spec_.over, ", ")));
    }
    if (!text.empty() && text.back() != '.') text += '.';
    return text;
  }

  const Experiment& experiment_;
  const TableSpec& spec_;
  CellSource& source_;
  Table table_;
  std::vector<std::size_t> cases_;
  Groups rows_;
  Groups columns_;
  std::map<std::pair<std::size_t, std::size_t>, std::vector<std::size_t>> members_;
  std::vector<std::string> common_warnings_;
};

}  // namespace

std::vector<Table> make_tables(const Experiment& experiment, const Plan& plan,
                               const std::vector<TaskOutcome>& outcomes) {
  WBS_ASSERT(outcomes.size() == plan.tasks.size());
  CellSource source(experiment, plan, outcomes);
  std::vector<Table> tables;
  tables.reserve(experiment.tables.size());
  for (const TableSpec& spec : experiment.tables) {
    tables.push_back(TableMaker(experiment, spec, source).make());
  }
  return tables;
}

}  // namespace wbs::harness
