#include "harness/values.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/text.hpp"

namespace wbs::harness {

std::string to_text(const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *integer);
  if (const auto* number = std::get_if<double>(&value)) return number_text(*number);
  return std::get<std::string>(value);
}

std::string_view type_phrase(ValueType type) noexcept {
  switch (type) {
    case ValueType::boolean:
      return "a boolean";
    case ValueType::integer:
      return "an integer";
    case ValueType::number:
      return "a number";
    case ValueType::text:
      break;
  }
  return "text";
}

ValueType type_of(const Value& value) noexcept {
  constexpr ValueType kTypes[] = {ValueType::boolean, ValueType::integer, ValueType::number,
                                  ValueType::text};
  return kTypes[value.index()];
}

Result<Value> coerce(const Value& value, ValueType type) {
  if (type_of(value) == type) return value;
  if (const auto* integer = std::get_if<std::int64_t>(&value);
      integer != nullptr && type == ValueType::number) {
    return Value{static_cast<double>(*integer)};
  }
  return refusal(fmt::format("expected {}, found {} '{}'", type_phrase(type),
                             type_phrase(type_of(value)), to_text(value)));
}

std::optional<double> as_number(const Value& value) noexcept {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? 1.0 : 0.0;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
  if (const auto* number = std::get_if<double>(&value)) return *number;
  return std::nullopt;
}

nlohmann::json to_json(const Value& value) {
  return std::visit([](const auto& held) { return nlohmann::json(held); }, value);
}

nlohmann::json to_json(const Values& values) {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [name, value] : values) json[name] = to_json(value);
  return json;
}

nlohmann::json to_json(const StageResult& result) {
  nlohmann::json rows = nlohmann::json::array();
  for (const Values& row : result.rows) rows.push_back(to_json(row));
  return {{"metrics", to_json(result.metrics)},
          {"rows", std::move(rows)},
          {"warnings", result.warnings}};
}

Value value_from_json(const nlohmann::json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_float()) return json.get<double>();
  if (json.is_number_unsigned() &&
      json.get<std::uint64_t>() >
          static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    throw Error(ErrorKind::input, "integer value is larger than 64 signed bits hold");
  }
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_string()) return json.get<std::string>();
  throw Error(ErrorKind::input,
              fmt::format("expected a boolean, number or text, found {}", json.type_name()));
}

Values values_from_json(const nlohmann::json& json) {
  if (!json.is_object()) {
    throw Error(ErrorKind::input,
                fmt::format("expected an object of values, found {}", json.type_name()));
  }
  Values values;
  for (const auto& [name, value] : json.items()) values.emplace(name, value_from_json(value));
  return values;
}

StageResult stage_result_from_json(const nlohmann::json& json) {
  StageResult result;
  try {
    result.metrics = values_from_json(json.at("metrics"));
    for (const nlohmann::json& row : json.at("rows")) result.rows.push_back(values_from_json(row));
    result.warnings = json.at("warnings").get<std::vector<std::string>>();
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::input, fmt::format("malformed stage result: {}", error.what()));
  }
  return result;
}

}  // namespace wbs::harness
