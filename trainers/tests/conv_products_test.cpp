#include "trainers/conv_products.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/rng.hpp"
#include "sparsity/prune.hpp"

namespace wbs::trainers {
namespace {

using kernels::ConvShape;
using testing::ElementsAre;

struct Case {
  const char* pattern;
  std::int64_t in, out, kernel, stride, padding, size;
};

ConvShape shape_of(const Case& c, std::int64_t images) {
  ConvShape shape;
  shape.images = images;
  shape.in_channels = c.in;
  shape.out_channels = c.out;
  shape.height = c.size;
  shape.width = c.size + 1;
  shape.kernel = {c.kernel, c.kernel};
  shape.stride = {c.stride, c.stride};
  shape.pad_top = shape.pad_left = shape.pad_bottom = shape.pad_right = c.padding;
  return shape;
}

std::vector<float> random_values(std::int64_t count, std::uint64_t seed) {
  std::vector<float> values(static_cast<std::size_t>(count));
  Rng(seed).fill_normal(values, 0.0F, 1.0F);
  return values;
}

/// Calls visit(x index, y index, weight index) for every product.
template <typename Visit>
void for_each_product(const ConvShape& s, const Visit& visit) {
  for (std::int64_t n = 0; n < s.images; ++n) {
    for (std::int64_t o = 0; o < s.out_channels; ++o) {
      for (std::int64_t i = 0; i < s.in_channels; ++i) {
        for (std::int64_t oy = 0; oy < s.out_height(); ++oy) {
          for (std::int64_t ox = 0; ox < s.out_width(); ++ox) {
            for (std::int64_t ky = 0; ky < s.kernel[0]; ++ky) {
              for (std::int64_t kx = 0; kx < s.kernel[1]; ++kx) {
                const std::int64_t y = oy * s.stride[0] + ky - s.pad_top;
                const std::int64_t x = ox * s.stride[1] + kx - s.pad_left;
                if (y < 0 || x < 0 || y >= s.height || x >= s.width) continue;
                visit(static_cast<std::size_t>(((n * s.in_channels + i) * s.height + y) * s.width +
                                               x),
                      static_cast<std::size_t>(
                          ((n * s.out_channels + o) * s.out_height() + oy) * s.out_width() + ox),
                      static_cast<std::size_t>(
                          ((o * s.in_channels + i) * s.kernel[0] + ky) * s.kernel[1] + kx));
              }
            }
          }
        }
      }
    }
  }
}

double largest_difference(const std::vector<float>& a, const std::vector<double>& b) {
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - b[i]));
  }
  return largest;
}

class Products : public testing::TestWithParam<Case> {
 protected:
  static void check(ConvProducts& products, const ConvShape& shape, const Tensor& weights) {
    const std::int64_t x_size = shape.images * shape.in_channels * shape.height * shape.width;
    const std::int64_t y_size =
        shape.images * shape.out_channels * shape.out_height() * shape.out_width();
    const std::vector<float> x = random_values(x_size, 5);
    const std::vector<float> dy = random_values(y_size, 6);
    std::vector<float> y(dy.size(), 9.0F);
    std::vector<float> dx(x.size(), 9.0F);
    std::vector<double> expected_y(dy.size());
    std::vector<double> expected_dx(x.size());
    for_each_product(shape, [&](std::size_t in, std::size_t out, std::size_t weight) {
      const auto w = static_cast<double>(weights.values[weight]);
      expected_y[out] += w * static_cast<double>(x[in]);
      expected_dx[in] += w * static_cast<double>(dy[out]);
    });
    products.forward(shape, weights.values.data(), x.data(), y.data());
    products.input_gradient(shape, weights.values.data(), dy.data(), dx.data());
    EXPECT_LT(largest_difference(y, expected_y), 2e-3);
    EXPECT_LT(largest_difference(dx, expected_dx), 2e-3);
  }
};

TEST_P(Products, AreThoseOfTheDefinitionWhileWeightsMasksAndBatchesChange) {
  const Case c = GetParam();
  const sparsity::Pattern pattern = value_or_throw(sparsity::parse_pattern(c.pattern));
  ConvProducts products(sparsity::granularity_of(pattern, {c.out, c.in, c.kernel * c.kernel}), 1);
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    Tensor weights({c.out, c.in, c.kernel, c.kernel});
    Rng(seed).fill_normal(weights.values, 0.0F, 1.0F);
    const sparsity::Mask mask = sparsity::prune(weights, pattern).mask;
    mask.apply(weights);
    check(products, shape_of(c, 2), weights);
    // The same zeros, other values; then another batch.
    for (float& value : weights.values) value *= -1.5F;
    check(products, shape_of(c, 2), weights);
    check(products, shape_of(c, 1), weights);
  }
}

INSTANTIATE_TEST_SUITE_P(Layers, Products,
                         testing::Values(Case{"block:8x8@0.5", 16, 24, 3, 1, 1, 8},
                                         Case{"block:8x8@0.5", 16, 24, 3, 2, 1, 8},
                                         Case{"block:8x8@0.5", 16, 8, 3, 2, 1, 7},
                                         Case{"block:8x4@0.5", 12, 16, 1, 2, 0, 6},
                                         Case{"block:8x8@0.5", 16, 8, 1, 1, 0, 5},
                                         Case{"block:4x4@0.5", 8, 8, 5, 3, 2, 11},
                                         Case{"block:4x4@0.5", 8, 8, 2, 2, 0, 7},
                                         Case{"nm:2:8/in", 16, 16, 3, 1, 1, 6},
                                         Case{"nm:2:8/in", 16, 16, 3, 2, 1, 6},
                                         Case{"unstructured@0.9", 16, 16, 3, 1, 0, 6},
                                         Case{"dense", 8, 8, 3, 1, 1, 6}));

TEST(NonzeroCells, AreThoseOfAMask) {
  for (const char* text : {"block:8x8@0.5", "block:16x4@0.3", "nm:1:4/in", "unstructured@0.8"}) {
    Tensor weights({20, 27, 3, 3});
    Rng(4).fill_normal(weights.values, 0.0F, 1.0F);
    const auto pattern = value_or_throw(sparsity::parse_pattern(text));
    const sparsity::Mask mask = sparsity::prune(weights, pattern).mask;
    mask.apply(weights);
    std::vector<std::uint64_t> words;
    nonzero_cells(mask.plane(), mask.granularity(), weights.values.data(), words);
    EXPECT_TRUE(std::equal(words.begin(), words.end(), mask.words().begin(), mask.words().end()))
        << text;
  }
}

TEST(AxisPhases, ShareOutTheTapsOfAStridedKernel) {
  const AxisPhase even = axis_phase(8, 4, 3, 2, 1, 0);
  EXPECT_THAT(even.taps, ElementsAre(1));
  EXPECT_EQ(even.pixels, 4);
  EXPECT_EQ(even.pad_after, 0);
  const AxisPhase odd = axis_phase(8, 4, 3, 2, 1, 1);
  EXPECT_THAT(odd.taps, ElementsAre(2, 0));
  EXPECT_EQ(odd.pad_before, 0);
  EXPECT_EQ(odd.pad_after, 1);
  EXPECT_TRUE(axis_phase(8, 4, 1, 2, 0, 1).taps.empty());
}

}  // namespace
}  // namespace wbs::trainers
