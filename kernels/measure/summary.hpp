// What a list of timings says.
#pragma once

#include <span>

namespace wbs::kernels::measure {

/// Milliseconds of one contestant on one layer.
struct Summary {
  int n = 0;
  double minimum_ms = 0.0;
  double median_ms = 0.0;
  double spread = 0.0;  ///< interquartile range / median
};

/// Throws Error(input) when there is no sample or one is not finite.
[[nodiscard]] Summary summarise(std::span<const double> milliseconds);

/// A layer's lower bound in time: the slower of computing and reading.
struct Bound {
  double milliseconds = 0.0;
  bool memory = false;  ///< reading decides
};

/// `operations` at `peak_ops_per_s` beside `bytes` at `bytes_per_s`.
[[nodiscard]] Bound roofline(double operations, double peak_ops_per_s, double bytes,
                             double bytes_per_s) noexcept;

}  // namespace wbs::kernels::measure
