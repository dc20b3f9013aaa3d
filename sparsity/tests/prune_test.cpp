#include "sparsity/prune.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "sparsity/tests/fixtures.hpp"

namespace wbs::sparsity {
namespace {

std::int64_t zero_cells(const Mask& mask) {
  return mask.cells() - mask.kept_cells();
}

TEST(Prune, ExactlyTheRoundedShareOfBlocksIsZero) {
  for (const double ratio : {0.0, 0.1, 0.25, 0.29, 0.5, 0.75}) {
    const Tensor weights = random_weights({80, 80, 3, 3});
    const Pruned pruned = prune(weights, BlockPattern{8, 8, ratio});
    EXPECT_EQ(zero_cells(pruned.mask), std::lround(ratio * 100)) << ratio;
    EXPECT_DOUBLE_EQ(pruned.requested, ratio);
    EXPECT_DOUBLE_EQ(pruned.achieved, static_cast<double>(std::lround(ratio * 100)) / 100);
    EXPECT_FALSE(pruned.capped);
    EXPECT_TRUE(pruned.reason.empty());
  }
}

TEST(Prune, ZeroedBlocksAreTheLeastImportantOnes) {
  // 4 x 4 blocks of 2x2 whose norms grow with the index except for a shuffle by rows and columns.
  Tensor weights({8, 8}, 0.0F);
  const std::vector<int> rank = {7, 0, 12, 3, 1, 14, 5, 8, 10, 2, 15, 6, 4, 9, 11, 13};
  for (std::int64_t out = 0; out < 8; ++out) {
    for (std::int64_t in = 0; in < 8; ++in) {
      weight_at(weights, out, in) =
          static_cast<float>(1 + rank[static_cast<std::size_t>(out / 2 * 4 + in / 2)]);
    }
  }
  const Pruned pruned = prune(weights, BlockPattern{2, 2, 0.5});
  for (std::int64_t cell = 0; cell < 16; ++cell) {
    EXPECT_EQ(pruned.mask.kept(cell), rank[static_cast<std::size_t>(cell)] >= 8) << cell;
  }
}

TEST(Prune, OfEqualBlocksTheLowerIndexIsKept) {
  const Tensor weights({16, 16}, 1.0F);
  const Pruned pruned = prune(weights, BlockPattern{8, 8, 0.25});
  EXPECT_TRUE(pruned.mask.kept(0));
  EXPECT_TRUE(pruned.mask.kept(1));
  EXPECT_TRUE(pruned.mask.kept(2));
  EXPECT_FALSE(pruned.mask.kept(3));
}

TEST(Prune, TheLastBlockOfARowIsSkippedAndTheNextImportantOneGoes) {
  // Row 0 is the least important, but keeps its best block.
  const std::vector<double> importance = {1, 2, 3, 10, 11, 12, 20, 21, 22};
  const Pruned pruned = prune_cells({3, 3}, {1, 1}, 4.0 / 9.0, importance);
  // Cells 0 and 1 go, 2 is the last of row 0, 3 and 4 go instead.
  EXPECT_EQ(zero_cells(pruned.mask), 4);
  EXPECT_TRUE(pruned.mask.kept(2));
  EXPECT_FALSE(pruned.mask.kept(0));
  EXPECT_FALSE(pruned.mask.kept(1));
  EXPECT_FALSE(pruned.mask.kept(3));
  EXPECT_FALSE(pruned.mask.kept(4));
  EXPECT_TRUE(pruned.mask.kept(6));
  EXPECT_FALSE(pruned.capped);
}

TEST(Prune, TheCapIsReachedWhereGreedyOrderAloneStopsEarly) {
  // Keeping (0,0), the most important, next to (0,1) and (1,0) is a cover of 3 that greedy order
  // ends with; 2 blocks suffice.
  const std::vector<double> importance = {9, 5, 6, 1};
  const Pruned pruned = prune_cells({2, 2}, {1, 1}, 0.5, importance);
  EXPECT_EQ(zero_cells(pruned.mask), 2);
  EXPECT_TRUE(pruned.mask.kept(1));  // 5 + 6 beats 9 + 1
  EXPECT_TRUE(pruned.mask.kept(2));
  EXPECT_FALSE(pruned.capped);
}

TEST(Prune, AskingBeyondTheCapPrunesToTheCapAndFlagsIt) {
  const Tensor weights = random_weights({64, 32, 1, 1});
  const Pruned pruned = prune(weights, BlockPattern{8, 8, 0.9});
  EXPECT_EQ(pruned.mask.kept_cells(), 8);  // 8 x 4 blocks: 8 rows need 8
  EXPECT_TRUE(pruned.capped);
  EXPECT_DOUBLE_EQ(pruned.requested, 0.9);
  EXPECT_DOUBLE_EQ(pruned.achieved, 0.75);
  EXPECT_EQ(pruned.reason,
            "asked for 29 zero blocks of 8x4; every block row and column keeps one, so at most 24 "
            "can be zero");
}

TEST(Prune, EveryRatioOnEveryGridReachesTheLargestPossibleCount) {
  Rng rng(11);
  for (std::int64_t rows = 1; rows <= 9; ++rows) {
    for (std::int64_t cols = 1; cols <= 9; ++cols) {
      for (int kind = 0; kind < 4; ++kind) {
        std::vector<double> importance(static_cast<std::size_t>(rows * cols));
        for (std::size_t i = 0; i < importance.size(); ++i) {
          const auto row = static_cast<double>(i / static_cast<std::size_t>(cols));
          const auto col = static_cast<double>(i % static_cast<std::size_t>(cols));
          if (kind == 0) importance[i] = 1.0;                           // all tied
          if (kind == 1) importance[i] = rng.uniform();                 // no structure
          if (kind == 2) importance[i] = row == 0 || col == 0 ? 9 : 1;  // a star: greedy's trap
          if (kind == 3) importance[i] = static_cast<double>(rng.below(3));  // many ties
        }
        for (std::int64_t asked = 0; asked < rows * cols; ++asked) {
          const double ratio = static_cast<double>(asked) / static_cast<double>(rows * cols);
          const Pruned pruned = prune_cells({rows, cols}, {1, 1}, ratio, importance);
          const std::int64_t most = rows * cols - std::max(rows, cols);
          ASSERT_EQ(zero_cells(pruned.mask), std::min(asked, most))
              << rows << "x" << cols << " kind " << kind << " asked " << asked;
          ASSERT_EQ(pruned.mask.empty_rows(), 0);
          ASSERT_EQ(pruned.mask.empty_cols(), 0);
          ASSERT_EQ(pruned.capped, asked > most);
        }
      }
    }
  }
}

/// The largest importance that `kept` cells covering all rows and columns can have, by trying all.
double best_cover(std::int64_t rows, std::int64_t cols, int kept,
                  const std::vector<double>& importance) {
  double best = -1.0;
  for (unsigned choice = 0; choice < 1U << importance.size(); ++choice) {
    if (__builtin_popcount(choice) != kept) continue;
    unsigned row_bits = 0;
    unsigned col_bits = 0;
    double sum = 0.0;
    for (unsigned cell = 0; cell < importance.size(); ++cell) {
      if ((choice >> cell & 1U) == 0) continue;
      row_bits |= 1U << cell / static_cast<unsigned>(cols);
      col_bits |= 1U << cell % static_cast<unsigned>(cols);
      sum += importance[cell];
    }
    if (row_bits == (1U << rows) - 1 && col_bits == (1U << cols) - 1) best = std::max(best, sum);
  }
  return best;
}

TEST(Prune, KeptImportanceIsCloseToTheBestPossible) {
  Rng rng(5);
  double worst = 1.0;
  for (int round = 0; round < 20; ++round) {
    std::vector<double> importance(12);
    for (double& value : importance) value = rng.uniform();
    for (int kept = 4; kept <= 12; ++kept) {
      const Pruned pruned = prune_cells({3, 4}, {1, 1}, (12 - kept) / 12.0, importance);
      ASSERT_EQ(pruned.mask.kept_cells(), kept);
      double sum = 0.0;
      for (std::size_t i = 0; i < 12; ++i) {
        if (pruned.mask.kept(static_cast<std::int64_t>(i))) sum += importance[i];
      }
      worst = std::min(worst, sum / best_cover(3, 4, kept, importance));
    }
  }
  EXPECT_GT(worst, 0.8);  // greedy pairs lose at most half; here far less
}

TEST(Prune, RowsAndColumnsMayBecomeEmptyWhenTheRuleIsOff) {
  const std::vector<double> importance = {1, 2, 3, 4};
  const Pruned pruned = prune_cells({2, 2}, {1, 1}, 0.75, importance, false);
  EXPECT_EQ(pruned.mask.kept_cells(), 1);
  EXPECT_FALSE(pruned.capped);
}

TEST(Prune, ASingleBlockCannotBePruned) {
  const Pruned pruned = prune(random_weights({8, 3, 7, 7}), BlockPattern{8, 8, 0.75});
  EXPECT_EQ(pruned.mask.kept_cells(), 1);
  EXPECT_TRUE(pruned.capped);
  EXPECT_DOUBLE_EQ(pruned.achieved, 0.0);
}

TEST(Prune, AchievedSparsityCountsWeightsNotBlocks) {
  // 17 x 9 with 8x8 blocks: edge blocks are small, so half the blocks are not half the weights.
  const Tensor weights = random_weights({17, 9, 3, 3});
  const Pruned pruned = prune(weights, BlockPattern{8, 8, 0.5});
  Tensor masked = weights;
  pruned.mask.apply(masked);
  const auto zeros = std::count(masked.values.begin(), masked.values.end(), 0.0F);
  EXPECT_EQ(zero_cells(pruned.mask), 3);
  EXPECT_DOUBLE_EQ(pruned.achieved,
                   static_cast<double>(zeros) / static_cast<double>(masked.values.size()));
}

TEST(Prune, EachGroupKeepsItsLargestMagnitudes) {
  const Tensor weights({1, 8}, {1.0F, -5.0F, 3.0F, 2.0F, 0.5F, 0.0F, -0.25F, -4.0F});
  const Pruned pruned = prune(weights, NmPattern{2, 4, Axis::in});
  const std::vector<bool> expected = {false, true, true, false, true, false, false, true};
  for (std::int64_t i = 0; i < 8; ++i) {
    EXPECT_EQ(pruned.mask.kept(i), expected[static_cast<std::size_t>(i)]) << i;
  }
  EXPECT_DOUBLE_EQ(pruned.achieved, 0.5);
}

TEST(Prune, GroupsEqualAPlainSortOnEverySizeAndAxis) {
  for (const Shape& shape : {Shape{5, 13, 3, 3}, Shape{9, 3, 7, 7}, Shape{1, 1}, Shape{33, 70}}) {
    // Few distinct magnitudes, so that ties are common.
    Tensor weights = random_weights(shape, 9);
    for (float& value : weights.values) value = std::round(value * 2.0F);
    for (const NmPattern nm :
         {NmPattern{1, 2, Axis::in}, NmPattern{2, 4, Axis::in}, NmPattern{2, 8, Axis::out},
          NmPattern{3, 7, Axis::out}, NmPattern{4, 4, Axis::in}, NmPattern{5, 64, Axis::in}}) {
      const Mask mask = prune(weights, nm).mask;
      const Plane& plane = mask.plane();
      const bool along_in = nm.axis == Axis::in;
      const std::int64_t channels = along_in ? plane.cin : plane.cout;
      const std::int64_t others = along_in ? plane.cout : plane.cin;
      for (std::int64_t other = 0; other < others; ++other) {
        for (std::int64_t tap = 0; tap < plane.taps; ++tap) {
          for (std::int64_t first = 0; first < channels; first += nm.group) {
            std::vector<std::pair<float, std::int64_t>> group;
            for (std::int64_t c = first; c < std::min(channels, first + nm.group); ++c) {
              const float value =
                  along_in ? weight_at(weights, other, c, tap) : weight_at(weights, c, other, tap);
              group.emplace_back(-std::fabs(value), c);
            }
            std::sort(group.begin(), group.end());
            for (std::size_t i = 0; i < group.size(); ++i) {
              const std::int64_t c = group[i].second;
              ASSERT_EQ(
                  along_in ? mask.kept_weight(other, c, tap) : mask.kept_weight(c, other, tap),
                  static_cast<std::int64_t>(i) < nm.kept);
            }
          }
        }
      }
    }
  }
}

TEST(Prune, AShortLastGroupKeepsAtMostItsSize) {
  const Pruned pruned = prune(random_weights({1, 9}), NmPattern{2, 8, Axis::in});
  EXPECT_EQ(pruned.mask.kept_cells(), 3);  // 2 of 8 and the ninth alone
  EXPECT_DOUBLE_EQ(pruned.requested, 0.75);
  EXPECT_DOUBLE_EQ(pruned.achieved, 6.0 / 9.0);
}

TEST(Prune, UnstructuredZeroesExactlyTheSmallestMagnitudes) {
  for (const Shape& shape : {Shape{17, 9, 3, 3}, Shape{1, 1}, Shape{64, 33}}) {
    for (const double ratio : {0.0, 0.3, 0.5, 0.9, 0.999}) {
      for (const bool tied : {false, true}) {
        Tensor weights = random_weights(shape);
        if (tied) {
          for (float& value : weights.values) value = std::round(value);
        }
        const Mask mask = prune(weights, UnstructuredPattern{ratio}).mask;
        EXPECT_EQ(zero_cells(mask), cells_to_prune(ratio, mask.cells()));
        float largest_zeroed = -1.0F;
        float smallest_kept = std::numeric_limits<float>::max();
        for (std::int64_t i = 0; i < mask.cells(); ++i) {
          const float magnitude = std::fabs(weights.values[static_cast<std::size_t>(i)]);
          if (mask.kept(i)) smallest_kept = std::min(smallest_kept, magnitude);
          if (!mask.kept(i)) largest_zeroed = std::max(largest_zeroed, magnitude);
        }
        EXPECT_LE(largest_zeroed, smallest_kept);
      }
    }
  }
}

TEST(Prune, OfEqualMagnitudesTheLowerIndexIsKept) {
  const Tensor weights({1, 4}, {1.0F, -1.0F, 1.0F, -1.0F});
  const Mask mask = prune(weights, UnstructuredPattern{0.5}).mask;
  EXPECT_TRUE(mask.kept(0) && mask.kept(1) && !mask.kept(2) && !mask.kept(3));
  EXPECT_EQ(prune(weights, NmPattern{2, 4, Axis::in}).mask, mask);
}

TEST(Prune, ChannelsGoByNormAndOneStays) {
  Tensor weights({4, 2, 1, 1}, 1.0F);
  weight_at(weights, 2, 0) = 0.5F;
  EXPECT_FALSE(prune(weights, ChannelPattern{0.25}).mask.kept(2, 0));
  const Pruned all = prune(weights, ChannelPattern{0.95});
  EXPECT_EQ(all.mask.kept_cells(), 1);
  EXPECT_TRUE(all.mask.kept(0, 0));
  EXPECT_TRUE(all.capped);
  EXPECT_DOUBLE_EQ(all.achieved, 0.75);
}

TEST(Prune, DenseKeepsEverything) {
  const Pruned pruned = prune(random_weights({5, 3, 1, 1}), DensePattern{});
  EXPECT_EQ(pruned.mask.kept_weights(), 15);
  EXPECT_DOUBLE_EQ(pruned.achieved, 0.0);
}

TEST(Prune, NonFiniteWeightsAreAnErrorForEveryPattern) {
  Tensor weights = random_weights({16, 16});
  weight_at(weights, 3, 5) = std::numeric_limits<float>::quiet_NaN();
  for (const char* text :
       {"block:8x8@0.5", "nm:2:4", "nm:2:4/out", "unstructured@0.5", "channel@0.5"}) {
    EXPECT_THROW(static_cast<void>(prune(weights, pattern_of(text))), Error) << text;
  }
}

}  // namespace
}  // namespace wbs::sparsity
