// One image: decoded and resized.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wbs::datasets {

/// 8-bit samples, [height][width][channels]; grey (1) or RGB (3).
struct Image {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<std::uint8_t> pixels;
  std::int64_t channels = 3;
};

/// Images with more pixels are refused: a damaged header must not cost gigabytes.
inline constexpr std::int64_t kLargestImagePixels = std::int64_t{1} << 28;

/// The RGB image in a JPEG file's bytes; grey becomes RGB with three equal channels. libjpeg's
/// default (accurate integer) transform and smooth chroma upsampling, as Pillow and torchvision
/// use. Throws Error naming `place`: `input` for what is no JPEG, truncated or damaged,
/// `unsupported` for CMYK and in a build without libjpeg.
[[nodiscard]] Image decode_jpeg(std::string_view bytes, const std::string& place);

/// The RGB image in a PNG file's bytes: grey and palette become RGB, 16 bits become 8, what is
/// transparent shows black. Throws Error naming `place`: `input` for what is no PNG, truncated or
/// damaged, `unsupported` in a build without libpng.
[[nodiscard]] Image decode_png(std::string_view bytes, const std::string& place);

/// Whether this build has the libraries.
[[nodiscard]] bool reads_jpeg() noexcept;
[[nodiscard]] bool reads_png() noexcept;

/// Either of them, as the first bytes say. Throws Error(input) for what is neither.
[[nodiscard]] Image decode_image(std::string_view bytes, const std::string& place);

/// A part of an image.
struct Box {
  std::int64_t top = 0;
  std::int64_t left = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
};

/// The part `box` of the image in `height` x `width` pixels, by a triangle filter that widens with
/// the reduction (Pillow's and torchvision's antialiased bilinear), rounded to 8 bits once. Cost:
/// one pass per axis. Requires a box that lies in the image.
[[nodiscard]] Image resize(const Image& image, const Box& box, std::int64_t height,
                           std::int64_t width);

/// The image with its shorter side `shorter` pixels long and the longer one in proportion (rounded
/// down).
[[nodiscard]] Image resize_shorter_side(const Image& image, std::int64_t shorter);

}  // namespace wbs::datasets
