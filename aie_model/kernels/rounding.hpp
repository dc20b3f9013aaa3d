// The rounding of the core's shift-round-saturate unit in its conv_even mode.
#pragma once

#include <algorithm>
#include <cstdint>

namespace wbs::aie {

/// The largest shift that kernels accept.
inline constexpr int kMaxShift = 62;

/// value / 2^shift rounded to nearest, ties to even; 0 <= shift <= kMaxShift.
[[nodiscard]] constexpr std::int64_t round_shift(std::int64_t value, int shift) noexcept {
  if (shift == 0) return value;
  const std::int64_t floor = value >> shift;
  const std::int64_t rest = value - floor * (std::int64_t{1} << shift);
  const std::int64_t half = std::int64_t{1} << (shift - 1);
  return floor + ((rest > half || (rest == half && (floor & 1) != 0)) ? 1 : 0);
}

/// The byte of clamp(round_shift(value, shift), minimum, maximum): int8 or uint8 alike.
[[nodiscard]] constexpr std::uint8_t requantize(std::int64_t value, int shift, int minimum,
                                                int maximum) noexcept {
  return static_cast<std::uint8_t>(
      std::clamp<std::int64_t>(round_shift(value, shift), minimum, maximum));
}

}  // namespace wbs::aie
