// The activation layout of all kernels: channel planes of 32-bit words.
#pragma once

#include <cstdint>

#include "kernels/element.hpp"

namespace wbs::kernels {

/// Where element (image n, channel c, row y, column x) lies: word
///   (c / g) * stride + (n * height + y) * width + x,   g = channels_per_word(element),
/// and in that word at position c % g (lowest address first). Vector lanes are pixels, across rows
/// and images. Channels beyond `channels` in the last word hold `zero_point`; words between
/// pixels() and `stride` hold anything.
struct Planes {
  Element element = Element::f32;
  std::int64_t images = 1;
  std::int64_t channels = 0;
  std::int64_t height = 1;
  std::int64_t width = 1;
  std::int64_t stride = 0;  ///< words from plane to plane; follows from pixels() alone
  int zero_point = 0;       ///< the u8 value that stands for 0: 0 (unsigned) or 128 (signed)

  [[nodiscard]] std::int64_t pixels() const noexcept { return images * height * width; }
  [[nodiscard]] std::int64_t planes() const noexcept {
    return (channels + channels_per_word(element) - 1) / channels_per_word(element);
  }
  [[nodiscard]] std::int64_t size_bytes() const noexcept { return planes() * stride * 4; }
  /// Byte offset of the plane that starts with `channel`, a multiple of channels_per_word: a slice
  /// of channels is itself Planes, so concatenation along channels needs no copy.
  [[nodiscard]] std::int64_t channel_offset(std::int64_t channel) const noexcept {
    return channel / channels_per_word(element) * stride * 4;
  }
};

/// Words from plane to plane for this many pixels: the pixels themselves when they are less than 8,
/// else a multiple of 16 (64 bytes) that spreads the planes over the sets of a cache.
[[nodiscard]] std::int64_t plane_stride(std::int64_t pixels) noexcept;

[[nodiscard]] Planes planes_of(Element element, std::int64_t images, std::int64_t channels,
                               std::int64_t height, std::int64_t width,
                               int zero_point = 0) noexcept;

/// `out` holds the fp32 values [n][c][h][w]: as they are, rounded to bf16, or as
/// round(value / scale) + zero_point, ties to even, saturated to [0, 255].
void to_planes(const Planes& planes, const float* nchw, float scale, void* out) noexcept;

/// The inverse: `nchw` holds value, or (value - zero_point) * scale for u8.
void from_planes(const Planes& planes, const void* in, float scale, float* nchw) noexcept;

}  // namespace wbs::kernels
