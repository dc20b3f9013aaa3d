#include "datasets/transform.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.hpp"

namespace wbs::datasets {
namespace {

void check(bool holds, const char* what, double value) {
  if (!holds) throw Error(ErrorKind::usage, fmt::format("preparing images: {} {}", what, value));
}

void check_transform(const Transform& transform) {
  check(transform.crop > 0, "the crop must be positive, not", static_cast<double>(transform.crop));
  check(transform.resize_shorter >= 0, "the resized side must not be negative, not",
        static_cast<double>(transform.resize_shorter));
  check(transform.pad >= 0, "the padding must not be negative, not",
        static_cast<double>(transform.pad));
  check(transform.channels == 1 || transform.channels == 3, "the channels must be 1 or 3, not",
        static_cast<double>(transform.channels));
  for (const float deviation : transform.deviation) {
    check(deviation > 0.0F, "a deviation must be positive, not", static_cast<double>(deviation));
  }
}

void check_augmentation(const Augmentation& augmentation) {
  check(augmentation.pad >= 0, "the random crop's padding must not be negative, not",
        static_cast<double>(augmentation.pad));
  check(augmentation.cutout >= 0, "Cutout's side must not be negative, not",
        static_cast<double>(augmentation.cutout));
  if (!augmentation.resized_crop) return;
  const RandomResizedCrop& random = *augmentation.resized_crop;
  check(random.smallest_area > 0.0, "the smallest area must be positive, not",
        random.smallest_area);
  check(random.largest_area >= random.smallest_area && random.largest_area <= 1.0,
        "the largest area must be between the smallest and 1, not", random.largest_area);
  check(random.smallest_ratio > 0.0, "the smallest ratio must be positive, not",
        random.smallest_ratio);
  check(random.largest_ratio >= random.smallest_ratio,
        "the largest ratio must not be below the smallest, but is", random.largest_ratio);
}

std::int64_t random_up_to(Rng& rng, std::int64_t largest) {
  return static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(largest) + 1));
}

/// torchvision's RandomResizedCrop: ten tries, then the largest centred part of a ratio in range.
Box random_box(const RandomResizedCrop& random, const Image& image, Rng& rng) {
  const auto height = static_cast<double>(image.height);
  const auto width = static_cast<double>(image.width);
  const double log_smallest = std::log(random.smallest_ratio);
  const double log_largest = std::log(random.largest_ratio);
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double share =
        random.smallest_area + (random.largest_area - random.smallest_area) * rng.uniform();
    const double ratio = std::exp(log_smallest + (log_largest - log_smallest) * rng.uniform());
    const double area = share * height * width;
    const std::int64_t box_width = std::llround(std::sqrt(area * ratio));
    const std::int64_t box_height = std::llround(std::sqrt(area / ratio));
    if (box_width < 1 || box_height < 1 || box_width > image.width || box_height > image.height) {
      continue;
    }
    const std::int64_t top = random_up_to(rng, image.height - box_height);
    const std::int64_t left = random_up_to(rng, image.width - box_width);
    return {top, left, box_height, box_width};
  }
  Box box{0, 0, image.height, image.width};
  if (width / height < random.smallest_ratio) {
    box.height =
        std::clamp<std::int64_t>(std::llround(width / random.smallest_ratio), 1, image.height);
  } else if (width / height > random.largest_ratio) {
    box.width =
        std::clamp<std::int64_t>(std::llround(height * random.largest_ratio), 1, image.width);
  }
  box.top = (image.height - box.height) / 2;
  box.left = (image.width - box.width) / 2;
  return box;
}

/// The part of [centre - side / 2, ... + side) that lies in [0, size).
void cut_out(std::int64_t side, std::int64_t size, std::int64_t channels, Rng& rng,
             std::span<float> chw) {
  const std::int64_t top = random_up_to(rng, size - 1) - side / 2;
  const std::int64_t left = random_up_to(rng, size - 1) - side / 2;
  const std::int64_t first = std::max<std::int64_t>(left, 0);
  const std::int64_t last = std::min(left + side, size);
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t y = std::max<std::int64_t>(top, 0); y < std::min(top + side, size); ++y) {
      float* row = chw.data() + (c * size + y) * size;
      std::fill(row + first, row + last, 0.0F);
    }
  }
}

}  // namespace

