#include "networks/quantisation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace wbs::networks {
namespace {

constexpr double kUnsignedSteps = 255.0;
constexpr double kSignedSteps = 127.0;

double next_power_of_two(double value) {
  return std::exp2(std::ceil(std::log2(value)));
}

}  // namespace

std::string_view to_string(RangeMethod method) noexcept {
  switch (method) {
    case RangeMethod::maximum:
      return "max";
    case RangeMethod::percentile:
      return "percentile";
    case RangeMethod::mse:
      return "mse";
  }
  return "?";
}

Result<RangeMethod> parse_range_method(std::string_view text) {
  for (const RangeMethod method :
       {RangeMethod::maximum, RangeMethod::percentile, RangeMethod::mse}) {
    if (text == to_string(method)) return method;
  }
  return refusal(
      fmt::format("'{}' is no way to choose ranges: expected max, percentile or mse", text));
}

QuantisedWeights quantise_weights(const Tensor& weights, bool power_of_two) {
  QuantisedWeights result{weights, {}};
  const std::int64_t channels = weights.shape.at(0);
  const std::size_t terms =
      channels == 0 ? 0 : weights.values.size() / static_cast<std::size_t>(channels);
  for (std::size_t first = 0; first < weights.values.size(); first += terms) {
    float largest = 0.0F;
    for (std::size_t i = first; i < first + terms; ++i) {
      if (!std::isfinite(weights.values[i])) {
        throw Error(ErrorKind::input,
                    fmt::format("weight {} is not finite and cannot be quantised", i));
      }
      largest = std::max(largest, std::abs(weights.values[i]));
    }
    double scale = largest > 0.0F ? double{largest} / kSignedSteps : 1.0;
    if (power_of_two) scale = next_power_of_two(scale);
    const auto step = static_cast<float>(scale);
    result.scales.push_back(step);
    for (std::size_t i = first; i < first + terms; ++i) {
      const double steps = std::nearbyint(double{weights.values[i]} / double{step});
      result.integers.values[i] =
          static_cast<float>(std::clamp(steps, -kSignedSteps, kSignedSteps));
    }
  }
  return result;
}

void RangeEstimator::grow() {
  for (std::size_t i = 0; i < kBins / 2; ++i) bins_[i] = bins_[2 * i] + bins_[2 * i + 1];
  std::fill(bins_.begin() + kBins / 2, bins_.end(), 0);
  width_ *= 2.0;
}

void RangeEstimator::add(std::span<const float> values) {
  float largest = largest_;
  float least = negative_ ? -1.0F : 0.0F;
  bool finite = finite_;
  for (const float value : values) {
    finite = finite && std::isfinite(value);
    largest = std::max(largest, std::abs(value));
    least = std::min(least, value);
  }
  finite_ = finite;
  if (!finite) return;
  largest_ = largest;
  negative_ = least < 0.0F;
  while (double{largest} >= width_ * kBins) grow();
  const double per_unit = 1.0 / width_;  // exact: the width is a power of two
  for (const float value : values) {
    if (value == 0.0F) continue;
    ++bins_[static_cast<std::size_t>(double{std::abs(value)} * per_unit)];
    ++count_;
  }
}

double RangeEstimator::clip_for_percentile() const {
  const auto outside = static_cast<std::int64_t>(static_cast<double>(count_) * 1e-4);
  std::int64_t above = 0;
  for (std::size_t bin = kBins; bin-- > 0;) {
    above += bins_[bin];
    if (above > outside) return static_cast<double>(bin + 1) * width_;
  }
  return double{largest_};
}

double RangeEstimator::clip_for_least_error(double steps) const {
  // Error of a clip at the upper edge of bin b: values inside are off by a uniform fraction of a
  // step (step^2 / 12), values beyond by their distance. Prefix sums make each candidate O(1).
  std::vector<double> count(kBins + 1), sum(kBins + 1), squares(kBins + 1);
  for (std::size_t bin = kBins; bin-- > 0;) {
    const double centre = (static_cast<double>(bin) + 0.5) * width_;
    const auto here = static_cast<double>(bins_[bin]);
    count[bin] = count[bin + 1] + here;
    sum[bin] = sum[bin + 1] + here * centre;
    squares[bin] = squares[bin + 1] + here * centre * centre;
  }
  double best = double{largest_};
  double least = best / steps * best / steps / 12.0 * count[0];
  for (std::size_t edge = 1; edge < kBins; ++edge) {
    const double clip = static_cast<double>(edge) * width_;
    if (clip >= double{largest_}) break;
    const double inside = count[0] - count[edge];
    const double step = clip / steps;
    const double error = inside * step * step / 12.0 + squares[edge] - 2.0 * clip * sum[edge] +
                         clip * clip * count[edge];
    if (error < least) {
      least = error;
      best = clip;
    }
  }
  return best;
}

Quant RangeEstimator::choose(const QuantisationOptions& options) const {
  if (!finite_) throw Error(ErrorKind::input, "an activation is not finite");
  const double steps = negative_ ? kSignedSteps : kUnsignedSteps;
  double clip = double{largest_};
  if (options.method == RangeMethod::percentile) {
    clip = std::min(clip, clip_for_percentile());
  } else if (options.method == RangeMethod::mse) {
    clip = clip_for_least_error(steps);
  }
  double scale = clip > 0.0 ? clip / steps : 1.0;
  if (options.power_of_two) scale = next_power_of_two(scale);
  return {static_cast<float>(scale), negative_ ? 128 : 0};
}

}  // namespace wbs::networks
