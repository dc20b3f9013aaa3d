#include <fmt/format.h>

#include <algorithm>
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

std::vector<float> resize_rows(const Image& image, const std::vector<Blend>& blends) {
  const auto width = static_cast<std::int64_t>(blends.size());
  std::vector<float> out(static_cast<std::size_t>(image.height * width * 3));
  for (std::int64_t y = 0; y < image.height; ++y) {
    const std::uint8_t* row = image.rgb.data() + y * image.width * 3;
    for (std::int64_t x = 0; x < width; ++x) {
      const Blend& blend = blends[static_cast<std::size_t>(x)];
      float* pixel = out.data() + (y * width + x) * 3;
      const std::uint8_t* in = row + blend.first * 3;
      for (const float weight : blend.weights) {
        for (int c = 0; c < 3; ++c) pixel[c] += weight * static_cast<float>(*in++);
      }
    }
  }
  return out;
}

void resize_columns(const std::vector<float>& rows, const std::vector<Blend>& blends, Image& out) {
  const std::int64_t row_size = out.width * 3;
  std::vector<float> sums(static_cast<std::size_t>(row_size));
  for (std::int64_t y = 0; y < out.height; ++y) {
    const Blend& blend = blends[static_cast<std::size_t>(y)];
    std::ranges::fill(sums, 0.0F);
    const float* in = rows.data() + blend.first * row_size;
    for (const float weight : blend.weights) {
      for (float& sum : sums) sum += weight * *in++;
    }
    std::uint8_t* row = out.rgb.data() + y * row_size;
    for (const float sum : sums) {
      *row++ = static_cast<std::uint8_t>(std::clamp(std::floor(sum + 0.5F), 0.0F, 255.0F));
    }
  }
}

}  // namespace

Image resize_shorter_side(const Image& image, std::int64_t shorter) {
  WBS_ASSERT(shorter > 0 && image.height > 0 && image.width > 0);
  const bool wide = image.width >= image.height;
  Image out;
  out.height = wide ? shorter : shorter * image.height / image.width;
  out.width = wide ? shorter * image.width / image.height : shorter;
  if (out.height == image.height && out.width == image.width) return image;
  out.rgb.resize(static_cast<std::size_t>(out.height * out.width * 3));
  const std::vector<float> rows = resize_rows(image, triangle_filter(image.width, out.width));
  resize_columns(rows, triangle_filter(image.height, out.height), out);
  return out;
}

void apply(const Transform& transform, const Image& image, const std::string& place,
           std::span<float> chw) {
  const std::int64_t side = transform.crop;
  WBS_ASSERT(static_cast<std::int64_t>(chw.size()) == 3 * side * side);
  if (transform.resize_shorter > 0) {
    const Image resized = resize_shorter_side(image, transform.resize_shorter);
    Transform only_crop = transform;
    only_crop.resize_shorter = 0;
    return apply(only_crop, resized, place, chw);
  }
  if (image.height < side || image.width < side) {
    throw Error(ErrorKind::input,
                fmt::format("{}: {} x {} pixels are fewer than the crop's {} x {}", place,
                            image.width, image.height, side, side));
  }
  const std::int64_t top = (image.height - side) / 2;
  const std::int64_t left = (image.width - side) / 2;
  for (std::size_t c = 0; c < 3; ++c) {
    std::array<float, 256> normalised{};
    for (std::size_t x = 0; x < normalised.size(); ++x) {
      normalised[x] = (static_cast<float>(x) / 255.0F - transform.mean[c]) / transform.deviation[c];
    }
    float* out = chw.data() + static_cast<std::int64_t>(c) * side * side;
    for (std::int64_t y = 0; y < side; ++y) {
      const std::uint8_t* in =
          image.rgb.data() + ((top + y) * image.width + left) * 3 + static_cast<std::int64_t>(c);
      for (std::int64_t x = 0; x < side; ++x, in += 3) *out++ = normalised[*in];
    }
  }
}

}  // namespace wbs::datasets
