#include "sparsity/mask.hpp"

#include <gtest/gtest.h>

#include "core/error.hpp"
#include "sparsity/tests/fixtures.hpp"

namespace wbs::sparsity {
namespace {

TEST(Mask, ChannelsThatTheBlockDoesNotDivideLeavePartialCells) {
  const Mask mask({17, 9, 3, 3}, {8, 8});
  EXPECT_EQ(mask.cell_rows(), 3);
  EXPECT_EQ(mask.cell_cols(), 2);
  EXPECT_EQ(mask.cell_weights(0, 0), 8 * 8 * 9);
  EXPECT_EQ(mask.cell_weights(2, 0), 1 * 8 * 9);
  EXPECT_EQ(mask.cell_weights(2, 1), 1 * 1 * 9);
  EXPECT_EQ(mask.kept_weights(), 17 * 9 * 9);
}

TEST(Mask, ThreeInputChannelsMakeOneNarrowColumn) {
  const Mask mask({64, 3, 7, 7}, {8, 8});
  EXPECT_EQ(mask.cell_cols(), 1);
  EXPECT_EQ(mask.cell_weights(7, 0), 8 * 3 * 49);
}

TEST(Mask, ApplyZeroesExactlyTheMaskedWeights) {
  for (const Shape& shape : {Shape{17, 9, 3, 3}, Shape{1, 1}, Shape{5, 70}, Shape{8, 16, 1, 1}}) {
    for (const Granularity granularity : {Granularity{8, 8}, Granularity{4, 16}, Granularity{1, 1},
                                          Granularity{3, 5}, kSingleWeights}) {
      Mask mask(shape, granularity);
      Rng rng(7);
      for (std::int64_t cell = 0; cell < mask.cells(); ++cell) mask.set(cell, rng.bernoulli(0.5));
      const Tensor before = random_weights(shape);
      Tensor after = before;
      mask.apply(after);
      const Plane& plane = mask.plane();
      std::int64_t kept = 0;
      std::size_t index = 0;
      for (std::int64_t out = 0; out < plane.cout; ++out) {
        for (std::int64_t in = 0; in < plane.cin; ++in) {
          for (std::int64_t tap = 0; tap < plane.taps; ++tap, ++index) {
            const bool keep = mask.kept_weight(out, in, tap);
            kept += keep ? 1 : 0;
            ASSERT_EQ(after.values[index], keep ? before.values[index] : 0.0F);
          }
        }
      }
      EXPECT_EQ(mask.kept_weights(), kept);
      EXPECT_EQ(mask_of_nonzeros(after, granularity), mask);
    }
  }
}

TEST(Mask, ApplyToAnotherShapeIsAnErrorThatNamesBoth) {
  Tensor weights(Shape{8, 8, 1, 1}, 1.0F);
  try {
    Mask({8, 8, 3, 3}, {8, 8}).apply(weights);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "a mask for weights of shape 8x8x3x3 does not fit weights of shape 8x8x1x1");
  }
}

TEST(Mask, ANegativeZeroIsAZero) {
  Tensor weights(Shape{1, 2}, -0.0F);
  EXPECT_EQ(mask_of_nonzeros(weights, kSingleWeights).kept_cells(), 0);
}

TEST(Mask, WordsReadBackAsTheSameMask) {
  Mask mask({9, 75}, kSingleWeights);
  for (std::int64_t cell = 0; cell < mask.cells(); cell += 3) mask.set(cell, false);
  const std::vector<std::uint64_t> words(mask.words().begin(), mask.words().end());
  EXPECT_EQ(Mask::from_words({9, 75}, kSingleWeights, words), mask);
}

TEST(Mask, WordsOfAnotherGridAreAnError) {
  EXPECT_THROW(Mask::from_words({8, 8}, kSingleWeights, {1, 1}), Error);
  EXPECT_THROW(Mask::from_words({3, 3}, kSingleWeights, {std::uint64_t{1} << 9}), Error);
}

TEST(Mask, EmptyRowsAndColumnsAreCounted) {
  Mask mask({24, 16}, {8, 8});
  mask.set(1, 0, false);
  mask.set(1, 1, false);
  EXPECT_EQ(mask.empty_rows(), 1);
  EXPECT_EQ(mask.empty_cols(), 0);
  mask.set(0, 1, false);
  mask.set(2, 1, false);
  EXPECT_EQ(mask.empty_cols(), 1);
}

TEST(Mask, GranularityFollowsThePattern) {
  const Plane plane{64, 32, 9};
  EXPECT_EQ(granularity_of(pattern_of("block:8x4@0.5"), plane), (Granularity{8, 4}));
  EXPECT_EQ(granularity_of(pattern_of("nm:2:4"), plane), kSingleWeights);
  EXPECT_EQ(granularity_of(pattern_of("channel@0.5"), plane), (Granularity{1, 32}));
  EXPECT_EQ(granularity_of(pattern_of("dense"), plane), (Granularity{64, 32}));
}

}  // namespace
}  // namespace wbs::sparsity
