// Plans whose weights change: the same bits as new plans.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "kernels/buffer.hpp"
#include "kernels/conv.hpp"
#include "sparsity/prune.hpp"

namespace wbs::kernels {
namespace {

struct Case {
  const char* pattern;
  const char* algorithm;
  std::int64_t in, out, kernel, stride, groups;
};

ConvShape shape_of(const Case& c) {
  ConvShape shape;
  shape.images = 2;
  shape.in_channels = c.in;
  shape.out_channels = c.out;
  shape.height = shape.width = 9;
  shape.kernel = {c.kernel, c.kernel};
  shape.stride = {c.stride, c.stride};
  shape.groups = c.groups;
  shape.pad_top = shape.pad_left = shape.pad_bottom = shape.pad_right = c.kernel / 2;
  return shape;
}

std::vector<float> run(const ConvPlan& plan) {
  Buffer input(static_cast<std::size_t>(plan.input().size_bytes()));
  Buffer output(static_cast<std::size_t>(plan.output().size_bytes()));
  Buffer scratch(static_cast<std::size_t>(plan.scratch_bytes()));
  const Planes& in = plan.input();
  std::vector<float> values(static_cast<std::size_t>(in.pixels() * in.channels));
  Rng(3).fill_normal(values, 0.0F, 1.0F);
  to_planes(in, values.data(), 1.0F, input.data());
  plan.run({input.data(), nullptr, output.data(), scratch.data()});
  const Planes& out = plan.output();
  std::vector<float> result(static_cast<std::size_t>(out.pixels() * out.channels));
  from_planes(out, output.data(), 1.0F, result.data());
  return result;
}

class Reload : public testing::TestWithParam<Case> {};

TEST_P(Reload, GivesTheBitsOfANewPlan) {
  const ConvShape shape = shape_of(GetParam());
  Tensor first(shape.weight_shape());
  Tensor second(shape.weight_shape());
  Rng(1).fill_normal(first.values, 0.0F, 1.0F);
  Rng(2).fill_normal(second.values, 0.0F, 1.0F);
  const auto pattern = value_or_throw(sparsity::parse_pattern(GetParam().pattern));
  const sparsity::Pruned pruned = sparsity::prune(first, pattern);
  pruned.mask.apply(first);

  pruned.mask.apply(second);
  // The new values stand elsewhere, backwards.
  const std::size_t count = first.values.size();
  std::vector<std::int32_t> sources(count);
  std::iota(sources.rbegin(), sources.rend(), 7);
  std::vector<float> elsewhere(count + 7, 99.0F);
  for (std::size_t i = 0; i < count; ++i) {
    elsewhere[static_cast<std::size_t>(sources[i])] = second.values[i];
  }

  ConvLayer layer;
  layer.name = "layer";
  layer.shape = shape;
  layer.mask = &pruned.mask;
  layer.weights = &first;
  layer.epilogue.bias.assign(static_cast<std::size_t>(shape.out_channels), 0.5F);
  layer.epilogue.scale.assign(static_cast<std::size_t>(shape.out_channels), 0.25F);
  ConvOptions options;
  options.algorithm = GetParam().algorithm;
  const std::vector<float> before = run(ConvPlan(layer, options));
  options.reload_sources = &sources;
  ConvPlan plan(layer, options);
  EXPECT_EQ(run(plan), before);
  plan.reload(elsewhere.data());

  layer.weights = &second;
  options.reload_sources = nullptr;
  EXPECT_EQ(run(plan), run(ConvPlan(layer, options)));
}

INSTANTIATE_TEST_SUITE_P(Forms, Reload,
                         testing::Values(Case{"block:8x8@0.5", "direct", 32, 40, 3, 1, 1},
                                         Case{"block:4x4@0.5", "direct", 20, 36, 3, 2, 1},
                                         Case{"dense", "direct", 3, 16, 7, 2, 1},
                                         Case{"dense", "direct", 24, 9, 1, 1, 1},
                                         Case{"nm:2:8/in", "direct", 64, 16, 3, 1, 1},
                                         Case{"unstructured@0.95", "direct", 300, 24, 3, 1, 1},
                                         Case{"unstructured@0.9", "direct", 16, 16, 3, 1, 1},
                                         Case{"block:8x8@0.5", "winograd2", 32, 40, 3, 1, 1},
                                         Case{"block:8x8@0.5", "winograd4", 24, 21, 3, 1, 1},
                                         Case{"channel@0.5", "direct", 24, 100, 3, 1, 1},
                                         Case{"channel@0.5", "winograd2", 24, 37, 3, 1, 1},
                                         Case{"channel@0.5", "winograd4", 24, 37, 3, 1, 1},
                                         Case{"unstructured@0.95", "winograd4", 48, 16, 3, 1, 1},
                                         Case{"dense", "winograd4", 16, 32, 3, 1, 2}));

TEST(ReloadPlaces, AreForFp32AndOnePerWeight) {
  const ConvShape shape = shape_of({"dense", "direct", 8, 8, 1, 1, 1});
  Tensor weights(shape.weight_shape(), 1.0F);
  ConvLayer layer;
  layer.name = "layer";
  layer.shape = shape;
  layer.weights = &weights;
  const std::vector<std::int32_t> few(3);
  ConvOptions options;
  options.reload_sources = &few;
  EXPECT_THROW(ConvPlan(layer, options), Error);
  const std::vector<std::int32_t> enough(64);
  options.reload_sources = &enough;
  EXPECT_NO_THROW(ConvPlan(layer, options));
  layer.element = Element::bf16;
  EXPECT_THROW(ConvPlan(layer, options), Error);
}

}  // namespace
}  // namespace wbs::kernels
