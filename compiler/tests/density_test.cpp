#include "compiler/density.hpp"

#include <gtest/gtest.h>

#include "core/error.hpp"

namespace wbs::compiler {
namespace {

LayerDensity nominal(const char* text) {
  return nominal_density(value_or_throw(sparsity::parse_pattern(text)));
}

TEST(Density, BlocksOfEightSkipWholeOperands) {
  EXPECT_EQ(nominal("block:8x8@0.5"), (LayerDensity{0.5, 0.5}));
  EXPECT_EQ(nominal("block:16x16@0.75"), (LayerDensity{0.25, 0.25}));
  EXPECT_EQ(nominal("dense"), (LayerDensity{1.0, 1.0}));
}

TEST(Density, FinerBlocksTouchMostOperands) {
  EXPECT_DOUBLE_EQ(nominal("block:4x4@0.5").stored, 0.5);
  EXPECT_DOUBLE_EQ(nominal("block:4x4@0.5").operands, 1.0 - 0.5 * 0.5 * 0.5 * 0.5);
  EXPECT_DOUBLE_EQ(nominal("block:16x4@0.5").operands, 1.0 - 0.25);
  EXPECT_GT(nominal("unstructured@0.9").operands, 0.99);
}

TEST(Density, TwoOfEightRunsAtTheTwoOfFourRate) {
  EXPECT_EQ(nominal("nm:2:4/in"), (LayerDensity{0.5, 0.5}));
  EXPECT_EQ(nominal("nm:2:8/in"), (LayerDensity{0.25, 0.5}));
  EXPECT_EQ(nominal("nm:4:8/in"), (LayerDensity{0.5, 1.0}));
  EXPECT_EQ(nominal("nm:2:4/out"), (LayerDensity{0.5, 1.0}));
}

TEST(Density, MeasuredBlocksCountOperandsAndWeights) {
  Tensor weights({16, 16, 3, 3}, 1.0F);
  for (std::size_t i = 0; i < 8; ++i)  // one of four blocks, output channels 0..7, input 8..15
    for (std::size_t c = 8; c < 16; ++c)
      for (std::size_t t = 0; t < 9; ++t) weights.values[(i * 16 + c) * 9 + t] = 0.0F;
  EXPECT_EQ(measured_density(weights), (LayerDensity{0.75, 0.75}));
}

TEST(Density, MeasuredTwoOfFourHalvesTheTime) {
  Tensor weights({8, 8}, 0.0F);
  for (std::size_t o = 0; o < 8; ++o)
    for (const std::size_t i : {0U, 3U, 4U, 5U}) weights.values[o * 8 + i] = 1.0F;
  EXPECT_EQ(measured_density(weights), (LayerDensity{0.5, 0.5}));
  weights.values[1] = 1.0F;
  EXPECT_DOUBLE_EQ(measured_density(weights).operands, 1.0);
}

TEST(Density, DepthwiseWeightsHaveNoGroupsOfFour) {
  EXPECT_EQ(measured_density(Tensor({16, 1, 3, 3}, 1.0F)), (LayerDensity{1.0, 1.0}));
}

TEST(Density, RemainderChannelsCount) {
  Tensor weights({9, 9}, 0.0F);
  weights.values[80] = 1.0F;  // the one weight of the last 1x1 operand
  const LayerDensity density = measured_density(weights);
  EXPECT_DOUBLE_EQ(density.stored, 1.0 / 81.0);
  EXPECT_DOUBLE_EQ(density.operands, 0.5 * 0.25);
}

TEST(Density, AVectorIsRefused) {
  EXPECT_THROW((void)measured_density(Tensor({8}, 1.0F)), Error);
}

}  // namespace
}  // namespace wbs::compiler
