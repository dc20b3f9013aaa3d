// What the sweep engine runs. A stage is a pure function of its parameters and input artifacts; the
// engine knows nothing else about it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace wbs::harness {

/// A parameter or metric value. Not-a-number never is one: it is an outcome.
using Value = std::variant<bool, std::int64_t, double, std::string>;
using Values = std::map<std::string, Value>;

/// What a stage does with one parameter: its type and what a user should know about it.
enum class ValueType { boolean, integer, number, text };
struct ParameterSpec {
  std::string name;
  ValueType type = ValueType::text;
  Value default_value;  ///< used when the experiment does not say
  std::string help;     ///< one line for `wbs list stages`
  bool required = false;
};

/// What a stage needs while it runs; the scheduler honours it.
struct Resources {
  int cores = 1;
  std::int64_t memory_bytes = 0;
  bool exclusive = false;  ///< alone on its node: for stages that measure time
};

/// One execution as the stage sees it.
struct StageRun {
  const Values& parameters;  ///< exactly those of Stage::parameters()
  const std::map<std::string, std::string>&
      inputs;               ///< stage name -> path of its verified artifact
  std::string output_path;  ///< where to write the artifact (a new file)
  int threads = 1;
  std::function<void(double fraction)> progress;
  /// A folder of the campaign that outlives attempts and runs, for checkpoints; it need not exist.
  /// Empty: there is none.
  std::string keep_directory = {};
};

/// What a finished stage says. Metrics go to the store; rows are per-layer (or similar) details.
struct StageResult {
  Values metrics;
  std::vector<Values> rows;           ///< a table of details, one schema per stage
  std::vector<std::string> warnings;  ///< printed with the case, for example "ratio capped at 0.4"
};

/// A step of a case. Virtual because experiments name stages at run time.
class Stage {
 public:
  Stage() = default;
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  virtual ~Stage() = default;

  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Part of the stage's key: raise it when the same parameters would give other results.
  [[nodiscard]] virtual int version() const = 0;
  /// Only these parameters enter the key, so cases that differ elsewhere share the artifact.
  [[nodiscard]] virtual std::vector<ParameterSpec> parameters() const = 0;
  /// Stages whose artifacts this one reads when the experiment lists them, in order.
  [[nodiscard]] virtual std::vector<std::string> inputs() const = 0;
  [[nodiscard]] virtual Resources resources(const Values& parameters) const = 0;
  /// Why these parameters cannot work ("block 16x16 is larger than ..."); empty when they can.
  /// Also gives digests of files that parameters name, so that the key follows the data.
  [[nodiscard]] virtual std::vector<std::string> validate(
      const Values& parameters, std::map<std::string, std::string>& data_digests) const = 0;
  /// Runs in a child process without MPI. Throws Error; ErrorKind::unsupported makes the outcome
  /// `unsupported` with that reason, any other kind `failed`.
  [[nodiscard]] virtual StageResult run(const StageRun& run) const = 0;
};

/// Stages by name, filled by explicit calls from apps/.
class StageRegistry {
 public:
  void add(std::unique_ptr<Stage> stage);
  [[nodiscard]] const Stage* find(std::string_view name) const;
  [[nodiscard]] std::vector<const Stage*> all() const;

 private:
  std::vector<std::unique_ptr<Stage>> stages_;
};

}  // namespace wbs::harness
