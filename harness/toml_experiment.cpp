// The sections of an experiment file that define its cases.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "core/text.hpp"
#include "harness/experiment.hpp"
#include "harness/toml_reader.hpp"
#include "harness/values.hpp"

namespace wbs::harness {
namespace {

constexpr std::int64_t kSchema = 1;

bool is_file_name(std::string_view name) {
  return !name.empty() && name.front() != '.' &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") ==
             std::string_view::npos;
}

void read_header(const TomlTable& root, Experiment& experiment) {
  if (!root.has("schema")) {
    root.error(Location{experiment.source_path, 1, 1},
               fmt::format("missing 'schema = {}'", kSchema));
  } else if (const auto schema = root.integer("schema"); schema && *schema != kSchema) {
    root.error("schema", fmt::format("schema {} is not known; this program reads schema {}",
                                     *schema, kSchema));
  }
  experiment.name = std::filesystem::path(experiment.source_path).stem().string();
  if (const auto name = root.text("name")) {
    experiment.name = *name;
    if (!is_file_name(*name)) {
      root.error("name", fmt::format("name '{}' must consist of letters, digits, '_', '-' and '.': "
                                     "the results directory is called after it",
                                     *name));
    }
  }
  experiment.title = root.text("title").value_or(experiment.name);
}

/// Reads `stages`; false when one is unknown.
bool read_stages(const TomlTable& root, const StageRegistry& registry, Experiment& experiment) {
  std::vector<std::string> names;
  for (const Stage* stage : registry.all()) names.emplace_back(stage->name());
  bool all_known = true;
  if (!root.has("stages")) {
    root.error(Location{experiment.source_path, 1, 1},
               fmt::format("missing 'stages = [...]'; known stages: {}", fmt::join(names, ", ")));
    return false;
  }
  for (LocatedName& stage : root.texts("stages")) {
    const auto same = [&](const LocatedName& other) { return other.name == stage.name; };
    if (registry.find(stage.name) == nullptr) {
      all_known = false;
      root.error(stage.where, fmt::format("unknown stage '{}'{}; known: {}", stage.name,
                                          suggestion(stage.name, names), fmt::join(names, ", ")));
    } else if (std::any_of(experiment.stages.begin(), experiment.stages.end(), same)) {
      root.error(stage.where, fmt::format("stage '{}' is listed twice", stage.name));
    } else {
      experiment.stages.push_back(std::move(stage));
    }
  }
  if (experiment.stages.empty() && all_known) root.error("stages", "'stages' names no stage");
  return all_known && !experiment.stages.empty();
}

void check_stage_order(const TomlTable& root, const StageRegistry& registry,
                       const Experiment& experiment) {
  for (std::size_t position = 0; position < experiment.stages.size(); ++position) {
    const LocatedName& stage = experiment.stages[position];
    for (const std::string& input : registry.find(stage.name)->inputs()) {
      for (std::size_t later = position + 1; later < experiment.stages.size(); ++later) {
        if (experiment.stages[later].name != input) continue;
        root.error(stage.where, fmt::format("stage '{}' reads the artifact of '{}', which must "
                                            "come before it",
                                            stage.name, input));
      }
    }
  }
}

void read_labels(const TomlTable& root, ReadContext& context) {
  for (const LocatedName& label : root.texts("labels")) {
    if (find_parameter(context.specs, label.name) != nullptr) {
      root.error(label.where,
                 fmt::format("'{}' is a stage's parameter: it needs no label", label.name));
    } else {
      context.experiment.labels.push_back(label.name);
      context.known.push_back(label.name);
    }
  }
}

/// Reads one list of values for `name`, checked against its declared type.
std::vector<LocatedValue> read_values(const TomlTable& table, const TomlTable::Entry& entry,
                                      const ReadContext& context) {
  std::vector<LocatedValue> values;
  const toml::array* elements = entry.node->as_array();
  if (elements == nullptr) {
    table.error(table.where(*entry.node),
                fmt::format("'{}' must be a list of values, found {}; a single value belongs into "
                            "[parameters]",
                            entry.name.name, node_phrase(*entry.node)));
    return values;
  }
  if (elements->empty()) {
    table.error(table.where(*entry.node), fmt::format("'{}' has no values", entry.name.name));
  }
  for (const toml::node& element : *elements) {
    const Location where = table.where(element);
    const Result<Value> value = scalar_of(element);
    if (!value) {
      table.error(where, fmt::format("'{}': {}", entry.name.name, value.error()));
      continue;
    }
    values.push_back({context.checked(entry.name.name, {*value, where}), where});
  }
  return values;
}

/// Reports a parameter that already has values.
class OncePerParameter {
 public:
  explicit OncePerParameter(ErrorList& errors) : errors_(errors) {}
  void check(const LocatedName& name) {
    const auto [first, is_new] = places_.emplace(name.name, name.where);
    if (!is_new) {
      errors_.add(name.where, fmt::format("'{}' already has values at {}", name.name,
                                          to_string(first->second)));
    }
  }

