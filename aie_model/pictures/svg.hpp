// Pieces of SVG text that pictures put together.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>
#include <utility>

namespace wbs::aie {

/// Text that grows by format strings.
class SvgText {
 public:
  template <typename... Arguments>
  void put(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Arguments>(arguments)...);
    text_ += '\n';
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

/// A logarithmic axis: value `low` lies at `from`, `high` at `to`.
struct LogAxis {
  double low = 1.0, high = 10.0;
  double from = 0.0, to = 1.0;
  [[nodiscard]] double at(double value) const {
    return from + (to - from) * std::log(value / low) / std::log(high / low);
  }
  [[nodiscard]] double clamped(double value) const { return at(std::clamp(value, low, high)); }
};

/// A rectangle of the picture, for labels that must not cover each other.
struct Box {
  double left = 0.0, top = 0.0, right = 0.0, bottom = 0.0;
  [[nodiscard]] bool meets(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
  [[nodiscard]] bool inside(const Box& other) const {
    return left >= other.left && right <= other.right && top >= other.top && bottom <= other.bottom;
  }
};

/// About the width of `text` in a font of that size.
[[nodiscard]] inline double text_width(const std::string& text, double font_size) {
  return 0.6 * font_size * static_cast<double>(text.size());
}

}  // namespace wbs::aie