Rng augmentation_rng(std::uint64_t seed, std::int64_t epoch, std::int64_t index) {
  const std::string name = fmt::format("augmentation/{}/{}", epoch, index);
  return Rng(seed, stream_of(name.data(), name.size()));
}

Preparation::Preparation(const Transform& transform,
                         const std::optional<Augmentation>& augmentation)
    : transform_(transform), augmentation_(augmentation) {
  check_transform(transform_);
  if (augmentation_) check_augmentation(*augmentation_);
  for (std::size_t c = 0; c < normalised_.size(); ++c) {
    for (std::size_t x = 0; x < normalised_[c].size(); ++x) {
      normalised_[c][x] =
          (static_cast<float>(x) / 255.0F - transform_.mean[c]) / transform_.deviation[c];
    }
  }
}

std::int64_t Preparation::size() const noexcept {
  return transform_.channels * transform_.crop * transform_.crop;
}

void Preparation::prepare(const Image& image, const std::string& place, Rng rng,
                          std::span<float> chw) const {
  WBS_ASSERT(static_cast<std::int64_t>(chw.size()) == size());
  if (image.channels != transform_.channels && image.channels != 1) {
    throw Error(ErrorKind::input, fmt::format("{}: the image has {} channels, the input {}", place,
                                              image.channels, transform_.channels));
  }
  const std::int64_t side = transform_.crop;
  const Augmentation random = augmentation_.value_or(Augmentation{});
  if (random.resized_crop) {
    const Image part = resize(image, random_box(*random.resized_crop, image, rng), side, side);
    write(part, 0, 0, random.flip && rng.bernoulli(0.5), chw);
  } else {
    const bool resized = transform_.resize_shorter > 0;
    const Image other = resized ? resize_shorter_side(image, transform_.resize_shorter) : Image{};
    const Image& whole = resized ? other : image;
    const std::int64_t pad = transform_.pad + (random.random_crop ? random.pad : 0);
    const std::int64_t below = whole.height + 2 * pad - side;
    const std::int64_t right = whole.width + 2 * pad - side;
    if (below < 0 || right < 0) {
      throw Error(ErrorKind::input,
                  fmt::format("{}: {} x {} pixels are fewer than the crop's {} x {}", place,
                              whole.width + 2 * pad, whole.height + 2 * pad, side, side));
    }
    const std::int64_t top = random.random_crop ? random_up_to(rng, below) : below / 2;
    const std::int64_t left = random.random_crop ? random_up_to(rng, right) : right / 2;
    write(whole, top - pad, left - pad, random.flip && rng.bernoulli(0.5), chw);
  }
  if (random.cutout > 0) cut_out(random.cutout, side, transform_.channels, rng, chw);
}

void Preparation::write(const Image& image, std::int64_t top, std::int64_t left, bool mirrored,
                        std::span<float> chw) const {
  const std::int64_t side = transform_.crop;
  // Columns of the crop that lie in the image.
  const std::int64_t first = std::clamp<std::int64_t>(-left, 0, side);
  const std::int64_t last = std::clamp<std::int64_t>(image.width - left, first, side);
  for (std::int64_t c = 0; c < transform_.channels; ++c) {
    const std::array<float, 256>& normalised = normalised_[static_cast<std::size_t>(c)];
    const std::int64_t channel = image.channels == 1 ? 0 : c;
    for (std::int64_t y = 0; y < side; ++y) {
      float* out = chw.data() + (c * side + y) * side;
      if (top + y < 0 || top + y >= image.height) {
        std::fill(out, out + side, normalised[0]);
        continue;
      }
      const std::uint8_t* in =
          image.pixels.data() + ((top + y) * image.width + left + first) * image.channels + channel;
      std::fill(out, out + first, normalised[0]);
      for (std::int64_t x = first; x < last; ++x, in += image.channels) out[x] = normalised[*in];
      std::fill(out + last, out + side, normalised[0]);
      if (mirrored) std::reverse(out, out + side);
    }
  }
}

}  // namespace wbs::datasets
