// Normal numbers in bulk, the same bits on every machine.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace wbs {

/// Fills `values` with mean + deviation * standard normal numbers of the Philox blocks `block`,
/// `block` + 1, ... of (key, stream): four values per block, by Box-Muller on its two pairs of
/// words. Values lie within 6.56 deviations. Only IEEE additions, products, quotients and square
/// roots in a fixed order are used, no libm, so the bits are the same everywhere as long as the
/// compiler does not contract to fused multiply-adds (the build forbids it). Relative error of a
/// value about 1e-6.
void fill_normal_blocks(std::span<float> values, float mean, float deviation, std::uint64_t block,
                        std::uint64_t stream, std::array<std::uint32_t, 2> key) noexcept;

/// One standard normal number of two uniform ones in (0, 1] and [0, 1), in double: Box-Muller's
/// cosine branch with logarithm and cosine of our own, for the same reason. Error below 1e-14.
[[nodiscard]] double normal_of(double radius_uniform, double angle_uniform) noexcept;

}  // namespace wbs
