// The tables of an experiment, filled from outcomes. A cell is a number only when everything it
// rests on passed; otherwise it says what happened.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/experiment.hpp"
#include "harness/outcome.hpp"
#include "harness/plan.hpp"

namespace wbs::harness {

struct Cell {
  std::string text;             ///< as tables print it: "7.065e-03", "0.91 ±0.02 (n=3)", "failed"
  std::string raw;              ///< as CSV has it: all digits, no decoration
  std::optional<double> value;  ///< scaled; absent when the cell holds no number
  std::string outcome;          ///< "passed", "failed", "no baseline", ...; "" for row labels
  std::string reason;           ///< why there is no value, or why replicates are missing
  int footnote = 0;             ///< 1-based into Table::footnotes; 0 for none

  std::vector<std::string> cases;           ///< names of the cases behind the value
  std::vector<std::string> baseline_cases;  ///< of those it is compared with
  std::vector<std::string> tasks;           ///< keys of the stage executions that gave it

  std::vector<double> samples;   ///< one per replicate, in case order
  std::optional<double> spread;  ///< median absolute deviation of two and more samples

  std::optional<double> published;
  std::string published_text;  ///< "failed" when the published table says so
  std::optional<double> deviation_percent;

  std::vector<std::string> mixed;  ///< parameters whose cases this cell would mix up
};

struct TableColumn {
  std::string name;    ///< in CSV and JSON
  std::string header;  ///< elsewhere; the unit is not part of it
  std::string unit;
  bool label = false;    ///< tells the lines apart; repeated when a table is printed in blocks
  bool numeric = false;  ///< right-aligned
  bool beside = false;   ///< its cells show published value and deviation as well
};

struct Table {
  std::string name;
  std::string title;
  std::string caption;  ///< names replaced, with the warnings that hold for all its cases
  std::vector<TableColumn> columns;
  std::vector<std::vector<Cell>> rows;
  std::vector<std::string> footnotes;
  std::vector<std::string> notes;  ///< warnings of some cases, counts of what did not pass
};

/// The experiment's tables over the plan's cases; `outcomes` are aligned to Plan::tasks. Rows and
/// columns keep the order of the cases, so the result does not depend on who ran what when.
[[nodiscard]] std::vector<Table> make_tables(const Experiment& experiment, const Plan& plan,
                                             const std::vector<TaskOutcome>& outcomes);

}  // namespace wbs::harness
