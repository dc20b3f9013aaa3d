#include "kernels/planes.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>

namespace wbs::kernels {
namespace {

std::uint8_t quantised(float value, float scale, int zero_point) noexcept {
  const float steps = std::nearbyint(value / scale) + static_cast<float>(zero_point);
  return static_cast<std::uint8_t>(std::clamp(steps, 0.0F, 255.0F));
}

/// Byte offset of (channel, pixel).
std::int64_t byte_offset(const Planes& planes, std::int64_t channel, std::int64_t pixel) noexcept {
  const std::int64_t group = channels_per_word(planes.element);
  return ((channel / group) * planes.stride + pixel) * 4 + (channel % group) * (4 / group);
}

void fill_channel(const Planes& planes, std::int64_t channel, std::byte* out) noexcept {
  for (std::int64_t pixel = 0; pixel < planes.pixels(); ++pixel) {
    std::byte* place = out + byte_offset(planes, channel, pixel);
    if (planes.element == Element::u8) {
      *place = static_cast<std::byte>(planes.zero_point);
    } else {
      std::memset(place, 0, static_cast<std::size_t>(4 / channels_per_word(planes.element)));
    }
  }
}

}  // namespace

std::int64_t plane_stride(std::int64_t pixels) noexcept {
  constexpr std::int64_t kLine = 16;
  // The inputs of a matrix product lie side by side: a line for each would be 16 times the bytes.
  if (pixels < kLine / 2) return pixels;
  std::int64_t stride = (pixels + kLine - 1) / kLine * kLine;
  // A stride of many whole KiB would put all planes of a pixel into a few sets of the cache.
  if (stride % (8 * kLine) == 0) stride += 3 * kLine;
  return stride;
}

Planes planes_of(Element element, std::int64_t images, std::int64_t channels, std::int64_t height,
                 std::int64_t width, int zero_point) noexcept {
  return {element,   images, channels, height, width, plane_stride(images * height * width),
          zero_point};
}

void to_planes(const Planes& planes, const float* nchw, float scale, void* out) noexcept {
  auto* bytes = static_cast<std::byte*>(out);
  const std::int64_t image = planes.height * planes.width;
  for (std::int64_t n = 0; n < planes.images; ++n) {
    for (std::int64_t c = 0; c < planes.channels; ++c) {
      const float* in = nchw + (n * planes.channels + c) * image;
      const std::int64_t step = 4;
      std::byte* place = bytes + byte_offset(planes, c, n * image);
      if (planes.element == Element::f32) {
        std::memcpy(place, in, static_cast<std::size_t>(image) * sizeof(float));
        continue;
      }
      for (std::int64_t i = 0; i < image; ++i, place += step) {
        if (planes.element == Element::bf16) {
          const std::uint16_t half = to_bf16(in[i]);
          std::memcpy(place, &half, 2);
        } else {
          *place = static_cast<std::byte>(quantised(in[i], scale, planes.zero_point));
        }
      }
    }
  }
  const std::int64_t filled = planes.planes() * channels_per_word(planes.element);
  for (std::int64_t c = planes.channels; c < filled; ++c) fill_channel(planes, c, bytes);
}

void from_planes(const Planes& planes, const void* in, float scale, float* nchw) noexcept {
  const auto* bytes = static_cast<const std::byte*>(in);
  const std::int64_t image = planes.height * planes.width;
  for (std::int64_t n = 0; n < planes.images; ++n) {
    for (std::int64_t c = 0; c < planes.channels; ++c) {
      float* out = nchw + (n * planes.channels + c) * image;
      const std::byte* place = bytes + byte_offset(planes, c, n * image);
      if (planes.element == Element::f32) {
        std::memcpy(out, place, static_cast<std::size_t>(image) * sizeof(float));
        continue;
      }
      for (std::int64_t i = 0; i < image; ++i, place += 4) {
        if (planes.element == Element::bf16) {
          std::uint16_t half = 0;
          std::memcpy(&half, place, 2);
          out[i] = from_bf16(half);
        } else {
          out[i] = static_cast<float>(std::to_integer<int>(*place) - planes.zero_point) * scale;
        }
      }
    }
  }
}

}  // namespace wbs::kernels
