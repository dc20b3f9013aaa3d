#include "sparsity/operands.hpp"

#include <gtest/gtest.h>

#include "sparsity/prune.hpp"
#include "sparsity/tests/fixtures.hpp"

namespace wbs::sparsity {
namespace {

OperandCount counted(const Shape& shape, const char* text) {
  Tensor weights = random_weights(shape);
  prune(weights, pattern_of(text)).mask.apply(weights);
  return count_operands(weights);
}

TEST(Operands, BlocksOfEightSkipWholeOperands) {
  const OperandCount count = counted({64, 64, 3, 3}, "block:8x8@0.5");
  EXPECT_EQ(count.operands, 8 * 8 * 9);
  EXPECT_DOUBLE_EQ(count.touched_share(), 0.5);
  EXPECT_DOUBLE_EQ(count.stored_share(), 0.5);
  EXPECT_DOUBLE_EQ(counted({64, 64, 1, 1}, "block:16x16@0.5").touched_share(), 0.5);
}

TEST(Operands, FinerPatternsTouchMoreOperandsThanTheyStore) {
  const OperandCount count = counted({256, 256, 1, 1}, "block:4x4@0.5");
  EXPECT_DOUBLE_EQ(count.stored_share(), 0.5);
  EXPECT_NEAR(count.touched_share(), 1.0 - 0.0625, 0.02);
  EXPECT_DOUBLE_EQ(counted({64, 64, 3, 3}, "unstructured@0.5").touched_share(), 1.0);
}

TEST(Operands, TwoOfFourAlongInputChannelsRunsTheSparseMode) {
  EXPECT_TRUE(counted({16, 32, 3, 3}, "nm:2:4/in").runs_sparse_mac);
  EXPECT_TRUE(counted({16, 32, 3, 3}, "nm:2:8/in").runs_sparse_mac);
  EXPECT_TRUE(counted({16, 33, 3, 3}, "nm:2:4/in").runs_sparse_mac);
  EXPECT_FALSE(counted({16, 32, 3, 3}, "nm:4:8/in").runs_sparse_mac);
  EXPECT_FALSE(counted({16, 32, 3, 3}, "nm:2:4/out").runs_sparse_mac);
  EXPECT_FALSE(counted({16, 32, 3, 3}, "block:8x8@0.5").runs_sparse_mac);
  EXPECT_FALSE(counted({64, 3, 7, 7}, "nm:1:2/in").runs_sparse_mac);
}

TEST(Operands, PartialOperandsAtTheEdgesCount) {
  const OperandCount count = counted({17, 9, 3, 3}, "dense");
  EXPECT_EQ(count.operands, 3 * 2 * 9);
  EXPECT_EQ(count.touched, count.operands);
  EXPECT_EQ(count.kept_weights, count.weights);
}

TEST(Operands, TapsAreOperandsOfTheirOwn) {
  Tensor weights({8, 8, 3, 3});
  weight_at(weights, 2, 3, 4) = 1.0F;
  const OperandCount count = count_operands(weights);
  EXPECT_EQ(count.operands, 9);
  EXPECT_EQ(count.touched, 1);
}

TEST(Operands, NominalSharesOfTheUsualPatterns) {
  EXPECT_DOUBLE_EQ(nominal_touched_share(pattern_of("dense")), 1.0);
  EXPECT_DOUBLE_EQ(nominal_touched_share(pattern_of("block:8x8@0.75")), 0.25);
  EXPECT_DOUBLE_EQ(nominal_touched_share(pattern_of("block:16x8@0.75")), 0.25);
  EXPECT_DOUBLE_EQ(nominal_touched_share(pattern_of("block:4x4@0.5")), 0.9375);
  EXPECT_DOUBLE_EQ(nominal_touched_share(pattern_of("block:4x16@0.5")), 0.75);
  EXPECT_DOUBLE_EQ(nominal_touched_share(pattern_of("nm:2:8/in")), 1.0);
  EXPECT_DOUBLE_EQ(nominal_touched_share(pattern_of("nm:1:16/in")), 1.0 - 1.0 / 256);
  EXPECT_DOUBLE_EQ(nominal_touched_share(pattern_of("channel@0.5")), 1.0 - 1.0 / 256);
}

TEST(Operands, NominalSharesAgreeWithRandomWeights) {
  for (const char* text :
       {"block:8x8@0.5", "block:4x4@0.5", "block:12x4@0.6", "block:6x10@0.7", "block:3x3@0.8",
        "unstructured@0.97", "nm:1:16/in", "nm:1:32/out", "nm:2:24/in", "nm:1:12/in"}) {
    EXPECT_NEAR(counted({480, 480}, text).touched_share(), nominal_touched_share(pattern_of(text)),
                0.02)
        << text;
  }
}

TEST(Operands, OnlyGroupsThatCannotHoldThreeOfFourGuaranteeTheSparseMode) {
  for (const char* text : {"nm:2:4/in", "nm:2:8/in", "nm:1:4/in", "nm:1:2/in", "nm:1:8/in",
                           "nm:2:16/in", "nm:1:3/in", "nm:1:5/in"}) {
    EXPECT_TRUE(guarantees_sparse_mac(pattern_of(text))) << text;
  }
  for (const char* text : {"nm:3:8/in", "nm:4:8/in", "nm:2:4/out", "nm:2:6/in", "dense",
                           "block:8x8@0.5", "unstructured@0.9"}) {
    EXPECT_FALSE(guarantees_sparse_mac(pattern_of(text))) << text;
  }
}

}  // namespace
}  // namespace wbs::sparsity
