#include "kernels/measure/summary.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "core/error.hpp"

namespace wbs::kernels::measure {
namespace {

TEST(Summary, GivesMedianMinimumAndRelativeSpread) {
  const std::vector<double> samples{4.0, 1.0, 3.0, 2.0, 100.0};
  const Summary summary = summarise(samples);
  EXPECT_EQ(summary.n, 5);
  EXPECT_DOUBLE_EQ(summary.minimum_ms, 1.0);
  EXPECT_DOUBLE_EQ(summary.median_ms, 3.0);
  EXPECT_DOUBLE_EQ(summary.spread, (4.0 - 2.0) / 3.0);  // one outlier does not move it
}

TEST(Summary, RefusesNothingAndNotANumber) {
  EXPECT_THROW((void)summarise({}), Error);
  const std::vector<double> samples{1.0, std::numeric_limits<double>::quiet_NaN()};
  EXPECT_THROW((void)summarise(samples), Error);
}

TEST(Roofline, IsTheSlowerOfComputingAndReading) {
  const Bound compute = roofline(2e9, 1e12, 1e6, 1e10);
  EXPECT_DOUBLE_EQ(compute.milliseconds, 2.0);
  EXPECT_FALSE(compute.memory);
  const Bound memory = roofline(2e9, 1e12, 1e8, 1e10);
  EXPECT_DOUBLE_EQ(memory.milliseconds, 10.0);
  EXPECT_TRUE(memory.memory);
}

}  // namespace
}  // namespace wbs::kernels::measure
