#include "networks/quantisation.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/rng.hpp"

namespace wbs::networks {
namespace {

std::vector<float> normal_values(std::size_t count) {
  std::vector<float> values(count);
  Rng rng(1);
  rng.fill_normal(values, 0.0F, 1.0F);
  return values;
}

TEST(QuantiseWeights, ChannelsHaveTheirOwnScaleAndZerosStay) {
  const Tensor weights({3, 2, 1, 1}, {1.27F, -0.5F, 0.0F, 0.0F, 0.002F, -0.004F});
  const QuantisedWeights quantised = quantise_weights(weights, false);
  EXPECT_FLOAT_EQ(quantised.scales[0], 0.01F);
  EXPECT_EQ(quantised.scales[1], 1.0F);
  EXPECT_EQ(quantised.integers.values, (std::vector<float>{127, -50, 0, 0, 64, -127}));
}

TEST(QuantiseWeights, PowersOfTwoCoverTheLargestWeight) {
  const QuantisedWeights quantised = quantise_weights(Tensor({2, 1}, {1.0F, 0.3F}), true);
  EXPECT_EQ(quantised.scales, (std::vector<float>{0x1p-6F, 0x1p-8F}));
  EXPECT_EQ(quantised.integers.values, (std::vector<float>{64, 77}));
}

TEST(QuantiseWeights, RefusesWhatIsNotFinite) {
  EXPECT_ANY_THROW(
      (void)quantise_weights(Tensor({1, 1}, {std::numeric_limits<float>::infinity()}), false));
}

TEST(RangeEstimator, DoesNotDependOnHowValuesAreSplit) {
  const std::vector<float> values = normal_values(10000);
  RangeEstimator whole;
  whole.add(values);
  RangeEstimator parts;
  for (std::size_t i = 0; i < values.size(); i += 100) parts.add({values.data() + i, 100});
  for (const RangeMethod method :
       {RangeMethod::maximum, RangeMethod::percentile, RangeMethod::mse}) {
    EXPECT_EQ(whole.choose({method, false}), parts.choose({method, false}));
  }
}

TEST(RangeEstimator, SignedValuesGetTheMiddleZeroPoint) {
  RangeEstimator estimator;
  const std::vector<float> values{-2.0F, 1.0F};
  estimator.add(values);
  EXPECT_EQ(estimator.choose({RangeMethod::maximum, false}).zero_point, 128);
  EXPECT_FLOAT_EQ(estimator.choose({RangeMethod::maximum, false}).scale, 2.0F / 127.0F);
  RangeEstimator positive;
  positive.add({values.data() + 1, 1});
  EXPECT_EQ(positive.choose({RangeMethod::maximum, false}).zero_point, 0);
  EXPECT_FLOAT_EQ(positive.choose({RangeMethod::maximum, false}).scale, 1.0F / 255.0F);
}

TEST(RangeEstimator, LeastErrorCutsALoneOutlierOff) {
  std::vector<float> values = normal_values(100000);
  values[7] = 60.0F;
  RangeEstimator estimator;
  estimator.add(values);
  const auto error = [&](Quant quant) {
    double sum = 0.0;
    for (const float value : values) {
      const double steps = std::nearbyint(double{value} / quant.scale);
      const double kept = std::min(std::max(steps, -128.0), 127.0) * quant.scale;
      sum += (value - kept) * (value - kept);
    }
    return sum;
  };
  const Quant by_error = estimator.choose({RangeMethod::mse, false});
  EXPECT_LT(error(by_error), 0.7 * error(estimator.choose({RangeMethod::maximum, false})));
  EXPECT_LE(error(by_error), error(estimator.choose({RangeMethod::percentile, false})));
}

TEST(RangeEstimator, NotANumberIsAnError) {
  RangeEstimator estimator;
  const std::vector<float> values{1.0F, std::numeric_limits<float>::quiet_NaN()};
  estimator.add(values);
  EXPECT_ANY_THROW((void)estimator.choose({}));
}

TEST(RangeEstimator, NothingButZerosHasScaleOne) {
  RangeEstimator estimator;
  const std::vector<float> zeros(10, 0.0F);
  estimator.add(zeros);
  EXPECT_EQ(estimator.choose({}), (Quant{1.0F, 0}));
}

}  // namespace
}  // namespace wbs::networks
