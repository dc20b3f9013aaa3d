// Text and JSON forms of parameter and metric values: one form for keys, tables, stores and wires.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "harness/stage.hpp"

namespace wbs::harness {

/// "true", "12", "0.5" (shortest text that reads back the same), or the text itself.
[[nodiscard]] std::string to_text(const Value& value);

/// "a boolean", "an integer", "a number", "text".
[[nodiscard]] std::string_view type_phrase(ValueType type) noexcept;
[[nodiscard]] ValueType type_of(const Value& value) noexcept;

/// `value` as `type`: an integer is also a number; any other mismatch is refused ("expected an
/// integer, found text 'x'").
[[nodiscard]] Result<Value> coerce(const Value& value, ValueType type);

/// The number in `value` (true is 1), or nothing for text.
[[nodiscard]] std::optional<double> as_number(const Value& value) noexcept;

[[nodiscard]] nlohmann::json to_json(const Value& value);
[[nodiscard]] nlohmann::json to_json(const Values& values);
[[nodiscard]] nlohmann::json to_json(const StageResult& result);

/// Inverse of to_json. Throws Error(input) on null, arrays and objects: no value has these forms.
[[nodiscard]] Value value_from_json(const nlohmann::json& json);
[[nodiscard]] Values values_from_json(const nlohmann::json& json);
[[nodiscard]] StageResult stage_result_from_json(const nlohmann::json& json);

}  // namespace wbs::harness
