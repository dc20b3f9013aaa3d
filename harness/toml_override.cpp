// --set key=value: TOML values, with bare words accepted as text ("array=4x4", "weights=/a/b.onnx",
// "array=[2x2,4x4]").
#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"
#include "harness/toml_reader.hpp"
#include "harness/values.hpp"

namespace wbs::harness {
namespace {

/// The scalar that `text` is in TOML; nothing for a bare word.
std::optional<Value> parse_toml_scalar(std::string_view text) {
  try {
    const toml::table parsed = toml::parse(fmt::format("value = {}\n", text));
    const toml::node* node = parsed.get("value");
    if (parsed.size() != 1 || node == nullptr) return std::nullopt;
    const Result<Value> value = scalar_of(*node);
    return value ? std::optional<Value>(*value) : std::nullopt;
  } catch (const toml::parse_error&) {
    return std::nullopt;
  }
}

/// The value that `text` means for a parameter of this type: text parameters take any bare word,
/// also one that looks like a number.
Value override_value(std::string_view text, const ParameterSpec* spec) {
  const bool quoted = !text.empty() && (text.front() == '"' || text.front() == '\'');
  if (spec != nullptr && spec->type == ValueType::text && !quoted) return std::string(text);
  return parse_toml_scalar(text).value_or(Value{std::string(text)});
}

/// Elements of "[a, "b,c", d]": split at commas outside quotes.
std::vector<std::string_view> list_elements(std::string_view text) {
  std::vector<std::string_view> elements;
  text = trim(text.substr(1, text.size() - 2));
  std::size_t begin = 0;
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quote != '\0') {
      if (text[i] == quote) quote = '\0';
    } else if (text[i] == '"' || text[i] == '\'') {
      quote = text[i];
    } else if (text[i] == ',') {
      elements.push_back(trim(text.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  const std::string_view last = trim(text.substr(begin));
  if (!last.empty()) elements.push_back(last);
  return elements;
}

struct AxisPlace {
  std::size_t axis;
  std::size_t name;
};

std::optional<AxisPlace> find_axis(const Experiment& experiment, const std::string& parameter) {
  for (std::size_t axis = 0; axis < experiment.axes.size(); ++axis) {
    const std::vector<LocatedName>& names = experiment.axes[axis].names;
    for (std::size_t name = 0; name < names.size(); ++name) {
      if (names[name].name == parameter) return AxisPlace{axis, name};
    }
  }
  return std::nullopt;
}

void drop_from_axis(Experiment& experiment, AxisPlace place) {
  Axis& axis = experiment.axes[place.axis];
  if (axis.names.size() == 1) {
    experiment.axes.erase(experiment.axes.begin() + static_cast<std::ptrdiff_t>(place.axis));
    return;
  }
  axis.names.erase(axis.names.begin() + static_cast<std::ptrdiff_t>(place.name));
  std::vector<std::vector<LocatedValue>> points;
  for (std::vector<LocatedValue>& point : axis.points) {
    point.erase(point.begin() + static_cast<std::ptrdiff_t>(place.name));
    const auto same = [&](const std::vector<LocatedValue>& other) {
      return std::equal(point.begin(), point.end(), other.begin(), other.end(),
                        [](const LocatedValue& left, const LocatedValue& right) {
                          return left.value == right.value;
                        });
    };
    if (std::none_of(points.begin(), points.end(), same)) points.push_back(std::move(point));
  }
  axis.points = std::move(points);
}

void set_fixed(const LocatedName& name, LocatedValue value, Experiment& experiment) {
  if (const auto place = find_axis(experiment, name.name)) drop_from_axis(experiment, *place);
  for (FixedParameter& fixed : experiment.fixed) {
    if (fixed.name.name == name.name) {
      fixed.value = std::move(value);
      return;
    }
  }
  experiment.fixed.push_back({name, std::move(value)});
}

void set_axis(const LocatedName& name, std::vector<LocatedValue> values,
              const ReadContext& context) {
  Experiment& experiment = context.experiment;
  if (const auto place = find_axis(experiment, name.name)) {
    Axis& axis = experiment.axes[place->axis];
    if (axis.names.size() > 1 && values.size() != axis.points.size()) {
      context.errors.add(
          name.where, fmt::format("'{}' is zipped with '{}': give it {} values, not {}", name.name,
                                  axis.names[place->name == 0 ? 1 : 0].name, axis.points.size(),
                                  values.size()));
      return;
    }
    axis.points.resize(values.size(), std::vector<LocatedValue>(axis.names.size()));
    for (std::size_t point = 0; point < values.size(); ++point) {
      axis.points[point][place->name] = std::move(values[point]);
    }
    return;
  }
  std::vector<FixedParameter>& fixed = experiment.fixed;
  fixed.erase(
      std::remove_if(fixed.begin(), fixed.end(),
                     [&](const FixedParameter& other) { return other.name.name == name.name; }),
      fixed.end());
  Axis axis{{name}, {}};
  for (LocatedValue& value : values) axis.points.push_back({std::move(value)});
  experiment.axes.push_back(std::move(axis));
  experiment.case_names.push_back(name.name);
  experiment.added_axes.push_back(name.name);
}

}  // namespace

void apply_override(const std::string& argument, const ReadContext& context) {
  const Location where{fmt::format("--set {}", argument), 0, 0};
  const std::size_t equals = argument.find('=');
  if (equals == std::string::npos || equals == 0) {
    context.errors.add(where, "expected KEY=VALUE (example: --set array=4x4)");
    return;
  }
  const LocatedName name{std::string(trim(std::string_view(argument).substr(0, equals))), where};
  const std::string_view text = trim(std::string_view(argument).substr(equals + 1));
  constexpr std::string_view kRun = "run.";
  if (name.name.starts_with(kRun)) {
    const LocatedName option{name.name.substr(kRun.size()), where};
    const std::vector<std::string>& names = run_option_names();
    if (std::find(names.begin(), names.end(), option.name) == names.end()) {
      context.errors.add(where, fmt::format("unknown option '{}' of [run]{}", option.name,
                                            suggestion(option.name, names)));
      return;
    }
    read_run_option(option, override_value(text, nullptr), context);
    return;
  }
  if (!context.check_parameter(name)) return;
  const ParameterSpec* spec = find_parameter(context.specs, name.name);
  const auto value_of = [&](std::string_view element) {
    return LocatedValue{context.checked(name.name, {override_value(element, spec), where}), where};
  };
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') {
    set_fixed(name, value_of(text), context.experiment);
    return;
  }
  std::vector<LocatedValue> values;
  for (const std::string_view element : list_elements(text)) {
    LocatedValue value = value_of(element);
    if (std::any_of(values.begin(), values.end(),
                    [&](const LocatedValue& other) { return other.value == value.value; })) {
      context.errors.add(where, fmt::format("'{}' is listed twice", element));
      continue;
    }
    values.push_back(std::move(value));
  }
  if (values.empty()) {
    context.errors.add(where, "the list has no values");
    return;
  }
  set_axis(name, std::move(values), context);
}

}  // namespace wbs::harness
