// Post-training quantisation: what 8-bit numbers stand for, and how the scales are chosen.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/tensor.hpp"

namespace wbs::networks {

/// What an unsigned 8-bit activation means: (number - zero_point) * scale.
struct Quant {
  float scale = 1.0F;
  int zero_point = 0;  ///< 0, or 128 for activations that may be negative
  friend bool operator==(const Quant&, const Quant&) = default;
};

/// How the largest representable activation is chosen from the ones seen.
enum class RangeMethod {
  maximum,     ///< the largest magnitude
  percentile,  ///< all but one in ten thousand of the non-zero magnitudes fit
  mse,         ///< least mean squared error of the non-zero values
};

[[nodiscard]] std::string_view to_string(RangeMethod method) noexcept;
/// "max", "percentile" or "mse".
[[nodiscard]] Result<RangeMethod> parse_range_method(std::string_view text);

struct QuantisationOptions {
  RangeMethod method = RangeMethod::mse;
  bool power_of_two = false;  ///< every scale, of weights and activations, is a power of two
};

/// The scales of a network: activations by the name of the node that gives them; weights follow
/// from the values (quantise_weights).
struct Quantisation {
  QuantisationOptions options;
  std::map<std::string, Quant> activations;
};

/// Signed 8-bit weights with one scale per output channel: weight = integer * scale[channel].
struct QuantisedWeights {
  Tensor integers;  ///< in [-127, 127], as fp32
  std::vector<float> scales;
};

/// The nearest integers, ties to even. The scale of a channel is its largest magnitude / 127, or
/// the next power of two; 1 for a channel of zeros. Zero weights stay zero. Throws Error(input) for
/// weights that are not finite.
[[nodiscard]] QuantisedWeights quantise_weights(const Tensor& weights, bool power_of_two);

/// Distribution of the magnitudes of an activation, in one pass over it: equal bins whose width
/// doubles when a larger value comes. The result does not depend on how values are split into
/// calls.
class RangeEstimator {
 public:
  void add(std::span<const float> values);
  [[nodiscard]] std::int64_t count() const noexcept { return count_; }
  [[nodiscard]] float largest() const noexcept { return largest_; }
  [[nodiscard]] bool negative() const noexcept { return negative_; }

  /// The scale and zero point for what was added: zero point 0 when nothing was negative. Throws
  /// Error(input) when a value was not finite.
  [[nodiscard]] Quant choose(const QuantisationOptions& options) const;

 private:
  static constexpr std::size_t kBins = 4096;
  void grow();
  [[nodiscard]] double clip_for_percentile() const;
  [[nodiscard]] double clip_for_least_error(double steps) const;

  // The first bin is as wide as 2^-20: activations below that are zero for every purpose here.
  double width_ = 0x1p-20;
  std::vector<std::int64_t> bins_ = std::vector<std::int64_t>(kBins);
  std::int64_t count_ = 0;
  float largest_ = 0.0F;
  bool negative_ = false;
  bool finite_ = true;
};

}  // namespace wbs::networks
