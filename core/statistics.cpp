#include "core/statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

namespace wbs {
namespace {

void require(std::span<const double> samples, std::size_t least, std::string_view what) {
  if (samples.size() < least) {
    throw Error(ErrorKind::input,
                fmt::format("{} of {} samples: expected at least {}", what, samples.size(), least));
  }
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (!std::isfinite(samples[i])) {
      throw Error(ErrorKind::input, fmt::format("{}: sample {} is not finite", what, i));
    }
  }
}

void require_probability(double value, std::string_view what) {
  if (!(value > 0.0 && value < 1.0)) {
    throw Error(ErrorKind::input, fmt::format("{} of {}: expected between 0 and 1", what, value));
  }
}

std::vector<double> sorted(std::span<const double> samples) {
  std::vector<double> values(samples.begin(), samples.end());
  std::sort(values.begin(), values.end());
  return values;
}

double median_of_sorted(const std::vector<double>& values) {
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2.0;
}

/// The regularised incomplete beta function's continued fraction (Lentz's method; Abramowitz and
/// Stegun 26.5.8). Converges fast for x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  const auto away_from_zero = [](double value) { return std::fabs(value) < kTiny ? kTiny : value; };
  double c = 1.0;
  double d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
  double fraction = d;
  for (int m = 1; m <= 500; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1.0 / away_from_zero(1.0 + even * d);
    c = away_from_zero(1.0 + even / c);
    fraction *= c * d;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1.0 / away_from_zero(1.0 + odd * d);
    c = away_from_zero(1.0 + odd / c);
    const double step = c * d;
    fraction *= step;
    if (std::fabs(step - 1.0) < 1e-15) break;
  }
  return fraction;
}

double regularised_beta(double a, double b, double x) {
  if (x <= 0.0) return 0.0;
  if (x >= 1.0) return 1.0;
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1.0) / (a + b + 2.0)) return front * beta_fraction(a, b, x) / a;
  return 1.0 - front * beta_fraction(b, a, 1.0 - x) / b;
}

/// P(T > t) for t >= 0.
double student_tail(double t, double freedom) {
  return 0.5 * regularised_beta(freedom / 2.0, 0.5, freedom / (freedom + t * t));
}

/// How many arrangements of two untied samples have each value of U: the coefficients of the
/// Gaussian binomial. Integers below 2^53 throughout, hence exact.
std::vector<double> arrangements_by_u(std::size_t first, std::size_t second) {
  std::vector<double> ways(first * second + 1, 0.0);
  ways[0] = 1.0;
  for (std::size_t i = 1; i <= first; ++i) {
    for (std::size_t u = ways.size(); u-- > second + i;) ways[u] -= ways[u - second - i];
    for (std::size_t u = i; u < ways.size(); ++u) ways[u] += ways[u - i];
  }
  return ways;
}

double exact_p_value(double u, std::size_t first, std::size_t second) {
  const std::vector<double> ways = arrangements_by_u(first, second);
  const double smaller = std::min(u, static_cast<double>(first * second) - u);
  double tail = 0.0;
  double all = 0.0;
  for (std::size_t value = 0; value < ways.size(); ++value) {
    all += ways[value];
    if (static_cast<double>(value) <= smaller) tail += ways[value];
  }
  return std::min(1.0, 2.0 * tail / all);
}

}  // namespace

void Moments::add(double value) noexcept {
  ++count_;
  const double distance = value - mean_;
  mean_ += distance / static_cast<double>(count_);
  squares_ += distance * (value - mean_);
}

void Moments::merge(const Moments& other) noexcept {
  if (other.count_ == 0) return;
  const auto mine = static_cast<double>(count_);
  const auto theirs = static_cast<double>(other.count_);
  const double distance = other.mean_ - mean_;
  count_ += other.count_;
  mean_ += distance * theirs / (mine + theirs);
  squares_ += other.squares_ + distance * distance * mine * theirs / (mine + theirs);
}

double Moments::variance() const noexcept {
  return count_ < 2 ? 0.0 : squares_ / static_cast<double>(count_ - 1);
}

double Moments::deviation() const noexcept {
  return std::sqrt(variance());
}

double mean(std::span<const double> samples) {
  require(samples, 1, "mean");
  double sum = 0.0;
  for (const double sample : samples) sum += sample;
  return sum / static_cast<double>(samples.size());
}

double variance(std::span<const double> samples) {
  require(samples, 2, "variance");
  const double center = mean(samples);
  double squares = 0.0;
  double rest = 0.0;  // what rounding of the mean left: 0 in exact arithmetic
  for (const double sample : samples) {
    squares += (sample - center) * (sample - center);
    rest += sample - center;
  }
  const auto count = static_cast<double>(samples.size());
  return (squares - rest * rest / count) / (count - 1.0);
}

double deviation(std::span<const double> samples) {
  return std::sqrt(variance(samples));
}

double geometric_mean(std::span<const double> samples) {
  require(samples, 1, "geometric mean");
  double sum = 0.0;
  for (const double sample : samples) {
    if (sample <= 0.0) {
      throw Error(ErrorKind::input,
                  fmt::format("geometric mean: sample {} is not positive", sample));
    }
    sum += std::log(sample);
  }
  return std::exp(sum / static_cast<double>(samples.size()));
}

