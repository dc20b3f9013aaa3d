// Winograd's algorithm against the definition of the convolution.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include "core/rng.hpp"
#include "kernels/algorithm.hpp"
#include "kernels/buffer.hpp"
#include "kernels/tests/conv_case.hpp"
#include "kernels/winograd_bound.hpp"
#include "kernels/winograd_geometry.hpp"
#include "kernels/winograd_weights.hpp"

#ifndef WBS_WINOGRAD_CASES
#define WBS_WINOGRAD_CASES 80
#endif

namespace wbs::kernels {
namespace {

/// Case `index` of 3x3 layers with stride 1; everything but the shape is as in sample_case.
ConvCase winograd_case(std::uint64_t index, std::int64_t most_macs) {
  ConvCase plan = sample_case(Element::f32, 20261122, index, most_macs);
  plan.output = Element::f32;
  plan.integers = false;
  Rng rng(plan.seed, 77);
  const auto pick = [&](std::initializer_list<std::int64_t> choices) {
    return choices.begin()[rng.below(choices.size())];
  };
  ConvShape& shape = plan.shape;
  do {
    shape = {};
    shape.kernel = {3, 3};
    shape.images = pick({1, 1, 2, 3});
    shape.height = pick({1, 3, 5, 7, 8, 13, 14, 28, 56});
    shape.width = rng.bernoulli(0.5) ? shape.height : pick({1, 3, 4, 6, 7, 15, 30, 56, 66, 127});
    shape.in_channels = pick({1, 3, 7, 8, 9, 16, 31, 64});
    shape.out_channels = pick({1, 3, 7, 8, 9, 16, 31, 64});
    if (rng.bernoulli(0.1)) {
      shape.groups = pick({2, 3});
      shape.in_channels *= shape.groups;
      shape.out_channels *= shape.groups;
    }
    const std::int64_t pad = pick({0, 1, 1, 1});
    shape.pad_top = shape.pad_left = shape.pad_bottom = shape.pad_right = pad;
    if (rng.bernoulli(0.2)) {
      shape.pad_left = pick({0, 1, 2});
      shape.pad_bottom = pick({0, 1, 2});
    }
  } while (shape.height + shape.pad_top + shape.pad_bottom < 3 ||
           shape.width + shape.pad_left + shape.pad_right < 3 || shape.macs() > most_macs);
  return plan;
}

std::string_view algorithm_of(int tile) {
  return tile == 2 ? "winograd2" : "winograd4";
}

class Winograd : public ::testing::TestWithParam<int> {};

TEST_P(Winograd, StaysWithinItsErrorBoundForEveryImplementation) {
  int failures = 0;
  for (std::uint64_t index = 0; index < WBS_WINOGRAD_CASES && failures < 5; ++index) {
    const ConvData data(winograd_case(index, 300'000));
    const Tensor bound =
        with_winograd_bound(data.expected(), data.layer(), data.input(), GetParam()).bound;
    for (const std::string_view name : runnable_implementations(Element::f32)) {
      const std::string difference =
          data.difference(data.run({.force_impl = name,
                                    .algorithm = algorithm_of(GetParam()),
                                    .threads = data.plan().threads}),
                          bound);
      if (difference.empty()) continue;
      ADD_FAILURE() << name << ", case " << index << ", " << describe(data.plan()) << "\n  "
                    << difference;
      ++failures;
    }
  }
}

TEST_P(Winograd, ThreadsChangeNoBit) {
  for (std::uint64_t index = 0; index < 12; ++index) {
    const ConvData data(winograd_case(index * 7, 200'000));
    for (const std::string_view name : runnable_implementations(Element::f32)) {
      const auto run = [&](int threads) {
        return data.run(
            {.force_impl = name, .algorithm = algorithm_of(GetParam()), .threads = threads});
      };
      const std::vector<unsigned char> one = run(1);
      // The words behind the last pixel may hold anything, but garbage is the same each time.
      for (const int threads : {2, 3, 5}) ASSERT_EQ(run(threads), one) << describe(data.plan());
    }
  }
}

TEST_P(Winograd, ImagesOfEverySizeAreWhole) {
  for (std::int64_t size = 1; size <= 30; size += size < 10 ? 1 : 3) {
    for (const std::int64_t pad : {0, 1}) {
      ConvCase plan;
      plan.seed = static_cast<std::uint64_t>(size);
      plan.pattern = "block:8x8";
      plan.integers = false;
      plan.bias = true;
      plan.shape.kernel = {3, 3};
      plan.shape.images = 2;
      plan.shape.in_channels = 8;
      plan.shape.out_channels = 16;
      plan.shape.height = size;
      plan.shape.width = 31 - size;
      plan.shape.pad_top = plan.shape.pad_bottom = pad;
      plan.shape.pad_left = plan.shape.pad_right = pad;
      if (plan.shape.out_height() < 1 || plan.shape.out_width() < 1) continue;
      const ConvData data(plan);
      const Tensor bound =
          with_winograd_bound(data.expected(), data.layer(), data.input(), GetParam()).bound;
      for (const std::string_view name : runnable_implementations(Element::f32)) {
        ASSERT_EQ(
            data.difference(
                data.run({.force_impl = name, .algorithm = algorithm_of(GetParam()), .threads = 1}),
                bound),
            "")
            << name << ", " << describe(plan);
      }
    }
  }
}

/// Inputs, weights and all that comes of them are then small integers: 4 and 576 are the
/// denominators of G g G^T.
TEST_P(Winograd, IsExactWhenTheTransformedWeightsAreIntegers) {
  const float factor = GetParam() == 2 ? 4.0F : 576.0F;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Rng rng(seed, 5);
    ConvCase plan;
    plan.seed = seed;
    plan.pattern = "block:8x8";
    plan.shape.kernel = {3, 3};
    plan.shape.in_channels = 7;
    plan.shape.out_channels = 9;
    plan.shape.height = plan.shape.width = static_cast<std::int64_t>(5 + rng.below(12));
    plan.shape.pad_top = plan.shape.pad_left = plan.shape.pad_bottom = plan.shape.pad_right = 1;
    const ConvData data(plan);
    Tensor weights = *data.layer().weights;
    for (float& w : weights.values) w *= factor;
    ConvLayer layer = data.layer();
    layer.weights = &weights;
    const ConvPlan direct(layer, {});
    const ConvPlan winograd(
        layer, {.force_impl = {}, .algorithm = algorithm_of(GetParam()), .threads = 1});
    const auto run = [&](const ConvPlan& conv) {
      Buffer in(static_cast<std::size_t>(conv.input().size_bytes()));
      Buffer out(static_cast<std::size_t>(conv.output().size_bytes()));
      Buffer scratch(static_cast<std::size_t>(conv.scratch_bytes()));
      to_planes(conv.input(), data.input().values.data(), 1.0F, in.data());
      conv.run({in.data(), nullptr, out.data(), scratch.data()});
      std::vector<float> values(data.expected().output.values.size());
      from_planes(conv.output(), out.data(), 1.0F, values.data());
      return values;
    };
    ASSERT_EQ(run(winograd), run(direct)) << describe(plan);
  }
}

TEST_P(Winograd, PrunedBlocksAreNotMultiplied) {
  ConvCase plan;
  plan.pattern = "block:8x8";
  plan.shape.kernel = {3, 3};
  plan.shape.in_channels = plan.shape.out_channels = 64;
  plan.shape.height = plan.shape.width = 8;
  plan.shape.pad_top = plan.shape.pad_left = plan.shape.pad_bottom = plan.shape.pad_right = 1;
  const ConvData data(plan);
  const ConvPlan conv(data.layer(),
                      {.force_impl = {}, .algorithm = algorithm_of(GetParam()), .threads = 1});
  const std::int64_t tiles = GetParam() == 2 ? 16 : 4;
  const std::int64_t positions = GetParam() == 2 ? 16 : 36;
  EXPECT_EQ(conv.packed_macs(), data.layer().mask->kept_weights() / 9 * positions * tiles);
  EXPECT_GT(data.layer().mask->sparsity(), 0.1);
  EXPECT_EQ(conv.algorithm(), algorithm_of(GetParam()));
}

TEST_P(Winograd, KeptOutputsOfAChannelMaskAreMultipliedAlone) {
  for (const bool residual : {false, true}) {
    ConvCase plan;
    plan.pattern = "channel";
    plan.integers = false;
    plan.bias = plan.scale = plan.clip = true;
    plan.residual = plan.in_place = residual;
    plan.threads = 3;
    plan.shape.kernel = {3, 3};
    plan.shape.in_channels = 16;
    plan.shape.out_channels = 96;
    plan.shape.height = plan.shape.width = 13;
    plan.shape.pad_top = plan.shape.pad_left = plan.shape.pad_bottom = plan.shape.pad_right = 1;
    const ConvData data(plan);
    const ConvOptions options{
        .force_impl = {}, .algorithm = algorithm_of(GetParam()), .threads = plan.threads};
    const ConvPlan conv(data.layer(), options);
    EXPECT_EQ(conv.packing(), "panels of 8 kept outputs");
    const std::int64_t tiles = GetParam() == 2 ? 49 : 16;
    const std::int64_t positions = GetParam() == 2 ? 16 : 36;
    const std::int64_t kept = data.layer().mask->kept_weights() / (9 * 16);
    EXPECT_EQ(conv.packed_macs(), (kept + 7) / 8 * std::int64_t{128} * positions * tiles);
    const Tensor bound =
        with_winograd_bound(data.expected(), data.layer(), data.input(), GetParam()).bound;
    EXPECT_EQ(data.difference(data.run(options), bound), "");
  }
}

TEST_P(Winograd, RefusesOtherLayersWithTheReason) {
  const auto refusal = [&](const ConvShape& shape, Element element) -> std::string {
    ConvLayer layer;
    layer.name = "conv7";
    layer.shape = shape;
    layer.element = element;
    layer.epilogue.output = element;
    const Tensor weights(shape.weight_shape(), 1.0F);
    layer.weights = &weights;
    try {
      const ConvPlan conv(
          layer, {.force_impl = "reference", .algorithm = algorithm_of(GetParam()), .threads = 1});
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::unsupported);
      return error.what();
    }
    return "";
  };
  ConvShape shape{.in_channels = 8, .height = 9, .width = 9, .out_channels = 8, .kernel = {3, 3}};
  EXPECT_EQ(refusal(shape, Element::f32), "");
  EXPECT_THAT(refusal(shape, Element::bf16), ::testing::HasSubstr("conv7"));
  EXPECT_THAT(refusal(shape, Element::u8), ::testing::HasSubstr("fp32"));
  shape.stride = {2, 2};
  EXPECT_THAT(refusal(shape, Element::f32), ::testing::HasSubstr("stride is not 1"));
  shape.stride = {1, 1};
  shape.dilation = {2, 2};
  EXPECT_THAT(refusal(shape, Element::f32), ::testing::HasSubstr("dilation is not 1"));
  shape.dilation = {1, 1};
  shape.kernel = {5, 5};
  EXPECT_THAT(refusal(shape, Element::f32), ::testing::HasSubstr("not 3x3"));
}

INSTANTIATE_TEST_SUITE_P(Tiles, Winograd, ::testing::Values(2, 4), [](const auto& tested) {
  return fmt::format("F{}x{}", tested.param, tested.param);
});

TEST(WinogradWeights, CornersAndSumsAreThoseOfTheKernel) {
  const std::array<float, 9> taps{1, 2, 3, 4, 5, 6, 7, 8, 9};
  const std::vector<double> u2 = transformed_kernel(taps.data(), 2);
  EXPECT_EQ(u2.front(), 1.0);
  EXPECT_EQ(u2.back(), 9.0);
  EXPECT_EQ(u2[5], 45.0 / 4);
  const std::vector<double> u4 = transformed_kernel(taps.data(), 4);
  EXPECT_EQ(u4.front(), 1.0 / 16);
  EXPECT_EQ(u4.back(), 9.0);
  EXPECT_NEAR(u4[7], 45.0 / 36, 1e-15);
}

TEST(WinogradGeometry, GroupsHoldEveryTileOnce) {
  for (const std::int64_t size : {1, 4, 7, 14, 28, 56, 90}) {
    for (const int tile : {2, 4}) {
      for (const std::int32_t vectors : {1, 2, 3}) {
        ConvShape shape;
        shape.kernel = {3, 3};
        shape.images = 2;
        shape.height = shape.width = size;
        shape.pad_top = shape.pad_left = shape.pad_bottom = shape.pad_right = 1;
        const WinogradGeometry geometry = winograd_geometry(shape, tile, vectors, true);
        std::int64_t outputs = 0;
        std::int64_t strip_outputs = 0;
        std::int64_t lanes = 0;
        for (const WinogradGroup& group : geometry.groups) {
          EXPECT_LE(group.vectors, vectors);
          for (const WinogradTile& part : group.tiles) {
            outputs += std::int64_t{part.out_rows} * part.out_columns;
          }
          std::int32_t next_lane = 0;
          for (const WinogradStep& step : group.steps) {
            EXPECT_EQ(step.lane, next_lane);
            next_lane += std::popcount(step.exists);
            for (const WinogradStrip& strip : step.strips) {
              strip_outputs += std::int64_t{strip.out_rows} * std::popcount(strip.out_columns);
            }
          }
          EXPECT_EQ(next_lane, static_cast<std::int32_t>(group.tiles.size()));
          lanes += std::int64_t{group.vectors} * 16 + group.tail;
        }
        EXPECT_EQ(outputs, 2 * size * size);
        EXPECT_EQ(strip_outputs, 2 * size * size);
        EXPECT_GE(lanes, 2 * geometry.tile_rows * geometry.tile_columns);
        EXPECT_LT(lanes, 2 * geometry.tile_rows * geometry.tile_columns + 16);
      }
    }
  }
}

/// A layer of ResNet-50's shape with every second 8x8 block.
ConvCase resnet_case(std::int64_t channels, std::int64_t size) {
  ConvCase plan;
  plan.seed = 11;
  plan.pattern = "block:8x8";
  plan.integers = false;
  plan.shape.kernel = {3, 3};
  plan.shape.in_channels = plan.shape.out_channels = channels;
  plan.shape.height = plan.shape.width = size;
  plan.shape.pad_top = plan.shape.pad_left = plan.shape.pad_bottom = plan.shape.pad_right = 1;
  return plan;
}

TEST(BestAlgorithm, IsDirectWhereWinogradCannotRun) {
  const Implementation& first =
      *value_or_throw(choose_implementation(Element::f32, ""), ErrorKind::unsupported);
  const Implementation& reference =
      *value_or_throw(choose_implementation(Element::f32, "reference"), ErrorKind::unsupported);
  const ConvData data(resnet_case(16, 8));
  ConvLayer layer = data.layer();
  EXPECT_EQ(best_algorithm(layer, reference), "direct");
  layer.shape.stride = {2, 2};
  EXPECT_EQ(best_algorithm(layer, first), "direct");
  EXPECT_EQ(ConvPlan(layer, {.force_impl = {}, .algorithm = "auto", .threads = 1}).algorithm(),
            "direct");
}

TEST(BestAlgorithm, TakesLargeTilesForLargeImagesAndSmallOnesForSevenPixels) {
  const Result<const Implementation*> avx512 = choose_implementation(Element::f32, "avx512");
  if (!avx512) GTEST_SKIP() << avx512.error();
  const auto best = [&](std::int64_t channels, std::int64_t size) {
    ConvLayer layer;
    layer.shape = resnet_case(channels, size).shape;
    const Tensor weights(layer.shape.weight_shape(), 1.0F);
    const sparsity::Mask mask(weights.shape, {8, 8, false});
    layer.weights = &weights;
    layer.mask = &mask;
    return best_algorithm(layer, **avx512);
  };
  EXPECT_EQ(best(64, 56), "winograd4");
  EXPECT_EQ(best(128, 28), "winograd4");
  EXPECT_EQ(best(256, 14), "winograd4");
  EXPECT_EQ(best(512, 7), "winograd2");
}

#ifdef WBS_WINOGRAD_ERRORS
/// Largest error relative to the largest output, standard normal inputs and weights.
TEST(WinogradErrors, StayBelowThoseStatedPerLayer) {
  struct Stated {
    std::int64_t channels, size;
  };
  for (const Stated& layer : {Stated{64, 56}, {128, 28}, {256, 14}, {512, 7}}) {
    const ConvData data(resnet_case(layer.channels, layer.size));
    float largest = 0.0F;
    for (const float y : data.expected().output.values) largest = std::max(largest, std::abs(y));
    const auto error_of = [&](std::string_view algorithm) {
      const std::vector<unsigned char> bytes =
          data.run({.force_impl = {}, .algorithm = algorithm, .threads = 1});
      std::vector<float> got(data.expected().output.values.size());
      const ConvShape& shape = data.layer().shape;
      from_planes(planes_of(Element::f32, 1, shape.out_channels, shape.height, shape.width),
                  bytes.data(), 1.0F, got.data());
      float error = 0.0F;
      for (std::size_t i = 0; i < got.size(); ++i) {
        error = std::max(error, std::abs(got[i] - data.expected().output.values[i]));
      }
      return error / largest;
    };
    const float direct = error_of("direct");
    const float winograd2 = error_of("winograd2");
    const float winograd4 = error_of("winograd4");
    const std::string line =
        fmt::format("{} channels {}x{}: direct {:.1e}, F(2x2) {:.1e}, F(4x4) {:.1e}",
                    layer.channels, layer.size, layer.size, direct, winograd2, winograd4);
    RecordProperty(fmt::format("channels_{}", layer.channels), line);
    EXPECT_LT(direct, 2e-6F) << line;
    EXPECT_LT(winograd2, 3e-6F) << line;
    EXPECT_LT(winograd4, 1e-5F) << line;
  }
}
#endif

}  // namespace
}  // namespace wbs::kernels
