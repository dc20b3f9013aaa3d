// Every operator against values computed by hand.
#include "networks/interpreter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "core/error.hpp"
#include "networks/graph_builder.hpp"
#include "networks/initialise.hpp"
#include "networks/shape_inference.hpp"
#include "networks/zoo.hpp"

namespace wbs::networks {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;

/// first, first + 1, first + 2, ...
Tensor counting(const Shape& shape, float first = 1.0F) {
  Tensor tensor(shape);
  std::iota(tensor.values.begin(), tensor.values.end(), first);
  return tensor;
}

/// The output of the one operator that `build` puts behind an input like `x`.
template <typename Build>
Tensor run(const Tensor& x, Build build, const Weights& weights = {}) {
  GraphBuilder g("one", x.shape);
  const NodeIndex output = build(g, g.input());
  return interpret(std::move(g).finish(output), weights, x);
}

Tensor run_unary(Op op, const Tensor& x) {
  return run(x, [op](GraphBuilder& g, NodeIndex in) { return g.unary(op, "op", in); });
}

Tensor run_conv(const Tensor& x, const ConvOptions& options, const Weights& weights) {
  return run(x, [&](GraphBuilder& g, NodeIndex in) { return g.conv("op", in, options); }, weights);
}

void expect_near(const Tensor& tensor, const std::vector<float>& expected) {
  EXPECT_THAT(tensor.values, Pointwise(FloatNear(1e-6F), expected));
}

TEST(Conv, SumsProductsOfAllInputChannelsAndAddsTheBias) {
  const Tensor x({1, 2, 2, 3}, {1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60});
  Weights weights;
  // One filter per output channel: 1x2 windows over both channels.
  weights["op/weight"] = Tensor({2, 2, 1, 2}, {1, 2, 0, 0, 0, 0, 1, -1});
  weights["op/bias"] = Tensor({2}, {0.5F, 100.0F});
  const Tensor y = run_conv(x, {.channels = 2, .kernel = {1, 2}, .bias = true}, weights);
  EXPECT_EQ(y.shape, (Shape{1, 2, 2, 2}));
  EXPECT_THAT(y.values, ElementsAre(5.5F, 8.5F, 14.5F, 17.5F, 90, 90, 90, 90));
}

TEST(Conv, StrideAndUnequalPadding) {
  const Tensor x = counting({1, 1, 3, 3});
  Weights weights;
  weights["op/weight"] = Tensor({1, 1, 2, 2}, {1, 2, 3, 4});
  // Rows -1..2, columns 0..3 (one column of padding on the right); windows start 2 rows apart.
  const Tensor y = run_conv(
      x, {.channels = 1, .kernel = {2, 2}, .stride = {2, 1}, .padding = {1, 0, 0, 1}}, weights);
  EXPECT_EQ(y.shape, (Shape{1, 1, 2, 3}));
  EXPECT_THAT(y.values,
              ElementsAre(3 * 1 + 4 * 2, 3 * 2 + 4 * 3, 3 * 3,  //
                          4 + 2 * 5 + 3 * 7 + 4 * 8, 5 + 2 * 6 + 3 * 8 + 4 * 9, 6 + 3 * 9));
}

TEST(Conv, DilationSkipsElements) {
  const Tensor x = counting({1, 1, 1, 7});
  Weights weights;
  weights["op/weight"] = Tensor({1, 1, 1, 3}, {1, 10, 100});
  const Tensor y = run_conv(x,
                            {.channels = 1,
                             .kernel = {1, 3},
                             .stride = {1, 2},
                             .padding = {0, 2, 0, 2},
                             .dilation = {1, 2}},
                            weights);
  EXPECT_THAT(y.values, ElementsAre(10 * 1 + 100 * 3, 1 + 10 * 3 + 100 * 5, 3 + 10 * 5 + 100 * 7,
                                    5 + 10 * 7));
}

TEST(Conv, GroupsSeeOnlyTheirChannels) {
  const Tensor x({2, 4, 1, 1}, {1, 2, 3, 4, 5, 6, 7, 8});
  Weights weights;
  weights["op/weight"] = Tensor({2, 2, 1, 1}, {1, 10, 1, 10});
  const Tensor y = run_conv(x, {.channels = 2, .groups = 2}, weights);
  EXPECT_THAT(y.values, ElementsAre(21, 43, 65, 87));
  weights["op/weight"] = Tensor({4, 1, 1, 1}, {1, 2, 3, 4});
  EXPECT_THAT(run_conv(x, {.channels = 4, .groups = 4}, weights).values,
              ElementsAre(1, 4, 9, 16, 5, 12, 21, 32));
}

TEST(Conv, BlocksOfTheProductChangeNothing) {
  // More than one block of pixels (17 x 33) and of weights (3 x 5 x 5) against the definition.
  const Graph graph = [] {
    GraphBuilder g("blocks", {2, 6, 17, 33});
    const NodeIndex conv = g.conv(
        "op", g.input(),
        {.channels = 4, .kernel = {5, 5}, .padding = same_padding(2), .groups = 2, .bias = true});
    return std::move(g).finish(conv);
  }();
  const Weights weights = initialise(graph, 3);
  Tensor x = counting({2, 6, 17, 33});
  for (float& value : x.values) value = std::sin(value);
  const Tensor y = interpret(graph, weights, x);
  const std::vector<float>& w = weights.at("op/weight").values;
  const auto pixel = [&](std::size_t image, std::size_t channel, int row, int column) {
    if (row < 0 || row >= 17 || column < 0 || column >= 33) return 0.0F;
    return x.values[((image * 6 + channel) * 17 + static_cast<std::size_t>(row)) * 33 +
                    static_cast<std::size_t>(column)];
  };
  std::size_t at = 0;
  for (std::size_t part = 0; part < 8; ++part) {
    const std::size_t out = part % 4;
    for (int row = 0; row < 17; ++row) {
      for (int column = 0; column < 33; ++column) {
        double sum = 0.0;
        for (std::size_t k = 0; k < 75; ++k) {
          const auto tap = static_cast<int>(k % 25);
          sum += w[out * 75 + k] *
                 pixel(part / 4, out / 2 * 3 + k / 25, row + tap / 5 - 2, column + tap % 5 - 2);
        }
        ASSERT_NEAR(y.values[at++], sum, 1e-5);
      }
    }
  }
}

TEST(Linear, WorksOnTheLastDimension) {
  Weights weights;
  weights["op/weight"] = Tensor({2, 3}, {1, 2, 3, 0, 0, -1});
  weights["op/bias"] = Tensor({2}, {0, 1});
  const Tensor y = run(
      counting({1, 2, 3}), [](GraphBuilder& g, NodeIndex x) { return g.linear("op", x, 2); },
      weights);
  EXPECT_EQ(y.shape, (Shape{1, 2, 2}));
  EXPECT_THAT(y.values, ElementsAre(14, -2, 32, -5));
}

TEST(Linear, LongVectorsSumAllTheirElements) {
  Weights weights;
  weights["op/weight"] = Tensor({1, 21}, 2.0F);
  const auto build = [](GraphBuilder& g, NodeIndex x) { return g.linear("op", x, 1, false); };
  EXPECT_THAT(run(counting({1, 21}), build, weights).values, ElementsAre(21 * 22));
}

TEST(BatchNorm, NormalisesEachChannel) {
  Weights weights;
  weights["op/scale"] = Tensor({2}, {1, 3});
  weights["op/bias"] = Tensor({2}, {0, 10});
  weights["op/mean"] = Tensor({2}, {1, 2});
  weights["op/variance"] = Tensor({2}, {3.75F, 0});
  const Tensor y = run(
      counting({1, 2, 1, 2}),
      [](GraphBuilder& g, NodeIndex x) { return g.batch_norm("op", x, 0.25); }, weights);
  expect_near(y, {0.0F, 0.5F, 16.0F, 22.0F});
}

TEST(LayerNorm, NormalisesTheLastDimension) {
  Weights weights;
  weights["op/scale"] = Tensor({2}, {1, 2});
  weights["op/bias"] = Tensor({2}, {0, 5});
  const Tensor y = run(
      Tensor({1, 2, 2}, {1, 3, -4, 0}),
      [](GraphBuilder& g, NodeIndex x) { return g.layer_norm("op", x, 3.0); }, weights);
  const float low = 2.0F / std::sqrt(7.0F);  // variance 4, epsilon 3
  expect_near(y, {-0.5F, 6.0F, -low, 5.0F + 2.0F * low});
}

Tensor run_pool(Op op, const Tensor& x, const PoolOptions& options) {
  return run(x, [&](GraphBuilder& g, NodeIndex in) {
    return op == Op::max_pool ? g.max_pool("op", in, options) : g.avg_pool("op", in, options);
  });
}

TEST(MaxPool, PaddingNeverWins) {
  const Tensor x({1, 1, 3, 3}, {-1, -2, -3, -4, -5, -6, -7, -8, -9});
  const Tensor y =
      run_pool(Op::max_pool, x, {.kernel = {2, 2}, .stride = {2, 2}, .padding = {1, 1, 0, 0}});
  EXPECT_THAT(y.values, ElementsAre(-1, -2, -4, -5));
}

TEST(MaxPool, CeilModeKeepsTheIncompleteWindow) {
  const Tensor x = counting({1, 1, 1, 6});
  const PoolOptions floor{.kernel = {1, 3}, .stride = {1, 2}};
  EXPECT_THAT(run_pool(Op::max_pool, x, floor).values, ElementsAre(3, 5));
  PoolOptions ceil = floor;
  ceil.ceil_mode = true;
  EXPECT_THAT(run_pool(Op::max_pool, x, ceil).values, ElementsAre(3, 5, 6));
  // A last window that would start in the padding on the right is dropped (as in PyTorch).
  ceil = {.kernel = {1, 2}, .stride = {1, 3}, .padding = {0, 1, 0, 1}, .ceil_mode = true};
  EXPECT_THAT(run_pool(Op::max_pool, counting({1, 1, 1, 5}), ceil).values, ElementsAre(1, 4));
}

TEST(MaxPool, DilationSkipsElements) {
  GraphBuilder g("dilated", {1, 1, 1, 6});
  Node node;
  node.name = "op";
  node.op = Op::max_pool;
  node.inputs = {0};
  node.attributes.kernel = {1, 2};
  node.attributes.dilation = {1, 3};
  node.attributes.padding = {0, 1, 0, 0};
  const NodeIndex pool = g.add(node);
  const Graph graph = std::move(g).finish(pool);
  const Tensor x({1, 1, 1, 6}, {9, 8, 1, 2, 3, 7});
  // Windows {-1, 2}, {0, 3}, {1, 4}, {2, 5}.
  EXPECT_THAT(interpret(graph, {}, x).values, ElementsAre(1, 9, 8, 7));
}

TEST(AvgPool, DividesByTheElementsInsideUnlessPaddingCounts) {
  const Tensor x({1, 1, 2, 2}, {4, 8, 12, 16});
  PoolOptions options{.kernel = {2, 2}, .stride = {2, 2}, .padding = same_padding(1)};
  EXPECT_THAT(run_pool(Op::avg_pool, x, options).values, ElementsAre(4, 8, 12, 16));
  options.count_include_pad = true;
  EXPECT_THAT(run_pool(Op::avg_pool, x, options).values, ElementsAre(1, 2, 3, 4));
}

TEST(AvgPool, WhatCeilModeAddsBeyondThePaddingDoesNotCount) {
  PoolOptions options{.kernel = {1, 3},
                      .stride = {1, 2},
                      .padding = {0, 1, 0, 1},
                      .ceil_mode = true,
                      .count_include_pad = true};
  // Columns -1..6 with padding at -1 and 6; windows start at -1, 1, 3, 5, the last ends at 6.
  const Tensor x = counting({1, 1, 1, 6});
  EXPECT_THAT(run_pool(Op::avg_pool, x, options).values, ElementsAre(1, 3, 5, 3));
  options.count_include_pad = false;
  EXPECT_THAT(run_pool(Op::avg_pool, x, options).values, ElementsAre(1.5F, 3, 5, 6));
}

TEST(GlobalAvgPool, IsTheMeanOfEachPlane) {
  const Tensor y = run_unary(Op::global_avg_pool, counting({2, 2, 2, 2}));
  EXPECT_EQ(y.shape, (Shape{2, 2, 1, 1}));
  EXPECT_THAT(y.values, ElementsAre(2.5F, 6.5F, 10.5F, 14.5F));
}

TEST(Activations, HaveTheirTextbookValues) {
  const Tensor x({1, 3}, {-1, 0, 2});
  expect_near(run_unary(Op::relu, x), {0, 0, 2});
  expect_near(run_unary(Op::sigmoid, x), {0.26894142F, 0.5F, 0.88079708F});
  expect_near(run_unary(Op::erf, x), {-0.84270079F, 0, 0.99532227F});
  expect_near(run_unary(Op::exp, x), {0.36787944F, 1, 7.3890561F});
  expect_near(run_unary(Op::tanh, x), {-0.76159416F, 0, 0.96402758F});
  expect_near(run_unary(Op::gelu, x), {-0.15865525F, 0, 1.9544997F});
  expect_near(run_unary(Op::sqrt, Tensor({1, 2}, {0, 9})), {0, 3});
  const Tensor clipped =
      run(x, [](GraphBuilder& g, NodeIndex in) { return g.clip("op", in, -0.5, 1.0); });
  expect_near(clipped, {-0.5F, 0, 1});
}

/// x op constant "c".
Tensor run_binary(Op op, const Tensor& x, const Tensor& constant) {
  const Weights weights{{"c/value", constant}};
  return run(
      x,
      [&](GraphBuilder& g, NodeIndex in) {
        return g.binary(op, "op", in, g.constant_tensor("c", constant.shape, false));
      },
      weights);
}

TEST(Elementwise, OperatorsOnEqualShapes) {
  const Tensor x({1, 2}, {6, 2});
  const Tensor y({1, 2}, {3, 4});
  EXPECT_THAT(run_binary(Op::add, x, y).values, ElementsAre(9, 6));
  EXPECT_THAT(run_binary(Op::sub, x, y).values, ElementsAre(3, -2));
  EXPECT_THAT(run_binary(Op::mul, x, y).values, ElementsAre(18, 8));
  EXPECT_THAT(run_binary(Op::div, x, y).values, ElementsAre(2, 0.5F));
  EXPECT_THAT(run_binary(Op::pow, x, y).values, ElementsAre(216, 16));
}

TEST(Elementwise, BroadcastsAsNumpyDoes) {
  const Tensor x = counting({2, 1, 3});
  const Tensor sum = run_binary(Op::sub, x, Tensor({2, 1}, {10, 20}));
  EXPECT_EQ(sum.shape, (Shape{2, 2, 3}));
  EXPECT_THAT(sum.values, ElementsAre(-9, -8, -7, -19, -18, -17, -6, -5, -4, -16, -15, -14));
  const Tensor scaled = run_binary(Op::mul, counting({3}), counting({2, 3}));
  EXPECT_THAT(scaled.values, ElementsAre(1, 4, 9, 4, 10, 18));
  const Tensor halved = run(counting({1, 2}), [](GraphBuilder& g, NodeIndex in) {
    return g.binary(Op::div, "op", in, g.constant("two", 2.0));
  });
  EXPECT_THAT(halved.values, ElementsAre(0.5F, 1));
}

TEST(MatMul, BroadcastsItsBatches) {
  const Tensor x = counting({2, 1, 1, 2});  // matrices [1 2] and [3 4]
  const Tensor y = run_binary(Op::matmul, x, Tensor({2, 2, 1}, {1, 1, 10, 1}));
  EXPECT_EQ(y.shape, (Shape{2, 2, 1, 1}));
  EXPECT_THAT(y.values, ElementsAre(3, 12, 7, 34));
  const Tensor plain = run_binary(Op::matmul, counting({2, 2}), counting({2, 3}));
  EXPECT_THAT(plain.values, ElementsAre(9, 12, 15, 19, 26, 33));
}

TEST(Concat, JoinsAlongItsAxis) {
  const auto join = [](std::int64_t axis) {
    return run(counting({1, 2, 2}), [axis](GraphBuilder& g, NodeIndex x) {
      const NodeIndex part = g.slice("part", x, {.axis = axis, .begin = 1});
      return g.concat("op", {x, part, x}, axis);
    });
  };
  EXPECT_THAT(join(1).values, ElementsAre(1, 2, 3, 4, 3, 4, 1, 2, 3, 4));
  EXPECT_THAT(join(2).values, ElementsAre(1, 2, 2, 1, 2, 3, 4, 4, 3, 4));
}

TEST(Views, KeepTheElementsInOrder) {
  const Tensor x = counting({2, 3, 2});
  const auto flat = [&](std::int64_t axis) {
    return run(x, [axis](GraphBuilder& g, NodeIndex in) { return g.flatten("op", in, axis); });
  };
  EXPECT_EQ(flat(1).shape, (Shape{2, 6}));
  EXPECT_EQ(flat(0).shape, (Shape{1, 12}));
  EXPECT_EQ(flat(3).shape, (Shape{12, 1}));
  const Tensor reshaped =
      run(x, [](GraphBuilder& g, NodeIndex in) { return g.reshape("op", in, {0, 2, -1}); });
  EXPECT_EQ(reshaped.shape, (Shape{2, 2, 3}));
  EXPECT_EQ(reshaped.values, x.values);
  for (const Op op : {Op::identity, Op::dropout}) EXPECT_EQ(run_unary(op, x).values, x.values);
}

TEST(Transpose, OutputAxisIIsInputAxisPermutationI) {
  const Tensor y = run(counting({1, 2, 3}), [](GraphBuilder& g, NodeIndex in) {
    return g.transpose("op", in, {2, 0, 1});
  });
  EXPECT_EQ(y.shape, (Shape{3, 1, 2}));
  EXPECT_THAT(y.values, ElementsAre(1, 4, 2, 5, 3, 6));
}

TEST(Pad, AddsZerosOnBothSides) {
  const Tensor y = run(counting({1, 1, 2, 2}), [](GraphBuilder& g, NodeIndex in) {
    return g.pad("op", in, {0, 1, 0, 1, 0, 0, 0, 0});
  });
  EXPECT_EQ(y.shape, (Shape{1, 2, 2, 3}));
  EXPECT_THAT(y.values, ElementsAre(0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 3, 4));
}

TEST(Slice, TakesEveryStepOfItsRange) {
  const auto slice = [](const SliceOptions& options) {
    return run(counting({2, 5}),
               [&](GraphBuilder& g, NodeIndex in) { return g.slice("op", in, options); })
        .values;
  };
  EXPECT_THAT(slice({.axis = 1, .begin = 1, .end = 5, .step = 2}), ElementsAre(2, 4, 7, 9));
  EXPECT_THAT(slice({.axis = 0, .begin = 1}), ElementsAre(6, 7, 8, 9, 10));
  EXPECT_THAT(slice({.axis = 1, .begin = 4, .end = 99, .step = std::int64_t{1} << 62}),
              ElementsAre(5, 10));
}

TEST(Softmax, SumsToOneAlongItsAxis) {
  const float e = std::exp(1.0F);
  const Tensor x({2, 2}, {1000, 1001, 1000, 1000});
  const auto softmax = [&](std::int64_t axis) {
    return run(x, [axis](GraphBuilder& g, NodeIndex in) { return g.softmax("op", in, axis); });
  };
  expect_near(softmax(1), {1 / (1 + e), e / (1 + e), 0.5F, 0.5F});
  expect_near(softmax(0), {0.5F, e / (1 + e), 0.5F, 1 / (1 + e)});
}

TEST(ReduceMean, KeepsOrDropsItsAxes) {
  const auto mean = [](std::vector<std::int64_t> axes, bool keep) {
    return run(counting({2, 2, 3}),
               [&](GraphBuilder& g, NodeIndex in) { return g.reduce_mean("op", in, axes, keep); });
  };
  EXPECT_EQ(mean({0, 2}, true).shape, (Shape{1, 2, 1}));
  EXPECT_THAT(mean({0, 2}, true).values, ElementsAre(5, 8));
  EXPECT_EQ(mean({1}, false).shape, (Shape{2, 3}));
  EXPECT_THAT(mean({1}, false).values, ElementsAre(2.5F, 3.5F, 4.5F, 8.5F, 9.5F, 10.5F));
}

TEST(Interpret, ObserverSeesEveryNodeAndInPlaceWorkSparesSharedTensors) {
  const Tensor x({1, 2}, {-1, 3});
  GraphBuilder g("shared", x.shape);
  const NodeIndex same = g.unary(Op::identity, "same", g.input());
  const NodeIndex relu = g.relu("relu", same);
  const NodeIndex sum = g.binary(Op::add, "sum", relu, same);
  const Graph graph = std::move(g).finish(sum);
  std::vector<std::string> seen;
  const Tensor y = interpret(graph, {}, x, [&](const Node& node, const Tensor& output) {
    seen.push_back(node.name);
    EXPECT_EQ(output.shape, node.output_shape);
  });
  EXPECT_THAT(y.values, ElementsAre(-1, 6));
  EXPECT_THAT(seen, ElementsAre("input", "same", "relu", "sum"));
}

TEST(Interpret, AnInnerNodeCanBeTheOutput) {
  GraphBuilder g("inner", {1, 2});
  const NodeIndex relu = g.relu("relu", g.input());
  g.relu("later", g.binary(Op::sub, "difference", relu, relu));
  const Graph graph = std::move(g).finish(relu);
  EXPECT_THAT(interpret(graph, {}, Tensor({1, 2}, {-1, 3})).values, ElementsAre(0, 3));
}

TEST(Interpret, EachImageOfABatchGivesWhatItGivesAlone) {
  for (const char* name : {"resnet20", "vit_tiny"}) {
    const Graph graph =
        build_network(name, {.input = std::array<std::int64_t, 3>{3, 32, 32}, .classes = 7});
    const Weights weights = initialise(graph, 5);
    Tensor both = counting({2, 3, 32, 32});
    for (float& value : both.values) value = std::sin(value);
    const Tensor result = interpret(graph, weights, both);
    ASSERT_EQ(result.shape, (Shape{2, 7}));
    const auto half = both.values.begin() + 3 * 32 * 32;
    const Tensor second({1, 3, 32, 32}, std::vector<float>(half, both.values.end()));
    EXPECT_EQ(interpret(graph, weights, second).values,
              std::vector<float>(result.values.begin() + 7, result.values.end()))
        << name;
  }
}

TEST(Interpret, WrongInputsAndWeightsAreErrors) {
  GraphBuilder g("small", {1, 3, 4, 4});
  const NodeIndex conv = g.conv("conv", g.input(), {.channels = 2});
  const Graph graph = std::move(g).finish(conv);
  const Weights weights = initialise(graph, 1);
  EXPECT_NO_THROW(static_cast<void>(interpret(graph, weights, Tensor({1, 3, 4, 4}))));
  EXPECT_THROW(static_cast<void>(interpret(graph, {}, Tensor({1, 3, 4, 4}))), Error);
  EXPECT_THROW(static_cast<void>(interpret(graph, weights, Tensor({1, 3, 4, 5}))), Error);
  EXPECT_THROW(static_cast<void>(interpret(graph, weights, Tensor(Shape{}))), Error);
  EXPECT_THROW(static_cast<void>(interpret(graph, weights, Tensor({0, 3, 4, 4}))), Error);
  Tensor short_of_values({1, 3, 4, 4});
  short_of_values.values.pop_back();
  EXPECT_THROW(static_cast<void>(interpret(graph, weights, short_of_values)), Error);
}

}  // namespace
}  // namespace wbs::networks
