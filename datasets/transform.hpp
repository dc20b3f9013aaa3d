// How an image becomes a network's input: resized, cropped, augmented, normalised.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/rng.hpp"
#include "datasets/image.hpp"

namespace wbs::datasets {

/// What holds in training and in evaluation. The defaults are ImageNet's.
struct Transform {
  std::int64_t resize_shorter = 0;                    ///< pixels; 0: no resizing
  std::int64_t crop = 224;                            ///< side of the square that the network sees
  std::array<float, 3> mean{0.485F, 0.456F, 0.406F};  ///< of x / 255; grey uses the first
  std::array<float, 3> deviation{0.229F, 0.224F, 0.225F};
  std::int64_t pad = 0;       ///< black pixels put around the image before the crop
  std::int64_t channels = 3;  ///< of the input: 3 (grey is repeated) or 1 (grey images only)
};

/// A part of random area and shape, resized to the crop: Inception's augmentation (Szegedy et al.,
/// CVPR 2015) with torchvision's defaults. Areas are shares of the image's, ratios width / height.
struct RandomResizedCrop {
  double smallest_area = 0.08;
  double largest_area = 1.0;
  double smallest_ratio = 3.0 / 4.0;
  double largest_ratio = 4.0 / 3.0;
};

/// What training does on top, in this order. All off by default.
struct Augmentation {
  /// Replaces resize_shorter and the crop.
  std::optional<RandomResizedCrop> resized_crop = {};
  /// Otherwise the crop lies anywhere in the image with `pad` more black pixels around it.
  bool random_crop = false;
  std::int64_t pad = 0;
  bool flip = false;  ///< left and right swapped in one of two images
  /// Side of a square that becomes 0 in the input, its centre anywhere, cut at the edges: DeVries
  /// and Taylor, arXiv 1708.04552. 0: none.
  std::int64_t cutout = 0;
};

/// The random numbers of one image in one epoch: nothing else decides how it is augmented.
[[nodiscard]] Rng augmentation_rng(std::uint64_t seed, std::int64_t epoch, std::int64_t index);

/// Makes inputs of images. Immutable: any thread may use it.
class Preparation {
 public:
  /// Throws Error(usage) for a crop, pad, channels, area or ratio out of range or a deviation that
  /// is not positive.
  explicit Preparation(const Transform& transform,
                       const std::optional<Augmentation>& augmentation = std::nullopt);

  /// Values of one input: channels * crop * crop.
  [[nodiscard]] std::int64_t size() const noexcept;

  /// `chw` ([channels][crop][crop]) holds (x / 255 - mean) / deviation in fp32 of the centre crop,
  /// or of the random one. An odd margin leaves the larger half at the right and the bottom.
  /// Without augmentation `rng` is not used. Throws Error(input) naming `place` when the image with
  /// its padding is smaller than the crop or has other channels.
  void prepare(const Image& image, const std::string& place, Rng rng, std::span<float> chw) const;

 private:
  void write(const Image& image, std::int64_t top, std::int64_t left, bool mirrored,
             std::span<float> chw) const;

  Transform transform_;
  std::optional<Augmentation> augmentation_;
  std::array<std::array<float, 256>, 3> normalised_{};  // of each 8-bit value, by channel
};

}  // namespace wbs::datasets