 private:
  ErrorList& errors_;
  std::map<std::string, Location> places_;
};

void read_fixed(const TomlTable& table, const ReadContext& context, OncePerParameter& once) {
  for (const TomlTable::Entry& entry : table.entries()) {
    if (!context.check_parameter(entry.name)) continue;
    once.check(entry.name);
    const Location where = table.where(*entry.node);
    const Result<Value> value = scalar_of(*entry.node);
    if (!value) {
      const bool is_list = entry.node->is_array();
      context.experiment.refused.push_back(entry.name.name);
      table.error(where, fmt::format("'{}': {}{}", entry.name.name, value.error(),
                                     is_list ? "; a list belongs into [matrix]" : ""));
      continue;
    }
    context.experiment.fixed.push_back(
        {entry.name, {context.checked(entry.name.name, {*value, where}), where}});
  }
}

void check_repeats(const TomlTable& table, const Axis& axis) {
  std::map<std::vector<std::string>, Location> seen;
  for (const std::vector<LocatedValue>& point : axis.points) {
    std::vector<std::string> texts;
    texts.reserve(point.size());
    for (const LocatedValue& value : point) texts.push_back(to_text(value.value));
    const auto [first, is_new] = seen.emplace(texts, point.front().where);
    if (!is_new) {
      table.error(point.front().where,
                  fmt::format("'{}' is already listed at {}", fmt::join(texts, ", "),
                              to_string(first->second)));
    }
  }
}

void read_matrix(const TomlTable& table, const ReadContext& context, OncePerParameter& once) {
  for (const TomlTable::Entry& entry : table.entries()) {
    if (!context.check_parameter(entry.name)) continue;
    once.check(entry.name);
    Axis axis{{entry.name}, {}};
    for (LocatedValue& value : read_values(table, entry, context)) {
      axis.points.push_back({std::move(value)});
    }
    if (axis.points.empty()) context.experiment.refused.push_back(entry.name.name);
    check_repeats(table, axis);
    if (!axis.points.empty()) context.experiment.axes.push_back(std::move(axis));
  }
}

void read_zip(const TomlTable& table, const ReadContext& context, OncePerParameter& once) {
  Axis axis;
  std::optional<std::string> first_name;
  for (const TomlTable::Entry& entry : table.entries()) {
    if (!context.check_parameter(entry.name)) continue;
    once.check(entry.name);
    std::vector<LocatedValue> values = read_values(table, entry, context);
    if (values.empty()) {
      context.experiment.refused.push_back(entry.name.name);
      continue;
    }
    if (!first_name) {
      first_name = entry.name.name;
      axis.points.resize(values.size());
    } else if (values.size() != axis.points.size()) {
      table.error(table.where(*entry.node),
                  fmt::format("zipped lists must have equal lengths: '{}' has {} values, '{}' {}",
                              *first_name, axis.points.size(), entry.name.name, values.size()));
      continue;
    }
    axis.names.push_back(entry.name);
    for (std::size_t point = 0; point < values.size(); ++point) {
      axis.points[point].push_back(std::move(values[point]));
    }
  }
  if (axis.names.empty()) {
    table.error(table.where(), "[[zip]] names no parameter");
    return;
  }
  check_repeats(table, axis);
  context.experiment.axes.push_back(std::move(axis));
}

void read_exclude(const TomlTable& table, const ReadContext& context) {
  Exclusion exclusion{{}, table.where()};
  for (const TomlTable::Entry& entry : table.entries()) {
    if (!context.check_parameter(entry.name)) continue;
    Condition condition{entry.name.name, {}, false};
    const auto add = [&](const toml::node& node) {
      const Result<Value> value = scalar_of(node);
      if (value) {
        condition.globs.push_back(to_text(*value));
      } else {
        table.error(table.where(node), fmt::format("'{}': {}", entry.name.name, value.error()));
      }
    };
    if (const toml::array* alternatives = entry.node->as_array()) {
      for (const toml::node& node : *alternatives) add(node);
    } else {
      add(*entry.node);
    }
    exclusion.filter.conditions.push_back(std::move(condition));
  }
  if (table.entries().empty()) {
    table.error(table.where(), "[[exclude]] without a condition would leave no case");
  }
  context.experiment.exclusions.push_back(std::move(exclusion));
}

void read_run(const TomlTable& table, const ReadContext& context) {
  table.allow({"retries", "timeout_s", "threads"});
  for (const TomlTable::Entry& entry : table.entries()) {
    const auto& names = run_option_names();
    if (std::find(names.begin(), names.end(), entry.name.name) == names.end()) continue;
    const Result<Value> value = scalar_of(*entry.node);
    const LocatedName option{entry.name.name, table.where(*entry.node)};
    if (value) {
      read_run_option(option, *value, context);
    } else {
      table.error(option.where, fmt::format("'{}': {}", option.name, value.error()));
    }
  }
}

void read_cases(const TomlTable& root, const ReadContext& context) {
  OncePerParameter once(context.errors);
  if (const auto fixed = root.table("parameters")) read_fixed(*fixed, context, once);
  if (const auto matrix = root.table("matrix")) read_matrix(*matrix, context, once);
  for (const TomlTable& zip : root.tables("zip")) read_zip(zip, context, once);
  std::vector<Axis>& axes = context.experiment.axes;
  std::stable_sort(axes.begin(), axes.end(), [](const Axis& left, const Axis& right) {
    return left.names.front().where.line < right.names.front().where.line;
  });
  for (const Axis& axis : axes) {
    for (const LocatedName& name : axis.names) context.experiment.case_names.push_back(name.name);
  }
}

void check_labels_have_values(const TomlTable& root, const Experiment& experiment) {
  for (const LocatedName& label : root.texts("labels")) {
    const auto is_label = [&](const LocatedName& name) { return name.name == label.name; };
    bool found = std::any_of(experiment.fixed.begin(), experiment.fixed.end(),
                             [&](const FixedParameter& fixed) { return is_label(fixed.name); });
    for (const Axis& axis : experiment.axes) {
      found = found || std::any_of(axis.names.begin(), axis.names.end(), is_label);
    }
    if (!found) {
      root.error(label.where, fmt::format("label '{}' has no value: give it one in [parameters], "
                                          "[matrix] or [[zip]]",
                                          label.name));
    }
  }
}

}  // namespace

bool ReadContext::check_parameter(const LocatedName& name) const {
  if (std::find(known.begin(), known.end(), name.name) != known.end()) return true;
  errors.add(name.where,
             fmt::format("unknown parameter '{}'{}; the stages declare: {}; a name that only "
                         "tables use goes into 'labels'",
                         name.name, suggestion(name.name, known), fmt::join(known, ", ")));
  return false;
}

Value ReadContext::checked(const std::string& parameter, const LocatedValue& value) const {
  const ParameterSpec* spec = find_parameter(specs, parameter);
  if (spec == nullptr) return value.value;
  Result<Value> result = coerce(value.value, spec->type);
  if (result) return *std::move(result);
  errors.add(value.where, fmt::format("'{}': {}", parameter, result.error()));
  return spec->default_value;
}

const std::vector<std::string>& run_option_names() {
  static const std::vector<std::string> names{"retries", "timeout_s", "threads"};
  return names;
}

void read_run_option(const LocatedName& name, const Value& value, const ReadContext& context) {
  RunOptions& run = context.experiment.run;
  const bool is_number =
      type_of(value) == ValueType::number || type_of(value) == ValueType::integer;
  const double number = is_number ? as_number(value).value_or(-1.0) : -1.0;
  if (name.name == "timeout_s") {
    if (number > 0.0) {
      run.timeout_s = number;
    } else {
      context.errors.add(name.where, fmt::format("'timeout_s' must be a number of seconds above 0, "
                                                 "found '{}'",
                                                 to_text(value)));
    }
    return;
  }
  const double least = name.name == "threads" ? 1.0 : 0.0;
  if (type_of(value) != ValueType::integer || number < least || number > 1000.0) {
    context.errors.add(name.where,
                       fmt::format("'{}' must be an integer from {} to 1000, found '{}'", name.name,
                                   least, to_text(value)));
    return;
  }
  (name.name == "threads" ? run.threads : run.retries) = static_cast<int>(number);
}

Experiment read_experiment(std::string_view text, const std::string& source_name,
                           const std::vector<std::string>& overrides, const StageRegistry& registry,
                           ErrorList& errors) {
  Experiment experiment;
  experiment.source_path = source_name;
  experiment.text = text;
  experiment.overrides = overrides;
  toml::table parsed;
  try {
    parsed = toml::parse(text, source_name);
  } catch (const toml::parse_error& error) {
    const toml::source_position place = error.source().begin;
    errors.add({source_name, static_cast<int>(place.line), static_cast<int>(place.column)},
               fmt::format("not valid TOML: {}", error.description()));
    return experiment;
  }
  const TomlTable root(parsed, "the experiment", source_name, errors);
  root.allow({"schema", "name", "title", "stages", "labels", "parameters", "matrix", "zip",
              "exclude", "table", "published", "run"});
  read_header(root, experiment);
  ReadContext context{experiment, registry, errors, {}, {}};
  if (read_stages(root, registry, experiment)) {
    context.specs = declared_parameters(experiment, registry);
    check_stage_order(root, registry, experiment);
  } else {
    // One wrong stage name must not make every parameter of that stage look wrong.
    for (const Stage* stage : registry.all()) {
      for (ParameterSpec& spec : stage->parameters()) {
        if (find_parameter(context.specs, spec.name) == nullptr) {
          context.specs.push_back(std::move(spec));
        }
      }
    }
  }
  for (const ParameterSpec& spec : context.specs) context.known.push_back(spec.name);
  read_labels(root, context);
  read_cases(root, context);
  if (const auto run = root.table("run")) read_run(*run, context);
  for (const std::string& argument : overrides) apply_override(argument, context);
  check_labels_have_values(root, experiment);
  for (const TomlTable& exclude : root.tables("exclude")) read_exclude(exclude, context);
  read_published(root, context);
  read_tables(root, context);
  return experiment;
}

}  // namespace wbs::harness
