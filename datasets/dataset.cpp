#include "datasets/dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

#include "core/error.hpp"

namespace wbs::datasets {

const char* to_string(Split split) noexcept {
  return split == Split::train ? "train" : "test";
}

MemoryDataset::MemoryDataset(Parts parts) : parts_(std::move(parts)) {
  const ImageShape& shape = parts_.shape;
  if (parts_.labels.empty()) {
    throw Error(ErrorKind::input, fmt::format("{}: holds no image", parts_.source));
  }
  const std::size_t one = static_cast<std::size_t>(shape.height * shape.width * shape.channels);
  if (parts_.pixels.size() != parts_.labels.size() * one) {
    throw Error(ErrorKind::input,
                fmt::format("{}: {} pixels do not make {} images of {} x {} x {}", parts_.source,
                            parts_.pixels.size(), parts_.labels.size(), shape.height, shape.width,
                            shape.channels));
  }
  for (std::size_t i = 0; i < parts_.labels.size(); ++i) {
    if (parts_.labels[i] < parts_.classes.size()) continue;
    throw Error(ErrorKind::input,
                fmt::format("{}: label {} of image {} is out of range: there are {} classes",
                            parts_.source, parts_.labels[i], i, parts_.classes.size()));
  }
}

std::int64_t MemoryDataset::size() const noexcept {
  return static_cast<std::int64_t>(parts_.labels.size());
}

const std::vector<std::string>& MemoryDataset::classes() const noexcept {
  return parts_.classes;
}

std::int64_t MemoryDataset::label(std::int64_t index) const noexcept {
  return parts_.labels[static_cast<std::size_t>(index)];
}

Image MemoryDataset::image(std::int64_t index) const {
  const ImageShape& shape = parts_.shape;
  const std::int64_t one = shape.height * shape.width * shape.channels;
  const std::span<const std::uint8_t> pixels(parts_.pixels.data() + index * one,
                                             static_cast<std::size_t>(one));
  return {shape.height, shape.width, {pixels.begin(), pixels.end()}, shape.channels};
}

std::string MemoryDataset::place(std::int64_t index) const {
  return fmt::format("{}: image {}", parts_.source, index);
}

namespace {

struct Sums {
  std::int64_t pixels = 0;
  std::array<std::uint64_t, 3> values{};
  std::array<std::uint64_t, 3> squares{};
};

void add(Sums& sums, const Image& image) {
  const auto channels = static_cast<std::size_t>(image.channels);
  for (std::size_t c = 0; c < channels; ++c) {
    std::uint64_t values = 0;
    std::uint64_t squares = 0;
    for (std::size_t i = c; i < image.pixels.size(); i += channels) {
      const std::uint64_t value = image.pixels[i];
      values += value;
      squares += value * value;
    }
    sums.values[c] += values;
    sums.squares[c] += squares;
  }
  sums.pixels += image.height * image.width;
}

}  // namespace

ChannelStatistics channel_statistics(const Dataset& data, std::int64_t images) {
  WBS_ASSERT(images > 0);
  const std::int64_t count = std::min(images, data.size());
  Sums sums;
  std::optional<Error> bad;
  for (std::int64_t i = 0; i < count; ++i) {
    try {
      add(sums, data.image(i * data.size() / count));
    } catch (const Error& error) {
      if (!bad) bad = error;
    }
  }
  if (sums.pixels == 0 && bad) throw Error(*bad);
  ChannelStatistics statistics;
  const auto pixels = static_cast<double>(sums.pixels);
  for (std::size_t c = 0; c < 3; ++c) {
    const double mean = static_cast<double>(sums.values[c]) / pixels;
    const double variance = static_cast<double>(sums.squares[c]) / pixels - mean * mean;
    const double deviation = std::sqrt(std::max(variance, 0.0));
    statistics.mean[c] = static_cast<float>(mean / 255.0);
    statistics.deviation[c] = deviation > 0.0 ? static_cast<float>(deviation / 255.0) : 1.0F;
  }
  return statistics;
}

Transform whole_image_transform(const Dataset& data, const ChannelStatistics& statistics) {
  const ImageShape shape = data.shape();
  if (shape.height != shape.width) {
    throw Error(ErrorKind::unsupported,
                fmt::format("{}: images are {} x {} pixels, not square: name a crop", data.source(),
                            shape.width, shape.height));
  }
  Transform transform;
  transform.crop = shape.height;
  transform.channels = shape.channels;
  transform.mean = statistics.mean;
  transform.deviation = statistics.deviation;
  return transform;
}

}  // namespace wbs::datasets
