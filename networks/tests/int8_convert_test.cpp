#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "core/error.hpp"
#include "networks/graph_builder.hpp"
#include "networks/initialise.hpp"
#include "networks/int8_network.hpp"
#include "networks/interpreter.hpp"
#include "networks/reference_scales.hpp"
#include "networks/zoo.hpp"

namespace wbs::networks {
namespace {

Int8Network converted(const Graph& graph, const Weights& weights) {
  const auto images = random_images(graph, 1, 2);
  return to_int8(graph, weights, reference_scales(graph, weights, images));
}

Quantisation scales(std::map<std::string, Quant> activations) {
  Quantisation result;
  result.activations = std::move(activations);
  return result;
}

const Int8Op& op_of(const Int8Network& network, const std::string& name) {
  for (const Int8Op& op : network.operations) {
    if (op.name == name || op.result == name) return op;
  }
  throw Error(ErrorKind::internal, "no operation " + name);
}

/// |integers - reference| / |reference| of the network's output, in the 2-norm.
double output_error(const Graph& graph, const Weights& weights, const Int8Network& network,
                    const Tensor& image) {
  const Tensor exact = interpret(graph, weights, image);
  const auto results = interpret(network, quantise_image(network, image));
  const Int8Shape& shape = network.operations[network.output].output;
  const std::vector<std::uint8_t>& bytes = results[network.output];
  EXPECT_EQ(bytes.size(), exact.values.size());
  double error = 0.0;
  double total = 0.0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const int integer = shape.is_unsigned ? int{bytes[i]} : int{static_cast<std::int8_t>(bytes[i])};
    const double difference = std::ldexp(integer, shape.exponent) - double{exact.values[i]};
    error += difference * difference;
    total += double{exact.values[i]} * double{exact.values[i]};
  }
  return std::sqrt(error / total);
}

double zoo_error(const std::string& name, const BuildOptions& options) {
  Graph graph = build_network(name, options);
  const Weights weights = initialise(graph, 1);
  // A softmax at the end stays with the host.
  if (graph.nodes[graph.output].op == Op::softmax)
    graph.output = graph.nodes[graph.output].inputs[0];
  const Int8Network network = converted(graph, weights);
  return output_error(graph, weights, network, random_images(graph, 9, 1)[0]);
}

TEST(ToInt8, NetworksOfTheZooAreCloseToTheReference) {
  EXPECT_LT(zoo_error("resnet18", {.input = {{3, 32, 32}}}), 0.06);
  EXPECT_LT(zoo_error("vgg16", {.input = {{3, 32, 32}}}), 0.06);
  EXPECT_LT(zoo_error("squeezenet1_1", {.input = {{3, 64, 64}}}), 0.06);
  EXPECT_LT(zoo_error("mobilenet_v2", {.input = {{3, 64, 64}}}), 0.4);
  EXPECT_LT(zoo_error("inception_v3", {.input = {{3, 96, 96}}}), 0.1);
}

std::string refusal_of(const Graph& graph) {
  try {
    (void)to_int8(graph, initialise(graph, 1), {});
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    return error.what();
  }
  return "accepted";
}

TEST(ToInt8, NamesTheNodeThatItCannotExpress) {
  GraphBuilder padded("net", {1, 8, 4, 4});
  const NodeIndex pad = padded.pad("widen", padded.input(), {0, 4, 0, 0, 0, 4, 0, 0});
  EXPECT_NE(refusal_of(std::move(padded).finish(pad)).find("'widen' (pad of 1x8x4x4)"),
            std::string::npos);
  GraphBuilder gated("net", {1, 8, 4, 4});
  const NodeIndex mul = gated.binary(Op::mul, "gate", gated.input(), gated.input());
  EXPECT_NE(refusal_of(std::move(gated).finish(mul)).find("'gate' (mul"), std::string::npos);
  EXPECT_NE(refusal_of(build_network("resnet20", {.input = {{3, 32, 32}}})).find("slice"),
            std::string::npos);
}

TEST(ToInt8, ConvGetsExponentsBiasAndShiftFromPowersOfTwo) {
  GraphBuilder g("net", {1, 1, 1, 3});
  NodeIndex x = g.conv("conv", g.input(), {.channels = 2, .bias = true});
  x = g.relu("relu", x);
  const Graph graph = std::move(g).finish(x);
  const Weights weights{{"conv/weight", Tensor({2, 1, 1, 1}, {1.0F, 0.0F})},
                        {"conv/bias", Tensor({2}, {0.5F, -0.25F})}};
  // 1 / 127 rounds up to 2^-6; 0.03 to 2^-5.
  const Int8Network network = to_int8(
      graph, weights, scales({{"input", {0.125F, 128}}, {"conv", {1, 128}}, {"relu", {0.03F, 0}}}));
  ASSERT_EQ(network.operations.size(), 2U);
  const Int8Op& op = network.operations[1];
  EXPECT_EQ(op.name, "conv");
  EXPECT_EQ(op.result, "relu");
  EXPECT_EQ(op.output, (Int8Shape{2, 1, 3, true, -5}));
  EXPECT_EQ(op.weights, (std::vector<std::int8_t>{64, 0}));
  EXPECT_EQ(op.shift, (std::vector<std::uint8_t>{4, 8}));       // -5 - (-3 - 6)
  EXPECT_EQ(op.bias, (std::vector<std::int32_t>{256, -2048}));  // 0.5 * 2^9, -0.25 * 2^13
  EXPECT_EQ(op.minimum, 0);
  EXPECT_EQ(op.maximum, 255);
  EXPECT_EQ(op.macs, 6);
  const auto image = quantise_image(network, Tensor({1, 1, 1, 3}, {1.0F, -1.0F, 100.0F}));
  EXPECT_EQ(image, (std::vector<std::uint8_t>{8, 248, 127}));
  EXPECT_EQ(interpret(network, image)[1], (std::vector<std::uint8_t>{48, 0, 255, 0, 0, 0}));
}

TEST(ToInt8, OneShiftPerLayerFollowsTheLargestChannel) {
  GraphBuilder g("net", {1, 1, 1, 1});
  const NodeIndex x = g.conv("conv", g.input(), {.channels = 2});
  const Graph graph = std::move(g).finish(x);
  const Weights weights{{"conv/weight", Tensor({2, 1, 1, 1}, {1.0F, 0.25F})}};
  const Quantisation unit = scales({{"input", {1, 128}}, {"conv", {1, 128}}});
  EXPECT_EQ(to_int8(graph, weights, unit).operations[1].shift, (std::vector<std::uint8_t>{6, 8}));
  const Int8Op op = to_int8(graph, weights, unit, {.per_channel = false}).operations[1];
  EXPECT_EQ(op.shift, (std::vector<std::uint8_t>{6, 6}));
  EXPECT_EQ(op.weights, (std::vector<std::int8_t>{64, 16}));
}

TEST(ToInt8, TinyWeightsAndLargeBiasesStayInRange) {
  GraphBuilder g("net", {1, 1, 1, 1});
  const NodeIndex x = g.conv("conv", g.input(), {.channels = 2, .bias = true});
  const Graph graph = std::move(g).finish(x);
  const Weights weights{{"conv/weight", Tensor({2, 1, 1, 1}, {1e-9F, 1e-20F})},
                        {"conv/bias", Tensor({2}, {40.0F, 3.0F})}};
  const Int8Network network =
      to_int8(graph, weights, scales({{"input", {1, 128}}, {"conv", {1, 128}}}));
  EXPECT_EQ(interpret(network, std::vector<std::uint8_t>{5})[1],
            (std::vector<std::uint8_t>{40, 3}));
}

TEST(ToInt8, MaskedWeightsAndGroupsGiveZeros) {
  GraphBuilder g("net", {1, 4, 3, 3});
  const NodeIndex x = g.conv("conv", g.input(), {.channels = 4, .groups = 2});
  const Graph graph = std::move(g).finish(x);
  Weights weights = initialise(graph, 1);
  weights.at("conv/weight").values[0] = 0.0F;
  const Int8Op op = converted(graph, weights).operations[1];
  ASSERT_EQ(op.weights.size(), 16U);
  EXPECT_EQ(op.macs, 9 * 4 * 2);
  for (const std::size_t zero : {0U, 2U, 3U, 6U, 7U, 8U, 9U, 12U, 13U}) {
    EXPECT_EQ(op.weights[zero], 0);
  }
  for (const std::size_t kept : {1U, 4U, 5U, 10U, 11U, 14U, 15U}) EXPECT_NE(op.weights[kept], 0);
}

TEST(ToInt8, PartsOfConcatsShareTheLargestRangeThroughMaxPools) {
  GraphBuilder g("net", {1, 2, 4, 4});
  const NodeIndex a = g.relu("ra", g.conv("a", g.input(), {.channels = 2}));
  const NodeIndex b = g.relu("rb", g.conv("b", g.input(), {.channels = 2}));
  const NodeIndex c = g.conv("c", g.input(), {.channels = 2});
  const NodeIndex pooled = g.max_pool("pool", b, {.kernel = {1, 1}, .stride = {2, 2}});
  const NodeIndex sampled = g.max_pool("sample", a, {.kernel = {1, 1}, .stride = {2, 2}});
  const NodeIndex first = g.concat("ab", {sampled, pooled});
  const NodeIndex small = g.max_pool("small", c, {.kernel = {1, 1}, .stride = {2, 2}});
  const NodeIndex second = g.concat("bc", {pooled, small});
  const NodeIndex all = g.concat("all", {first, second});
  const Graph graph = std::move(g).finish(all);
  const Quantisation given =
      scales({{"input", {1, 128}}, {"ra", {0.25F, 0}}, {"rb", {1, 0}}, {"c", {0.5F, 128}}});
  const Int8Network network = to_int8(graph, initialise(graph, 1), given);
  // b's 0..255 with a sign takes steps of 2.
  for (const char* name : {"ra", "rb", "c", "pool", "ab", "bc", "all"}) {
    EXPECT_FALSE(op_of(network, name).output.is_unsigned) << name;
    EXPECT_EQ(op_of(network, name).output.exponent, 1) << name;
  }
  EXPECT_EQ(op_of(network, "ra").minimum, 0);
}

TEST(ToInt8, CeilModePadsAsFarAsWindowsReachAndNeedsUnsignedNumbers) {
  const auto build = [](bool relu) {
    GraphBuilder g("net", {1, 2, 6, 7});
    NodeIndex x = g.conv("conv", g.input(), {.channels = 2});
    if (relu) x = g.relu("relu", x);
    x = g.max_pool("pool", x, {.kernel = {3, 3}, .stride = {2, 2}, .ceil_mode = true});
    return std::move(g).finish(x);
  };
  const Graph graph = build(true);
  const Weights weights = initialise(graph, 1);
  const Int8Network network = converted(graph, weights);
  const Int8Op& pool = op_of(network, "pool");
  EXPECT_EQ(pool.output.rows, 3);
  EXPECT_EQ(pool.padding, (Padding{0, 0, 1, 0}));
  EXPECT_LT(output_error(graph, weights, network, random_images(graph, 2, 1)[0]), 0.05);
  const Graph bad = build(false);
  EXPECT_THROW((void)converted(bad, initialise(bad, 1)), Error);
}

TEST(ToInt8, AveragesOfIncompleteOrUncountedWindowsAreRefused) {
  const auto pooled = [](const PoolOptions& options) {
    GraphBuilder g("net", {1, 2, 6, 6});
    const NodeIndex x = g.avg_pool("pool", g.input(), options);
    const Graph graph = std::move(g).finish(x);
    return to_int8(graph, {}, scales({{"input", {1, 128}}})).operations.size();
  };
  EXPECT_EQ(pooled({.kernel = {3, 3}, .padding = same_padding(1), .count_include_pad = true}), 2U);
  EXPECT_EQ(pooled({.kernel = {1, 1}}), 1U);
  EXPECT_THROW((void)pooled({.kernel = {3, 3}, .padding = same_padding(1)}), Error);
  EXPECT_THROW((void)pooled({.kernel = {3, 3}, .stride = {2, 2}, .ceil_mode = true}), Error);
}

TEST(ToInt8, ClipsBehindSharedResultsBecomeOperations) {
  GraphBuilder g("net", {1, 2, 4, 4});
  const NodeIndex conv = g.conv("conv", g.input(), {.channels = 2});
  const NodeIndex relu = g.relu("relu", conv);
  const NodeIndex sum = g.clip("six", g.binary(Op::add, "sum", conv, relu), 0.0, 6.0);
  const Graph graph = std::move(g).finish(sum);
  const Weights weights = initialise(graph, 1);
  const Int8Network network = converted(graph, weights);
  ASSERT_EQ(network.operations.size(), 4U);
  EXPECT_EQ(op_of(network, "relu").kind, Int8Op::Kind::average_pool);
  EXPECT_TRUE(op_of(network, "relu").output.is_unsigned);
  EXPECT_EQ(op_of(network, "six").name, "sum");
  EXPECT_LT(output_error(graph, weights, network, random_images(graph, 2, 1)[0]), 0.05);
}

TEST(ToInt8, LinearLayersReadWholeImagesAndSoftmaxIsLeftOut) {
  GraphBuilder g("net", {1, 3, 4, 5});
  NodeIndex x = g.unary(Op::dropout, "drop", g.flatten("flatten", g.input()));
  x = g.linear("fc", x, 7);
  const Graph graph = [&] {
    const NodeIndex softmax = g.softmax("softmax", x, 1);
    return std::move(g).finish(softmax);
  }();
  const Weights weights = initialise(graph, 1);
  const Int8Network network = converted(graph, weights);
  ASSERT_EQ(network.operations.size(), 2U);
  EXPECT_EQ(network.operations[1].window, (std::array<std::int64_t, 2>{4, 5}));
  EXPECT_EQ(total_macs(network), 7 * 60);
  Graph logits = graph;
  logits.output = x;
  EXPECT_LT(output_error(logits, weights, network, random_images(graph, 2, 1)[0]), 0.05);
}

TEST(ToInt8, LayersFusedWithAnAdditionMayHaveNoScaleOthersMust) {
  GraphBuilder g("net", {1, 2, 4, 4});
  const NodeIndex conv = g.conv("conv", g.input(), {.channels = 2});
  const NodeIndex sum = g.relu("relu", g.binary(Op::add, "sum", conv, g.input()));
  const Graph graph = std::move(g).finish(sum);
  const Weights weights = initialise(graph, 1);
  const Int8Network network = to_int8(
      graph, weights, scales({{"input", {0.5F, 128}}, {"relu", {0.5F, 0}}}), {.fuse_add = false});
  EXPECT_EQ(op_of(network, "conv").output.exponent, 0);
  EXPECT_EQ(op_of(network, "relu").output.exponent, -1);
  EXPECT_EQ(op_of(network, "relu").shift_input, 1);
  EXPECT_THROW((void)to_int8(graph, weights, scales({{"relu", {0.5F, 0}}})), Error);
}

/// relu(conv(input) + input) with 1x1 weights of a quarter: all numbers can be worked out by hand.
Graph residual_block(bool clamped, bool read_twice) {
  GraphBuilder g("net", {1, 2, 1, 1});
  NodeIndex conv = g.conv("conv", g.input(), {.channels = 2});
  if (clamped) conv = g.relu("inner", conv);
  NodeIndex sum = g.binary(Op::add, "sum", conv, g.input());
  if (read_twice) sum = g.binary(Op::add, "again", sum, conv);
  const NodeIndex relu = g.relu("relu", sum);
  return std::move(g).finish(relu);
}

TEST(ToInt8, SumsJoinTheAccumulatorsOfA1x1ConvolutionWithoutARoundingBetween) {
  const Graph graph = residual_block(false, false);
  Weights weights = initialise(graph, 1);
  Tensor& weight = weights.at(weight_key(graph.nodes[1], "weight"));
  weight.values = {0.25F, 0.0F, 0.0F, 0.25F};
  const Int8Network network =
      to_int8(graph, weights, scales({{"input", {1.0F, 128}}, {"relu", {1.0F, 0}}}));
  ASSERT_EQ(network.operations.size(), 2U);
  const Int8Op& conv = network.operations[1];
  EXPECT_EQ(conv.result, "relu");
  EXPECT_EQ(conv.inputs, (std::vector<std::size_t>{0, 0}));
  // Weights of 2^-8 * 64: the sums have the exponent -8, the second input 0.
  EXPECT_EQ(conv.weights, (std::vector<std::int8_t>{64, 0, 0, 64}));
  EXPECT_EQ(conv.second_shift, (std::vector<std::uint8_t>{8, 8}));
  const auto results = interpret(network, std::vector<std::uint8_t>{10, 251});
  // 10 * 1.25 = 12.5, rounded once, to even; -5 * 1.25 is clamped.
  EXPECT_EQ(results[1], (std::vector<std::uint8_t>{12, 0}));
}

TEST(ToInt8, SumsOfClampedOrSharedConvolutionsStayOperations) {
  for (const Graph& graph : {residual_block(true, false), residual_block(false, true)}) {
    const Int8Network network = converted(graph, initialise(graph, 1));
    const auto sums = std::count_if(network.operations.begin(), network.operations.end(),
                                    [](const Int8Op& op) { return op.kind == Int8Op::Kind::add; });
    EXPECT_GE(sums, 1);
  }
}

TEST(ToInt8, FoldedBatchNormsGiveTheirScaleAndName) {
  GraphBuilder g("net", {1, 2, 4, 4});
  const NodeIndex x = g.batch_norm("bn", g.conv("conv", g.input(), {.channels = 2}));
  const Graph graph = std::move(g).finish(x);
  const Int8Network network =
      to_int8(graph, initialise(graph, 1),
              scales({{"input", {1, 128}}, {"conv", {0.25F, 0}}, {"bn", {1, 128}}}));
  EXPECT_EQ(network.operations[1].result, "bn");
  EXPECT_EQ(network.operations[1].output.exponent, 0);
}

}  // namespace
}  // namespace wbs::networks
