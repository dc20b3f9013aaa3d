// What the kernels compute on: 32-bit words, each holding one, two or four channels of one pixel.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

#include "core/error.hpp"

namespace wbs::kernels {

/// Type of activations (and of the weights they meet): fp32 x fp32; bf16 x bf16 with fp32
/// accumulation; u8 x s8 with s32 accumulation. Signed 8-bit activations are u8 with zero point
/// 128.
enum class Element : std::uint8_t { f32, bf16, u8 };

/// Channels in one 32-bit word.
[[nodiscard]] constexpr std::int64_t channels_per_word(Element element) noexcept {
  return element == Element::f32 ? 1 : element == Element::bf16 ? 2 : 4;
}

/// "fp32", "bf16", "int8".
[[nodiscard]] constexpr std::string_view to_string(Element element) noexcept {
  return element == Element::f32 ? "fp32" : element == Element::bf16 ? "bf16" : "int8";
}

/// The element of a name that to_string gives; the refusal says what is expected.
[[nodiscard]] Result<Element> parse_element(std::string_view name);

/// The nearest bf16, ties to even. NaN stays NaN.
[[nodiscard]] inline std::uint16_t to_bf16(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffU) > 0x7f800000U) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

[[nodiscard]] inline float from_bf16(std::uint16_t value) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16);
}

}  // namespace wbs::kernels
