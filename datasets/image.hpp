// One image: decoded, resized, cropped and normalised.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wbs::datasets {

/// 8-bit RGB, [height][width][3].
struct Image {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<std::uint8_t> rgb;
};

/// Images with more pixels are refused: a damaged header must not cost gigabytes.
inline constexpr std::int64_t kLargestImagePixels = std::int64_t{1} << 28;

/// The image in a JPEG file's bytes; grey becomes RGB with three equal channels. libjpeg's default
/// (accurate integer) transform and smooth chroma upsampling, as Pillow and torchvision use. Throws
/// Error naming `place`: `input` for what is no JPEG, truncated or damaged, `unsupported` for CMYK.
[[nodiscard]] Image decode_jpeg(std::string_view bytes, const std::string& place);

/// The image with its shorter side `shorter` pixels long and the longer one in proportion (rounded
/// down), by a triangle filter that widens with the reduction (Pillow's and torchvision's
/// antialiased bilinear), rounded to 8 bits once. Cost: one pass per axis.
[[nodiscard]] Image resize_shorter_side(const Image& image, std::int64_t shorter);

/// How an image becomes a network's input. The defaults are ImageNet's.
struct Transform {
  std::int64_t resize_shorter = 0;  ///< pixels; 0: no resizing
  std::int64_t crop = 224;          ///< side of the centre crop
  std::array<float, 3> mean{0.485F, 0.456F, 0.406F};
  std::array<float, 3> deviation{0.229F, 0.224F, 0.225F};
};

/// `chw` ([3][crop][crop]) holds (x / 255 - mean) / deviation of the centre crop, in fp32, after
/// the resizing that was asked for; an odd margin leaves the larger half at the right and the
/// bottom. Throws Error(input) naming `place` when the image is smaller than the crop.
void apply(const Transform& transform, const Image& image, const std::string& place,
           std::span<float> chw);

}  // namespace wbs::datasets
