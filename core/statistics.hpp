// Statistics of samples: moments, order statistics, confidence intervals, a rank test.
#pragma once

#include <cstdint>
#include <span>

#include "core/error.hpp"

namespace wbs {

// Every function below that takes samples throws Error(input) when there are too few of them or
// when one is not finite: NaN and infinity are outcomes, never numbers in an average.

/// Count, mean and variance of a stream of values, without keeping them (Welford; merged by Chan et
/// al., 1983). Merging the same parts in the same order gives the same bits.
class Moments {
 public:
  void add(double value) noexcept;
  void merge(const Moments& other) noexcept;
  [[nodiscard]] std::int64_t count() const noexcept { return count_; }
  [[nodiscard]] double mean() const noexcept { return mean_; }
  /// Of the sample (divided by count - 1); 0 below two values.
  [[nodiscard]] double variance() const noexcept;
  [[nodiscard]] double deviation() const noexcept;

 private:
  std::int64_t count_ = 0;
  double mean_ = 0.0;
  double squares_ = 0.0;  // sum of squared distances from the mean
};

[[nodiscard]] double mean(std::span<const double> samples);
/// Of the sample (divided by count - 1), in two passes. Needs two samples.
[[nodiscard]] double variance(std::span<const double> samples);
[[nodiscard]] double deviation(std::span<const double> samples);
/// exp of the mean logarithm. Every sample must be positive.
[[nodiscard]] double geometric_mean(std::span<const double> samples);

/// The middle sample, or the mean of the two middle ones.
[[nodiscard]] double median(std::span<const double> samples);
/// Linear interpolation between order statistics at (count - 1) * probability (type 7 of Hyndman
/// and Fan, 1996: numpy's and R's default).
[[nodiscard]] double quantile(std::span<const double> samples, double probability);
/// Median of the distances from the median. Times 1.4826 it estimates a normal's deviation.
[[nodiscard]] double median_absolute_deviation(std::span<const double> samples);

struct Interval {
  double low = 0.0;
  double high = 0.0;
  double confidence = 0.0;  ///< the coverage it really has
};

/// Student's interval of the mean: assumes roughly normal samples. Needs two.
[[nodiscard]] Interval mean_interval(std::span<const double> samples, double confidence = 0.95);

/// The interval of the median between two order statistics, the narrowest symmetric pair whose
/// coverage (from the binomial distribution, no other assumption) reaches `confidence`. The refusal
/// says how many samples it takes (6 for 95%).
[[nodiscard]] Result<Interval> median_interval(std::span<const double> samples,
                                               double confidence = 0.95);

/// Quantile of Student's t distribution; `probability` in (0, 1), `freedom` > 0. Error below 1e-9.
[[nodiscard]] double student_quantile(double probability, double freedom);

struct RankTest {
  double u = 0.0;        ///< pairs in which `first` is larger, ties counted half
  double p_value = 1.0;  ///< two-sided
  bool exact =
      false;  ///< from the exact distribution; else normal with tie and continuity correction
};

/// Mann and Whitney's test that neither sample tends to be larger: exact without ties up to 20
/// samples on each side.
[[nodiscard]] RankTest mann_whitney(std::span<const double> first, std::span<const double> second);

}  // namespace wbs
