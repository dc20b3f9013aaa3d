#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.hpp"
#include "datasets/image.hpp"

namespace wbs::datasets {
namespace {

/// The input positions that one output position blends, and their weights (sum 1).
struct Blend {
  std::int64_t first = 0;
  std::vector<float> weights;
};

/// Centre of output i is (i + 0.5) * in / out; the triangle reaches max(1, in / out) to each side.
std::vector<Blend> triangle_filter(std::int64_t in, std::int64_t out) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double reach = std::max(1.0, scale);
  std::vector<Blend> blends(static_cast<std::size_t>(out));
  for (std::int64_t i = 0; i < out; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    Blend& blend = blends[static_cast<std::size_t>(i)];
    blend.first =
        std::max<std::int64_t>(0, static_cast<std::int64_t>(std::floor(centre - reach + 0.5)));
    const std::int64_t last =
        std::min<std::int64_t>(in, static_cast<std::int64_t>(std::floor(centre + reach + 0.5)));
    double sum = 0.0;
    std::vector<double> weights;
    for (std::int64_t at = blend.first; at < last; ++at) {
      const double distance = std::abs((static_cast<double>(at) + 0.5 - centre) / reach);
      weights.push_back(std::max(0.0, 1.0 - distance));
      sum += weights.back();
    }
    for (const double weight : weights) blend.weights.push_back(static_cast<float>(weight / sum));
  }
  return blends;
}

template <int kChannels>
void resize_row(const std::uint8_t* row, const std::vector<Blend>& blends, float* out) {
  for (const Blend& blend : blends) {
    const std::uint8_t* in = row + blend.first * kChannels;
    std::array<float, kChannels> sums{};
    for (const float weight : blend.weights) {
      for (float& sum : sums) sum += weight * static_cast<float>(*in++);
    }
    for (const float sum : sums) *out++ = sum;
  }
}

std::vector<float> resize_rows(const Image& image, const Box& box,
                               const std::vector<Blend>& blends) {
  const auto row_size = static_cast<std::int64_t>(blends.size()) * image.channels;
  std::vector<float> out(static_cast<std::size_t>(box.height * row_size));
  for (std::int64_t y = 0; y < box.height; ++y) {
    const std::uint8_t* row =
        image.pixels.data() + ((box.top + y) * image.width + box.left) * image.channels;
    float* values = out.data() + y * row_size;
    image.channels == 1 ? resize_row<1>(row, blends, values) : resize_row<3>(row, blends, values);
  }
  return out;
}

void resize_columns(const std::vector<float>& rows, const std::vector<Blend>& blends, Image& out) {
  const std::int64_t row_size = out.width * out.channels;
  std::vector<float> sums(static_cast<std::size_t>(row_size));
  for (std::int64_t y = 0; y < out.height; ++y) {
    const Blend& blend = blends[static_cast<std::size_t>(y)];
    std::ranges::fill(sums, 0.0F);
    const float* in = rows.data() + blend.first * row_size;
    for (const float weight : blend.weights) {
      for (float& sum : sums) sum += weight * *in++;
    }
    std::uint8_t* row = out.pixels.data() + y * row_size;
    for (const float sum : sums) {
      *row++ = static_cast<std::uint8_t>(std::clamp(std::floor(sum + 0.5F), 0.0F, 255.0F));
    }
  }
}

}  // namespace

Image resize(const Image& image, const Box& box, std::int64_t height, std::int64_t width) {
  WBS_ASSERT(height > 0 && width > 0 && box.height > 0 && box.width > 0);
  WBS_ASSERT(box.top >= 0 && box.left >= 0 && box.top + box.height <= image.height &&
             box.left + box.width <= image.width);
  Image out{height, width, {}, image.channels};
  out.pixels.resize(static_cast<std::size_t>(height * width * image.channels));
  const std::vector<float> rows = resize_rows(image, box, triangle_filter(box.width, width));
  resize_columns(rows, triangle_filter(box.height, height), out);
  return out;
}

Image resize_shorter_side(const Image& image, std::int64_t shorter) {
  WBS_ASSERT(shorter > 0 && image.height > 0 && image.width > 0);
  const bool wide = image.width >= image.height;
  const std::int64_t height = wide ? shorter : shorter * image.height / image.width;
  const std::int64_t width = wide ? shorter * image.width / image.height : shorter;
  if (height == image.height && width == image.width) return image;
  return resize(image, {0, 0, image.height, image.width}, height, width);
}

}  // namespace wbs::datasets
