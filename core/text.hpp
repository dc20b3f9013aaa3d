// Small text helpers that every parser needs.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wbs {

/// Parts of `text` between `separator`; "" gives one empty part.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

/// `text` without leading and trailing spaces, tabs and line ends.
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;

/// The whole of `text` as a number in base 10, or nothing. NaN and infinity are refused.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text) noexcept;
[[nodiscard]] std::optional<double> parse_number(std::string_view text) noexcept;

/// Shortest decimal text that reads back as the same double ("0.5", "1e-09").
[[nodiscard]] std::string number_text(double value);

/// " (did you mean 'resnet50'?)" when one of `choices` is close to `word`, "" otherwise.
[[nodiscard]] std::string suggestion(std::string_view word, std::span<const std::string> choices);

}  // namespace wbs
