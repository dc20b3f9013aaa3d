// The steps of the integer interpreter, for whoever builds integer networks; others call
// interpret().
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "networks/int8_network.hpp"

namespace wbs::networks::int8 {

using Bytes = std::vector<std::uint8_t>;

/// value / 2^shift to the nearest integer, ties to even. shift is 0..31.
[[nodiscard]] constexpr std::int32_t round_shift(std::int32_t value, unsigned shift) noexcept {
  if (shift == 0) return value;
  const std::int64_t below = std::int64_t{value} >> shift;
  const std::int64_t rest = value - (below << shift);
  const std::int64_t half = std::int64_t{1} << (shift - 1);
  const bool up = rest > half || (rest == half && (below & 1) != 0);
  return static_cast<std::int32_t>(below + (up ? 1 : 0));
}

/// What conv, depthwise, average_pool and add compute before they shift and clamp:
/// [channels][rows][columns] of the result. `results` holds those of all earlier operations.
/// Aborts when a sum could leave 32 bits.
[[nodiscard]] std::vector<std::int32_t> sums_of(const Int8Network& network, const Int8Op& op,
                                                std::span<const Bytes> results);

/// The result of any operation but the input, as bytes [channels][rows][columns].
[[nodiscard]] Bytes result_of(const Int8Network& network, const Int8Op& op,
                              std::span<const Bytes> results);

/// The multiplier and shift that replace * 2^exponent / elements: the multiplier has 15 bits, or as
/// many as keep 255 * elements * multiplier in 32 bits and the shift in 0..31.
struct Multiplier {
  std::int32_t multiplier;
  std::uint8_t shift;
};
[[nodiscard]] Multiplier mean_multiplier(std::int64_t elements, std::int32_t exponent);

}  // namespace wbs::networks::int8
