#include "kernels/measure/summary.hpp"

#include <algorithm>

#include "core/statistics.hpp"

namespace wbs::kernels::measure {

Summary summarise(std::span<const double> milliseconds) {
  const double middle = median(milliseconds);
  const double range = quantile(milliseconds, 0.75) - quantile(milliseconds, 0.25);
  return {static_cast<int>(milliseconds.size()),
          *std::min_element(milliseconds.begin(), milliseconds.end()), middle,
          middle > 0.0 ? range / middle : 0.0};
}

Bound roofline(double operations, double peak_ops_per_s, double bytes,
               double bytes_per_s) noexcept {
  const double compute = operations / peak_ops_per_s * 1e3;
  const double memory = bytes / bytes_per_s * 1e3;
  return {std::max(compute, memory), memory > compute};
}

}  // namespace wbs::kernels::measure
