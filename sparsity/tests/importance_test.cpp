#include "sparsity/importance.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "sparsity/tests/fixtures.hpp"

namespace wbs::sparsity {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;

// Two 1x2 cells: (3, -4) and (1, 1).
Tensor two_cells() {
  return Tensor({1, 4}, {3.0F, -4.0F, 1.0F, 1.0F});
}

TEST(Importance, HandValues) {
  const Granularity cells{1, 2};
  EXPECT_THAT(cell_importance(two_cells(), cells, Importance::l2),
              ElementsAre(DoubleEq(5.0), DoubleEq(std::sqrt(2.0))));
  EXPECT_THAT(cell_importance(two_cells(), cells, Importance::l1),
              ElementsAre(DoubleEq(7.0), DoubleEq(2.0)));
  EXPECT_THAT(cell_importance(two_cells(), cells, Importance::variance_block),
              ElementsAre(DoubleEq(12.25), DoubleEq(0.0)));
  // The tensor's mean is 1/4: ((2.75)^2 + (4.25)^2) / 2 and 0.75^2.
  EXPECT_THAT(cell_importance(two_cells(), cells, Importance::variance_tensor),
              ElementsAre(DoubleEq(12.8125), DoubleEq(0.5625)));
}

double plain_importance(const Tensor& weights, const Mask& grid, std::int64_t row, std::int64_t col,
                        Importance importance) {
  double tensor_mean = 0.0;
  for (const float value : weights.values) tensor_mean += static_cast<double>(value);
  tensor_mean /= static_cast<double>(weights.values.size());
  std::vector<double> cell;
  const Plane& plane = grid.plane();
  std::size_t index = 0;
  for (std::int64_t out = 0; out < plane.cout; ++out) {
    for (std::int64_t in = 0; in < plane.cin; ++in) {
      for (std::int64_t tap = 0; tap < plane.taps; ++tap, ++index) {
        if (out / grid.granularity().rows == row && in / grid.granularity().cols == col) {
          cell.push_back(static_cast<double>(weights.values[index]));
        }
      }
    }
  }
  double sum = 0.0;
  double absolute = 0.0;
  double square = 0.0;
  for (const double value : cell) {
    sum += value;
    absolute += std::fabs(value);
    square += value * value;
  }
  const auto count = static_cast<double>(cell.size());
  if (importance == Importance::l2) return std::sqrt(square);
  if (importance == Importance::l1) return absolute;
  const double mean = importance == Importance::variance_block ? sum / count : tensor_mean;
  double spread = 0.0;
  for (const double value : cell) spread += (value - mean) * (value - mean);
  return spread / count;
}

TEST(Importance, EveryMeasureEqualsThePlainLoopOnOddSizes) {
  for (const Shape& shape :
       {Shape{17, 9, 3, 3}, Shape{1, 1, 1, 1}, Shape{7, 1000}, Shape{24, 16}}) {
    const Tensor weights = random_weights(shape, 3);
    for (const Granularity granularity :
         {Granularity{8, 8}, Granularity{5, 3}, Granularity{1, 9}}) {
      const Mask grid(shape, granularity);
      for (const ImportanceKind& kind : importance_kinds()) {
        const std::vector<double> fast = cell_importance(weights, granularity, kind.importance);
        for (std::int64_t cell = 0; cell < grid.cells(); cell += 1 + grid.cells() / 50) {
          ASSERT_NEAR(fast[static_cast<std::size_t>(cell)],
                      plain_importance(weights, grid, cell / grid.cell_cols(),
                                       cell % grid.cell_cols(), kind.importance),
                      1e-12)
              << kind.name << " of " << wbs::to_string(shape) << " cell " << cell;
        }
      }
    }
  }
}

TEST(Importance, NonFiniteWeightIsAnErrorThatNamesTheBlock) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    for (const ImportanceKind& kind : importance_kinds()) {
      Tensor weights = random_weights({16, 24, 1, 1});
      weight_at(weights, 9, 17) = bad;
      try {
        static_cast<void>(cell_importance(weights, {8, 8}, kind.importance));
        FAIL() << kind.name;
      } catch (const Error& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr("row 1, column 2"));
      }
    }
  }
}

TEST(Importance, NamesReadBack) {
  for (const ImportanceKind& kind : importance_kinds()) {
    EXPECT_EQ(value_or_throw(parse_importance(kind.name)), kind.importance);
    EXPECT_EQ(to_string(kind.importance), kind.name);
  }
  EXPECT_EQ(parse_importance("l3").error(),
            "importance 'l3': expected l2, l1, variance_block or variance_tensor");
}

}  // namespace
}  // namespace wbs::sparsity
