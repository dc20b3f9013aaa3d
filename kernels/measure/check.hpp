// Whether a contestant computes the layer: asked before anything is timed.
#pragma once

#include <cstdint>
#include <vector>

#include "core/error.hpp"
#include "kernels/peers/contestant.hpp"

namespace wbs::kernels::measure {

/// The layer in double precision at some points of its output: corners, edges and seeded inner
/// ones, all of them for a small layer.
class Reference {
 public:
  /// Costs at most about `macs` multiply-accumulates.
  explicit Reference(const peers::Problem& problem, std::int64_t macs = 6'000'000);

  /// The largest error, as a share of what rounding may cause; the refusal names the first point
  /// beyond it.
  /// fp32: (terms + 4) * 2^-24 * (sum of |input * weight| + |bias| + |residual|), four times that
  /// for Winograd, whose transforms add rounding; bf16: the same and half a unit of the output's
  /// last place (2^-8). u8: exact, one step where the value lies within 2^-10 of a half.
  [[nodiscard]] Result<double> check(const peers::ContestantInfo& who, const Tensor& output) const;

  /// The same between two contestants at every point: `other` is one that check() accepted. The
  /// allowance is eight times the largest bound of the sampled points (u8: one step).
  [[nodiscard]] Result<void> compare(const peers::ContestantInfo& who, const Tensor& output,
                                     const Tensor& other) const;

  [[nodiscard]] std::int64_t points() const noexcept {
    return static_cast<std::int64_t>(points_.size());
  }

 private:
  struct Point {
    std::size_t index;
    double value;  ///< before rounding to u8 or bf16
    double bound;  ///< of a direct fp32 sum
  };
  void add_point(const peers::Problem& problem, std::int64_t image, std::int64_t channel,
                 std::int64_t row, std::int64_t column);

  Element output_;
  std::string layer_;
  std::vector<Point> points_;
  double largest_bound_ = 0.0;
};

}  // namespace wbs::kernels::measure
