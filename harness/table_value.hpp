// The value of one table cell. Private to this folder.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "harness/table.hpp"

namespace wbs::harness {

/// Everything that cells are computed from.
class CellSource {
 public:
  CellSource(const Experiment& experiment, const Plan& plan,
             const std::vector<TaskOutcome>& outcomes);

  /// The cell of `value` over `cases` (indices into Plan::cases): the value when they share one
  /// execution, the median over the replicate parameters otherwise.
  [[nodiscard]] Cell cell(const TableSpec& spec, const TableValue& value,
                          const std::vector<std::size_t>& cases);

  /// The execution of `stage` in a case, or nothing when the experiment does not list it.
  [[nodiscard]] std::optional<std::size_t> task_of(std::size_t index, std::string_view stage) const;

  [[nodiscard]] const Plan& plan() const noexcept { return plan_; }
  [[nodiscard]] const std::vector<TaskOutcome>& outcomes() const noexcept { return outcomes_; }

 private:
  struct Reading;
  [[nodiscard]] Reading read_metric(std::size_t index, const TableValue& value) const;
  [[nodiscard]] Reading read_compared(std::size_t index, const TableValue& value, Cell& cell);
  [[nodiscard]] std::vector<std::size_t> replicates(const TableSpec& spec, const TableValue& value,
                                                    const std::vector<std::size_t>& cases,
                                                    Cell& cell) const;
  static void summarise(const TableValue& value, const std::vector<Reading>& readings, Cell& cell);
  void add_published(const TableSpec& spec, const TableValue& value,
                     const std::vector<std::size_t>& cases, Cell& cell) const;
  void compare_published(const TableValue& value, const Values& parameters, Cell& cell) const;
  [[nodiscard]] std::optional<Value> published(const TableValue& value,
                                               const Values& parameters) const;
  [[nodiscard]] std::optional<std::size_t> find_case(const Values& parameters);

  const Experiment& experiment_;
  const Plan& plan_;
  const std::vector<TaskOutcome>& outcomes_;
  std::unordered_map<std::string, std::size_t> by_parameters_;  // filled on first use
};

/// `number` in the style of `value`; an integer without a style of its own stays one.
[[nodiscard]] std::string format_number(double number, const TableValue& value);

}  // namespace wbs::harness
