// What an experiment file says, checked: the parameters and their axes, the tables, the published
// values. Free of TOML, so that everything behind the reader works on plain values.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "harness/filter.hpp"
#include "harness/stage.hpp"

namespace wbs::harness {

/// Where a piece of the experiment was written. Line 0 means the source is not a file but an
/// argument such as "--set array=4x4".
struct Location {
  std::string source;
  int line = 0;
  int column = 0;
};
/// "experiments/a.toml:3:7" or "--set array=4x4".
[[nodiscard]] std::string to_string(const Location& where);

/// Everything that is wrong with an experiment, found in one go. what() has one line per error.
class ExperimentErrors : public Error {
 public:
  explicit ExperimentErrors(std::vector<std::string> errors);
  [[nodiscard]] const std::vector<std::string>& errors() const noexcept { return errors_; }

 private:
  std::vector<std::string> errors_;
};

/// Collects errors with their places; `raise` throws them together, in the order of the file.
class ErrorList {
 public:
  /// Adds an error; a second one with the same place and text is dropped.
  void add(const Location& where, std::string message);
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] std::vector<std::string> lines() const;
  void raise_if_any() const;

 private:
  struct Entry {
    Location where;
    std::string message;
  };
  std::vector<Entry> entries_;
  std::set<std::string> seen_;
};

struct LocatedName {
  std::string name;
  Location where;
};

struct LocatedValue {
  Value value;
  Location where;
};

/// A parameter with one value for all cases.
struct FixedParameter {
  LocatedName name;
  LocatedValue value;
};

/// Parameters that change together: one name for a [matrix] entry, several for a [[zip]].
/// Every point has one value per name.
struct Axis {
  std::vector<LocatedName> names;
  std::vector<std::vector<LocatedValue>> points;
};

/// Cases to leave out: those that meet all conditions of one [[exclude]].
struct Exclusion {
  Filter filter;
  Location where;
};

/// Values of others to compare with: rows keyed by parameters.
struct PublishedSet {
  std::string name;
  std::string source;
  std::vector<std::string> keys;    ///< parameters
  std::vector<std::string> values;  ///< names of the value columns
  struct Row {
    std::vector<Value> keys;
    std::vector<Value> values;  ///< text such as "failed" stays text
  };
  std::vector<Row> rows;
};

enum class NumberFormat { general, fixed, scientific };
/// How a value is set against its baseline b: speedup b/v, ratio v/b, difference v-b, percent
/// 100(v/b-1).
enum class Comparison { speedup, ratio, difference, percent };

/// One value column of a table.
struct TableValue {
  std::string name;    ///< in CSV and JSON
  std::string header;  ///< in the other forms; the name unless the file says otherwise
  std::string stage;   ///< empty for a purely published column
  std::string metric;
  std::string published_set;  ///< empty when nothing is compared
  std::string published_value;
  bool deviation = false;  ///< show 100 (metric / published - 1) instead of the metric
  Values baseline;         ///< parameters that the baseline case has instead; empty for none
  Comparison comparison = Comparison::speedup;
  double scale = 1.0;
  NumberFormat format = NumberFormat::general;
  int digits = 4;  ///< significant digits (general) or decimals
  std::string unit;
  Location where;
};

/// Parameter -> value's text -> what tables print for it.
using DisplayMap = std::map<std::string, std::map<std::string, std::string>>;

/// One [[table]]. Without `columns` it is a list: a line per combination of the row parameters.
/// With them it is a pivot: each value appears once per combination of the column parameters.
struct TableSpec {
  std::string name;
  std::string title;
  std::string caption;
  std::vector<std::string> rows;
  std::vector<std::string> columns;
  std::vector<std::string> over;       ///< replicate parameters: the cell is their median
  std::vector<TableValue> row_values;  ///< once per line: what does not depend on the columns
  std::vector<TableValue> values;
  Filter where;
  std::map<std::string, std::string> headers;  ///< parameter -> its column header
  DisplayMap display;
  Location location;
};

/// [run]: how to run, which never changes results. Zero means the program's default.
struct RunOptions {
  int retries = 0;
  double timeout_s = 0.0;
  int threads = 0;
};

struct Experiment {
  std::string name;
  std::string title;
  std::string source_path;
  std::string text;                    ///< of the file, byte for byte
  std::vector<std::string> overrides;  ///< --set arguments that were applied
  std::vector<LocatedName> stages;
  std::vector<std::string> labels;  ///< parameters that no stage reads
  std::vector<FixedParameter> fixed;
  std::vector<std::string> refused;     ///< parameters whose values were wrong (and reported)
  std::vector<Axis> axes;               ///< outermost first
  std::vector<std::string> case_names;  ///< parameters that name a case
  std::vector<std::string> added_axes;  ///< axes that only --set brought
  std::vector<Exclusion> exclusions;
  std::vector<PublishedSet> published;
  std::vector<TableSpec> tables;
  RunOptions run;
};

/// A caption in pieces: plain text and the names in "{name}"; "{{" and "}}" are braces.
struct CaptionPart {
  bool is_name = false;
  std::string text;
};
[[nodiscard]] std::vector<CaptionPart> parse_caption(std::string_view caption);

/// Reads, checks and overrides an experiment; adds to `errors` whatever is wrong and returns what
/// could be understood. `overrides` are "key=value" as given to --set.
[[nodiscard]] Experiment read_experiment(std::string_view text, const std::string& source_name,
                                         const std::vector<std::string>& overrides,
                                         const StageRegistry& registry, ErrorList& errors);

/// Every parameter that the experiment's stages declare, in stage order, then its labels.
[[nodiscard]] std::vector<std::string> known_parameters(const Experiment& experiment,
                                                        const StageRegistry& registry);

/// The declaration of `parameter` by the first of the experiment's stages that has one.
[[nodiscard]] const ParameterSpec* find_parameter(const std::vector<ParameterSpec>& specs,
                                                  std::string_view parameter) noexcept;
[[nodiscard]] std::vector<ParameterSpec> declared_parameters(const Experiment& experiment,
                                                             const StageRegistry& registry);

}  // namespace wbs::harness
