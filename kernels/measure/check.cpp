#include "kernels/measure/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/rng.hpp"

namespace wbs::kernels::measure {
namespace {

constexpr double kHalfUlpBf16 = 0x1p-8;

/// Sum of products at one output point, and the sum of their magnitudes.
struct Sum {
  double value = 0.0;
  double magnitude = 0.0;
};

Sum convolve(const peers::Problem& problem, std::int64_t image, std::int64_t channel,
             std::int64_t row, std::int64_t column) {
  const ConvShape& s = problem.layer.shape;
  const std::int64_t group_in = s.in_channels / s.groups;
  const std::int64_t first = channel / (s.out_channels / s.groups) * group_in;
  const float* weights = problem.layer.weights->values.data() + channel * group_in * s.taps();
  Sum sum;
  for (std::int64_t c = 0; c < group_in; ++c) {
    const float* plane =
        problem.input.values.data() + (image * s.in_channels + first + c) * s.height * s.width;
    for (std::int64_t ky = 0; ky < s.kernel[0]; ++ky) {
      const std::int64_t y = row * s.stride[0] - s.pad_top + ky * s.dilation[0];
      if (y < 0 || y >= s.height) continue;
      for (std::int64_t kx = 0; kx < s.kernel[1]; ++kx) {
        const std::int64_t x = column * s.stride[1] - s.pad_left + kx * s.dilation[1];
        if (x < 0 || x >= s.width) continue;
        const double product =
            static_cast<double>(plane[y * s.width + x]) *
            static_cast<double>(weights[(c * s.kernel[0] + ky) * s.kernel[1] + kx]);
        sum.value += product;
        sum.magnitude += std::fabs(product);
      }
    }
  }
  return sum;
}

}  // namespace

Reference::Reference(const peers::Problem& problem, std::int64_t macs)
    : output_(problem.layer.epilogue.output), layer_(problem.layer.name) {
  const Shape out = peers::output_shape(problem.layer.shape);
  const ConvShape& s = problem.layer.shape;
  const std::int64_t terms = s.in_channels / s.groups * s.taps();
  const std::int64_t all = element_count(out);
  const std::int64_t affordable =
      std::max<std::int64_t>(64, macs / std::max<std::int64_t>(1, terms));
  if (all <= affordable) {
    for (std::int64_t i = 0; i < all; ++i) {
      add_point(problem, i / (out[1] * out[2] * out[3]), i / (out[2] * out[3]) % out[1],
                i / out[3] % out[2], i % out[3]);
    }
    return;
  }
  Rng rng(7, 0);
  const auto pick = [&rng](std::int64_t extent) {
    return static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(extent)));
  };
  // A quarter on the border, where padding and tails go wrong.
  for (std::int64_t i = 0; i < affordable; ++i) {
    const bool border = i % 4 == 0;
    const std::int64_t row = border ? (i / 4 % 2) * (out[2] - 1) : pick(out[2]);
    const std::int64_t column = border && i % 8 != 0 ? (i / 8 % 2) * (out[3] - 1) : pick(out[3]);
    add_point(problem, pick(out[0]), pick(out[1]), row, column);
  }
}

void Reference::add_point(const peers::Problem& problem, std::int64_t image, std::int64_t channel,
                          std::int64_t row, std::int64_t column) {
  const ConvShape& s = problem.layer.shape;
  const Epilogue& epilogue = problem.layer.epilogue;
  const auto at = static_cast<std::size_t>(channel);
  const Sum sum = convolve(problem, image, channel, row, column);
  const double scale = epilogue.scale.empty() ? 1.0 : static_cast<double>(epilogue.scale[at]);
  const double bias = epilogue.bias.empty() ? 0.0 : static_cast<double>(epilogue.bias[at]);
  const std::size_t index = static_cast<std::size_t>(
      ((image * s.out_channels + channel) * s.out_height() + row) * s.out_width() + column);
  const double residual = epilogue.residual ? static_cast<double>(problem.residual.values[index]) *
                                                  static_cast<double>(epilogue.residual_scale)
                                            : 0.0;
  const double value =
      std::clamp(sum.value * scale + bias + residual, static_cast<double>(epilogue.low),
                 static_cast<double>(epilogue.high));
  const std::int64_t terms = s.in_channels / s.groups * s.taps();
  const double magnitude = sum.magnitude * scale + std::fabs(bias) + std::fabs(residual);
  points_.push_back({index, value, static_cast<double>(terms + 4) * 0x1p-24 * magnitude});
  largest_bound_ = std::max(largest_bound_, points_.back().bound);
}

Result<double> Reference::check(const peers::ContestantInfo& who, const Tensor& output) const {
  const bool winograd = who.algorithm.starts_with("winograd");
  double worst = 0.0;
  for (const Point& point : points_) {
    const auto got = static_cast<double>(output.values[point.index]);
    double expected = point.value;
    double allowed = point.bound * (winograd ? 4.0 : 1.0);
    if (output_ == Element::bf16) allowed += kHalfUlpBf16 * std::fabs(expected);
    if (output_ == Element::u8) {
      expected = std::clamp(std::nearbyint(point.value), 0.0, 255.0);
      const double to_half = std::fabs(std::fabs(point.value - std::floor(point.value)) - 0.5);
      allowed = to_half < 0x1p-10 ? 1.0 : 0.0;
    }
    const double error = std::fabs(got - expected);
    if (!(error <= allowed)) {
      return refusal(
          fmt::format("{} ({}) computes layer {} wrongly: element {} is {}, expected {} "
                      "within {}",
                      who.name, who.implementation, layer_, point.index, got, expected, allowed));
    }
    if (allowed > 0.0) worst = std::max(worst, error / allowed);
  }
  return worst;
}

Result<void> Reference::compare(const peers::ContestantInfo& who, const Tensor& output,
                                const Tensor& other) const {
  for (std::size_t i = 0; i < output.values.size(); ++i) {
    const auto a = static_cast<double>(output.values[i]);
    const auto b = static_cast<double>(other.values[i]);
    double allowed = 8.0 * largest_bound_;
    if (output_ == Element::bf16) allowed += 2.0 * kHalfUlpBf16 * std::fabs(b);
    if (output_ == Element::u8) allowed = 1.0;
    if (!(std::fabs(a - b) <= allowed)) {
      return refusal(fmt::format("{} ({}) disagrees on layer {}: element {} is {}, another has {}",
                                 who.name, who.implementation, layer_, i, a, b));
    }
  }
  return {};
}

}  // namespace wbs::kernels::measure
