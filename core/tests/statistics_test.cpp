#include "core/statistics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "core/rng.hpp"

namespace wbs {
namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(Statistics, MomentsOfHandValues) {
  const std::vector<double> samples = {2, 4, 4, 4, 5, 5, 7, 9};
  Moments moments;
  for (const double sample : samples) moments.add(sample);
  EXPECT_EQ(moments.count(), 8);
  EXPECT_DOUBLE_EQ(moments.mean(), 5.0);
  EXPECT_DOUBLE_EQ(moments.variance(), 32.0 / 7.0);
  EXPECT_DOUBLE_EQ(mean(samples), 5.0);
  EXPECT_DOUBLE_EQ(variance(samples), 32.0 / 7.0);
  EXPECT_DOUBLE_EQ(deviation(samples), std::sqrt(32.0 / 7.0));
}

TEST(Statistics, MergedMomentsEqualThoseOfTheWhole) {
  Rng rng(3);
  Moments whole;
  Moments merged;
  for (const int size : {0, 1, 2, 100, 0, 7}) {
    Moments part;
    for (int i = 0; i < size; ++i) {
      const double value = 10.0 + rng.normal();
      part.add(value);
      whole.add(value);
    }
    merged.merge(part);
  }
  EXPECT_EQ(merged.count(), whole.count());
  EXPECT_NEAR(merged.mean(), whole.mean(), 1e-13);
  EXPECT_NEAR(merged.variance(), whole.variance(), 1e-13);
}

TEST(Statistics, VarianceSurvivesALargeMean) {
  const std::vector<double> samples = {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16};
  Moments moments;
  for (const double sample : samples) moments.add(sample);
  EXPECT_DOUBLE_EQ(variance(samples), 30.0);
  EXPECT_DOUBLE_EQ(moments.variance(), 30.0);
}

TEST(Statistics, OrderStatisticsOfHandValues) {
  const std::vector<double> odd = {9, 1, 5};
  const std::vector<double> even = {4, 1, 3, 2};
  EXPECT_DOUBLE_EQ(median(odd), 5.0);
  EXPECT_DOUBLE_EQ(median(even), 2.5);
  EXPECT_DOUBLE_EQ(quantile(even, 0.0), 1.0);
  EXPECT_DOUBLE_EQ(quantile(even, 0.25), 1.75);
  EXPECT_DOUBLE_EQ(quantile(even, 1.0), 4.0);
  EXPECT_DOUBLE_EQ(median_absolute_deviation(std::vector<double>{1, 1, 2, 2, 4, 6, 9}), 1.0);
}

TEST(Statistics, GeometricMeanOfRatios) {
  EXPECT_DOUBLE_EQ(geometric_mean(std::vector<double>{2, 8}), 4.0);
  EXPECT_THROW(static_cast<void>(geometric_mean(std::vector<double>{1, 0})), Error);
}

TEST(Statistics, TooFewOrNonFiniteSamplesAreErrors) {
  const std::vector<double> none;
  const std::vector<double> one = {1};
  const std::vector<double> bad = {1, kNan, 2};
  EXPECT_THROW(static_cast<void>(mean(none)), Error);
  EXPECT_THROW(static_cast<void>(median(none)), Error);
  EXPECT_THROW(static_cast<void>(variance(one)), Error);
  EXPECT_THROW(static_cast<void>(mean_interval(one)), Error);
  EXPECT_THROW(static_cast<void>(median(bad)), Error);
  EXPECT_THROW(static_cast<void>(mann_whitney(one, bad)), Error);
  EXPECT_THROW(static_cast<void>(quantile(one, kNan)), Error);
  EXPECT_THROW(static_cast<void>(mean_interval(std::vector<double>{1, 2}, 1.0)), Error);
}

TEST(Statistics, StudentQuantilesEqualTheTables) {
  EXPECT_NEAR(student_quantile(0.975, 1), 12.706204736174698, 1e-8);
  EXPECT_NEAR(student_quantile(0.975, 2), 4.302652729749464, 1e-9);
  EXPECT_NEAR(student_quantile(0.975, 10), 2.2281388519862744, 1e-9);
  EXPECT_NEAR(student_quantile(0.95, 30), 1.6972608865939574, 1e-9);
  EXPECT_NEAR(student_quantile(0.975, 1e6), 1.9599663, 1e-6);
  EXPECT_NEAR(student_quantile(0.025, 10), -2.2281388519862744, 1e-9);
  EXPECT_EQ(student_quantile(0.5, 3), 0.0);
}

TEST(Statistics, MeanIntervalOfHandValues) {
  // mean 3, deviation sqrt(2.5), t(0.975, 4) = 2.7764451
  const Interval interval = mean_interval(std::vector<double>{1, 2, 3, 4, 5});
  const double half = 2.7764451051977987 * std::sqrt(0.5);
  EXPECT_NEAR(interval.low, 3 - half, 1e-9);
  EXPECT_NEAR(interval.high, 3 + half, 1e-9);
}

TEST(Statistics, MedianIntervalTakesTheTabledRanks) {
  std::vector<double> samples(20);
  std::iota(samples.begin(), samples.end(), 1.0);
  // Textbook: n = 20 gives the 6th and the 15th sample with 95.86% coverage.
  const Interval twenty = value_or_throw(median_interval(samples));
  EXPECT_DOUBLE_EQ(twenty.low, 6.0);
  EXPECT_DOUBLE_EQ(twenty.high, 15.0);
  EXPECT_NEAR(twenty.confidence, 0.95861, 1e-5);
  samples.resize(6);
  const Interval six = value_or_throw(median_interval(samples));
  EXPECT_DOUBLE_EQ(six.low, 1.0);
  EXPECT_DOUBLE_EQ(six.high, 6.0);
  EXPECT_NEAR(six.confidence, 0.96875, 1e-12);
  samples.resize(5);
  EXPECT_EQ(median_interval(samples).error(),
            "5 samples give no 95% interval of the median: it takes 6");
}

TEST(Statistics, RankTestIsExactForSmallSamples) {
  const RankTest apart = mann_whitney(std::vector<double>{1, 2, 3}, std::vector<double>{4, 5, 6});
  EXPECT_TRUE(apart.exact);
  EXPECT_DOUBLE_EQ(apart.u, 0.0);
  EXPECT_DOUBLE_EQ(apart.p_value, 0.1);
  // Ages at diagnosis, an example of many textbooks: U = 17, p = 1/9.
  const std::vector<double> men = {19, 22, 16, 29, 24};
  const std::vector<double> women = {20, 11, 17, 12};
  const RankTest ages = mann_whitney(men, women);
  EXPECT_DOUBLE_EQ(ages.u, 17.0);
  EXPECT_NEAR(ages.p_value, 1.0 / 9.0, 1e-15);
  EXPECT_DOUBLE_EQ(mann_whitney(women, men).u, 3.0);
  EXPECT_DOUBLE_EQ(mann_whitney(women, men).p_value, ages.p_value);
}

TEST(Statistics, RankTestCorrectsForTies) {
  // Ranks 1.5 1.5 4 | 4 4 6: U = 7 - 6 = 1; ties 2 and 3: 6 + 24 = 30;
  // variance 9/12 * (7 - 30/30) = 4.5; z = (4.5 - 1 - 0.5) / sqrt(4.5) = sqrt(2).
  const RankTest tied = mann_whitney(std::vector<double>{1, 1, 2}, std::vector<double>{2, 2, 3});
  EXPECT_FALSE(tied.exact);
  EXPECT_DOUBLE_EQ(tied.u, 1.0);
  EXPECT_NEAR(tied.p_value, std::erfc(1.0), 1e-15);
  EXPECT_DOUBLE_EQ(mann_whitney(std::vector<double>{5, 5, 5}, std::vector<double>{5, 5}).p_value,
                   1.0);
}

TEST(Statistics, NormalApproximationMeetsTheExactTestWhereTheyChange) {
  Rng rng(4);
  std::vector<double> first(20);
  std::vector<double> second(20);
  for (double& value : first) value = rng.normal();
  for (double& value : second) value = rng.normal() + 0.6;
  const RankTest exact = mann_whitney(first, second);
  // One more pair, far out on each side, leaves the question nearly the same.
  first.push_back(1.0 + rng.normal());
  second.push_back(1.6 + rng.normal());
  const RankTest normal = mann_whitney(first, second);
  EXPECT_TRUE(exact.exact);
  EXPECT_FALSE(normal.exact);
  EXPECT_NEAR(normal.p_value, exact.p_value, 0.05);
}

}  // namespace
}  // namespace wbs