double median(std::span<const double> samples) {
  require(samples, 1, "median");
  return median_of_sorted(sorted(samples));
}

double quantile(std::span<const double> samples, double probability) {
  require(samples, 1, "quantile");
  if (!(probability >= 0.0 && probability <= 1.0)) {
    throw Error(ErrorKind::input,
                fmt::format("quantile at {}: expected a probability from 0 to 1", probability));
  }
  const std::vector<double> values = sorted(samples);
  const double place = probability * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

double median_absolute_deviation(std::span<const double> samples) {
  const double center = median(samples);
  std::vector<double> distances(samples.begin(), samples.end());
  for (double& distance : distances) distance = std::fabs(distance - center);
  std::sort(distances.begin(), distances.end());
  return median_of_sorted(distances);
}

Interval mean_interval(std::span<const double> samples, double confidence) {
  require(samples, 2, "confidence interval of the mean");
  require_probability(confidence, "confidence");
  const auto count = static_cast<double>(samples.size());
  const double half = student_quantile((1.0 + confidence) / 2.0, count - 1.0) *
                      std::sqrt(variance(samples) / count);
  const double center = mean(samples);
  return {center - half, center + half, confidence};
}

Result<Interval> median_interval(std::span<const double> samples, double confidence) {
  require(samples, 1, "confidence interval of the median");
  require_probability(confidence, "confidence");
  const auto count = static_cast<double>(samples.size());
  // The k-th smallest to k-th largest miss the median when fewer than k samples lie on one side of
  // it: twice P(Binomial(n, 1/2) <= k - 1).
  std::size_t rank = 0;
  double coverage = 0.0;
  double missed = 0.0;
  for (std::size_t below = 0; 2 * below + 1 < samples.size(); ++below) {
    const auto k = static_cast<double>(below);
    missed += 2.0 * std::exp(std::lgamma(count + 1.0) - std::lgamma(k + 1.0) -
                             std::lgamma(count - k + 1.0) - count * std::log(2.0));
    if (1.0 - missed < confidence) break;
    rank = below + 1;
    coverage = 1.0 - missed;
  }
  if (rank == 0) {
    const auto needed = static_cast<int>(std::ceil(1.0 - std::log2(1.0 - confidence)));
    return refusal(fmt::format("{} samples give no {}% interval of the median: it takes {}",
                               samples.size(), 100.0 * confidence, needed));
  }
  const std::vector<double> values = sorted(samples);
  return Interval{values[rank - 1], values[values.size() - rank], coverage};
}

double student_quantile(double probability, double freedom) {
  require_probability(probability, "probability");
  WBS_ASSERT(freedom > 0.0);
  if (probability == 0.5) return 0.0;
  const double tail = std::min(probability, 1.0 - probability);
  double low = 0.0;
  double high = 1.0;
  while (student_tail(high, freedom) > tail && high < 1e300) high *= 2.0;
  for (int step = 0; step < 200 && low < high; ++step) {
    const double middle = low + (high - low) / 2.0;
    if (middle == low || middle == high) break;
    (student_tail(middle, freedom) > tail ? low : high) = middle;
  }
  return probability < 0.5 ? -high : high;
}

RankTest mann_whitney(std::span<const double> first, std::span<const double> second) {
  require(first, 1, "rank test");
  require(second, 1, "rank test");
  std::vector<std::pair<double, bool>> pooled;  // value, whether of `first`
  for (const double value : first) pooled.emplace_back(value, true);
  for (const double value : second) pooled.emplace_back(value, false);
  std::sort(pooled.begin(), pooled.end());
  double rank_sum = 0.0;
  double tie_term = 0.0;
  for (std::size_t begin = 0; begin < pooled.size();) {
    std::size_t end = begin;
    std::size_t of_first = 0;
    for (; end < pooled.size() && pooled[end].first == pooled[begin].first; ++end) {
      of_first += pooled[end].second ? 1 : 0;
    }
    const auto tied = static_cast<double>(end - begin);
    rank_sum += static_cast<double>(of_first) * static_cast<double>(begin + end + 1) / 2.0;
    tie_term += tied * tied * tied - tied;
    begin = end;
  }
  const auto n1 = static_cast<double>(first.size());
  const auto n2 = static_cast<double>(second.size());
  const double n = n1 + n2;
  RankTest test;
  test.u = rank_sum - n1 * (n1 + 1.0) / 2.0;
  constexpr std::size_t kExactUpTo = 20;
  if (tie_term == 0.0 && first.size() <= kExactUpTo && second.size() <= kExactUpTo) {
    test.exact = true;
    test.p_value = exact_p_value(test.u, first.size(), second.size());
    return test;
  }
  const double variance_u = n1 * n2 / 12.0 * (n + 1.0 - tie_term / (n * (n - 1.0)));
  if (variance_u <= 0.0) return test;  // all values equal
  const double distance = std::max(0.0, std::fabs(test.u - n1 * n2 / 2.0) - 0.5);
  test.p_value = std::erfc(distance / std::sqrt(2.0 * variance_u));
  return test;
}

}  // namespace wbs
