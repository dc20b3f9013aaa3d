#include "sparsity/check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "sparsity/prune.hpp"
#include "sparsity/tests/fixtures.hpp"

namespace wbs::sparsity {
namespace {

Tensor pruned_weights(const Shape& shape, const Pattern& pattern) {
  Tensor weights = random_weights(shape);
  prune(weights, pattern).mask.apply(weights);
  return weights;
}

bool has(const std::vector<Pattern>& found, const std::string& text) {
  return std::any_of(found.begin(), found.end(),
                     [&](const Pattern& pattern) { return to_string(pattern) == text; });
}

TEST(Check, WhatWasPrunedSatisfiesItsPattern) {
  for (const Shape& shape : {Shape{64, 32, 3, 3}, Shape{17, 9, 3, 3}, Shape{40, 70}}) {
    for (const char* text :
         {"dense", "block:8x8@0.5", "block:4x4@0.75", "block:8x8@0.99", "nm:2:4/in", "nm:2:8/in",
          "nm:2:4/out", "unstructured@0.9", "channel@0.12", "channel@0.99"}) {
      const Pattern pattern = pattern_of(text);
      const Result<void> result = satisfies(pruned_weights(shape, pattern), pattern);
      EXPECT_TRUE(result.has_value()) << text << ": " << result.error();
    }
  }
}

TEST(Check, DenseWeightsSatisfyNoOtherPattern) {
  const Tensor weights = random_weights({64, 32, 3, 3});
  for (const char* text :
       {"block:8x8@0.5", "nm:2:4/in", "nm:2:4/out", "unstructured@0.1", "channel@0.12"}) {
    EXPECT_FALSE(satisfies(weights, pattern_of(text)).has_value()) << text;
  }
}

TEST(Check, AGroupWithOneWeightTooManyIsNamed) {
  Tensor weights = pruned_weights({16, 16, 3, 3}, pattern_of("nm:2:4/in"));
  for (std::int64_t in = 8; in < 12; ++in) weight_at(weights, 5, in, 7) = 1.0F;
  EXPECT_EQ(satisfies(weights, pattern_of("nm:2:4/in")).error(),
            "output channel 5, input channels 8 to 11, tap 7: 4 weights are not zero, nm:2:4/in "
            "allows 2");
  // Along the output channels it was never pruned.
  EXPECT_THAT(satisfies(weights, pattern_of("nm:2:4/out")).error(),
              testing::StartsWith("input channel 0, output channels "));
}

TEST(Check, ABlockWithOneWeightLeftIsNamed) {
  Tensor weights = pruned_weights({16, 16, 1, 1}, pattern_of("block:8x8@0.5"));
  const Mask mask = mask_of_nonzeros(weights, {8, 8});
  const std::int64_t col = mask.kept(1, 0) ? 1 : 0;
  weight_at(weights, 9, col * 8 + 3) = 1e-30F;
  EXPECT_EQ(satisfies(weights, pattern_of("block:8x8@0.5")).error(),
            "1 of 4 blocks of 8x8 are zero, 2 expected; the emptiest other block, row 1 column " +
                std::to_string(col) + ", has 63 of 64 weights zero");
}

TEST(Check, ReadbackCountsZeroBlocksOfEverySize) {
  const Readback readback = read_back(pruned_weights({32, 32, 3, 3}, pattern_of("block:8x8@0.5")));
  EXPECT_DOUBLE_EQ(readback.sparsity(), 0.5);
  for (const BlockReadback& block : readback.blocks) {
    if (block.rows <= 8 && block.cols <= 8) {
      EXPECT_DOUBLE_EQ(block.zero_block_share(), 0.5);
      EXPECT_TRUE(block.explains_zeros);
      EXPECT_EQ(block.empty_rows + block.empty_cols, 0);
    } else if (block.rows == 32) {
      EXPECT_EQ(block.zero_blocks, 0);
      EXPECT_FALSE(block.explains_zeros);
    }
  }
}

TEST(Check, DetectionFindsTheBlockAndItsRatio) {
  const Tensor weights = pruned_weights({64, 64, 3, 3}, pattern_of("block:8x8@0.25"));
  EXPECT_EQ(to_string(detect(read_back(weights)).front()), "block:8x8@0.25");
}

TEST(Check, DetectionFindsTheTightestGroupAndItsAxis) {
  for (const char* text : {"nm:2:8/in", "nm:1:2/out", "nm:2:4/in", "nm:1:16/out"}) {
    const std::vector<Pattern> found =
        detect(read_back(pruned_weights({64, 64, 3, 3}, pattern_of(text))));
    const auto first = std::find_if(found.begin(), found.end(), [](const Pattern& pattern) {
      return std::holds_alternative<NmPattern>(pattern);
    });
    ASSERT_NE(first, found.end()) << text;
    EXPECT_EQ(to_string(*first), text);
  }
}

TEST(Check, DetectionFindsChannelsAsBlocksOfWholeRows) {
  const Readback readback = read_back(pruned_weights({64, 32, 1, 1}, pattern_of("channel@0.25")));
  EXPECT_EQ(readback.zero_channels, 16);
  EXPECT_TRUE(has(detect(readback), "channel@0.25"));
}

TEST(Check, DetectionOfUnprunedWeightsIsDense) {
  const std::vector<Pattern> found = detect(read_back(random_weights({8, 8, 3, 3})));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(is_dense(found.front()));
}

TEST(Check, EveryDetectedPatternIsSatisfied) {
  for (const char* text : {"block:4x4@0.5", "nm:2:8/in", "unstructured@0.7", "channel@0.3",
                           "nm:1:4/out", "block:16x16@0.5"}) {
    for (const Shape& shape : {Shape{33, 47, 3, 3}, Shape{64, 64}, Shape{3, 5}}) {
      const Tensor weights = pruned_weights(shape, pattern_of(text));
      for (const Pattern& pattern : detect(read_back(weights))) {
        const Result<void> result = satisfies(weights, pattern);
        EXPECT_TRUE(result.has_value())
            << text << " as " << to_string(pattern) << ": " << result.error();
      }
    }
  }
}

TEST(Check, AllZeroWeightsAreReadBackWithoutAPattern) {
  const Readback readback = read_back(Tensor({16, 16}));
  EXPECT_DOUBLE_EQ(readback.sparsity(), 1.0);
  EXPECT_TRUE(detect(readback).empty());
}

TEST(Check, ZeroShareCountsNegativeZeros) {
  EXPECT_DOUBLE_EQ(zero_share(Tensor({1, 4}, {0.0F, -0.0F, 1.0F, 1e-38F})), 0.5);
}

}  // namespace
}  // namespace wbs::sparsity
