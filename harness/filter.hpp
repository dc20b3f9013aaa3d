// Choosing cases by their parameters: --only, `where` of a table and [[exclude]] share it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "harness/stage.hpp"

namespace wbs::harness {

/// True when `text` matches `glob`: `*` stands for any characters, `?` for one.
[[nodiscard]] bool matches_glob(std::string_view glob, std::string_view text) noexcept;

/// One parameter and the values it may have: "array=4x4|8*", or may not have: "array!=8x8".
struct Condition {
  std::string parameter;
  std::vector<std::string> globs;
  bool negated = false;

  [[nodiscard]] bool matches(const Value& value) const;
};

/// All conditions must hold; the empty filter matches everything.
struct Filter {
  std::vector<Condition> conditions;

  /// A parameter that `parameters` does not have fails its condition.
  [[nodiscard]] bool matches(const Values& parameters) const;
};

/// Reads "pattern=block:8x8@0.5,array=8*|4x4,network!=vgg16". Refused: an empty text, a part
/// without '=' and a parameter that is not among `known` (with the nearest name).
[[nodiscard]] Result<Filter> parse_filter(std::string_view text,
                                          const std::vector<std::string>& known);

}  // namespace wbs::harness
