#include "networks/shape_inference.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "networks/cost.hpp"
#include "networks/graph_builder.hpp"
#include "networks/zoo.hpp"

namespace wbs::networks {
namespace {

TEST(WindowCount, IsPyTorchs) {
  // extent, kernel, stride, dilation, before, after, ceil
  EXPECT_EQ(window_count(224, 7, 2, 1, 3, 3, false), 112);
  EXPECT_EQ(window_count(112, 3, 2, 1, 1, 1, false), 56);
  EXPECT_EQ(window_count(55, 3, 2, 1, 0, 0, true), 27);
  EXPECT_EQ(window_count(6, 3, 2, 1, 0, 0, false), 2);
  EXPECT_EQ(window_count(6, 3, 2, 1, 0, 0, true), 3);
  EXPECT_EQ(window_count(5, 2, 3, 1, 1, 1, true), 2);  // a third would start in the padding
  EXPECT_EQ(window_count(7, 3, 1, 2, 0, 0, false), 3);
  EXPECT_EQ(window_count(2, 3, 1, 1, 0, 0, false), 0);
}

TEST(BroadcastShapes, IsNumpys) {
  EXPECT_EQ(broadcast_shapes({3, 1}, {2, 1, 4}), (Shape{2, 3, 4}));
  EXPECT_EQ(broadcast_shapes({}, {2}), (Shape{2}));
  EXPECT_EQ(broadcast_shapes({2}, {3}), std::nullopt);
}

TEST(InferShapes, AnotherInputGivesTheSameNetworkForIt) {
  Graph graph = build_network("resnet50");
  infer_shapes(graph, {4, 3, 256, 192});
  EXPECT_EQ(graph.nodes[*find_node(graph, "layer4.2.relu3")].output_shape, (Shape{4, 2048, 8, 6}));
  EXPECT_EQ(graph.nodes[graph.output].output_shape, (Shape{4, 1000}));
  EXPECT_THROW(infer_shapes(graph, {1, 4, 224, 224}), Error);
}

/// The message when one node of `op` with `attributes` reads an input of `shape`.
std::string message_of(Op op, const Shape& shape, const Attributes& attributes,
                       std::map<std::string, Shape> weights = {}) {
  Graph graph{.name = "bad", .nodes = {}, .output = 1};
  Node input;
  input.name = "input";
  input.op = Op::input;
  input.attributes.shape = shape;
  Node node;
  node.name = "culprit";
  node.op = op;
  node.inputs = {0};
  node.attributes = attributes;
  node.weight_shapes = std::move(weights);
  graph.nodes = {input, node};
  try {
    infer_shapes(graph);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input);
    return error.what();
  }
  return "no error";
}

TEST(InferShapes, ErrorsNameNetworkOperatorAndNode) {
  const Shape image{1, 3, 8, 8};
  const auto names = testing::HasSubstr("network 'bad': ");
  Attributes a;
  a.kernel = {3, 3};
  EXPECT_THAT(message_of(Op::conv, image, a),
              testing::HasSubstr("network 'bad': conv 'culprit': has no weight 'weight'"));
  EXPECT_THAT(message_of(Op::conv, image, a, {{"weight", {8, 3, 5, 5}}}),
              testing::HasSubstr("weight 'weight' is 8x3x5x5, expected 8x3x3x3"));
  EXPECT_THAT(message_of(Op::conv, {1, 3, 2, 8}, a, {{"weight", {8, 3, 3, 3}}}),
              testing::HasSubstr("does not fit"));
  a.groups = 2;
  EXPECT_THAT(message_of(Op::conv, image, a, {{"weight", {8, 3, 3, 3}}}),
              testing::HasSubstr("2 groups do not divide 3 input and 8 output channels"));
  EXPECT_THAT(message_of(Op::max_pool, {3, 8}, {}), testing::HasSubstr("[n][c][h][w]"));
  EXPECT_THAT(message_of(Op::add, image, {}), testing::HasSubstr("has 1 inputs, expected 2"));
  EXPECT_THAT(message_of(Op::relu, {1, 0}, {}), names);
  EXPECT_THAT(message_of(Op::relu, image, {}, {{"weight", {1}}}), testing::HasSubstr("weight"));
}

TEST(InferShapes, AttributesOutsideTheirRangeAreErrors) {
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kLow = std::numeric_limits<std::int64_t>::min();
  const Shape image{1, 3, 8, 8};
  for (const std::int64_t value : {kHuge, kLow, std::int64_t{-1}}) {
    Attributes a;
    a.axis = value;
    for (const Op op : {Op::softmax, Op::flatten, Op::concat, Op::slice}) {
      EXPECT_NE(message_of(op, image, a), "no error") << value;
    }
    a = {};
    a.axes = {value};
    EXPECT_NE(message_of(Op::reduce_mean, image, a), "no error");
    a = {};
    a.permutation = {0, 1, 2, value};
    EXPECT_NE(message_of(Op::transpose, image, a), "no error");
    a = {};
    a.pads.assign(8, value);
    EXPECT_NE(message_of(Op::pad, image, a), "no error");
    a = {};
    a.stride = {value, 1};
    EXPECT_NE(message_of(Op::max_pool, image, a), "no error");
    a = {};
    a.padding.right = value;
    EXPECT_NE(message_of(Op::avg_pool, image, a), "no error");
    a = {};
    a.shape = {value, value == -1 ? -1 : 2};
    EXPECT_NE(message_of(Op::reshape, image, a), "no error");
    a = {};
    a.axis = 2;
    a.begin = value;
    a.end = 4;
    EXPECT_NE(message_of(Op::slice, image, a), "no error");
    EXPECT_NE(message_of(Op::relu, {1, value}, {}), "no error");
  }
}

TEST(CheckStructure, RefusesWhatIsNoGraph) {
  const Graph sound = build_network("mlp");
  const auto broken = [&](auto change) {
    Graph graph = sound;
    change(graph);
    EXPECT_THROW(infer_shapes(graph), Error);
  };
  broken([](Graph& g) { g.nodes.clear(); });
  broken([](Graph& g) { g.output = 999; });
  broken([](Graph& g) { g.nodes[2].inputs = {2}; });
  broken([](Graph& g) { g.nodes[2].inputs = {std::size_t{1} << 60}; });
  broken([](Graph& g) { g.nodes[2].name = g.nodes[1].name; });
  broken([](Graph& g) { g.nodes[2].name.clear(); });
  broken([](Graph& g) { g.nodes[2].op = Op::input; });
  broken([](Graph& g) { g.nodes[0].op = Op::constant; });
  broken([](Graph& g) { g.nodes[2].op = static_cast<Op>(77); });
}

/// A value that is often extreme.
std::int64_t odd_value(Rng& rng) {
  constexpr std::array<std::int64_t, 10> kValues{0,
                                                 1,
                                                 2,
                                                 3,
                                                 -1,
                                                 7,
                                                 std::int64_t{1} << 31,
                                                 std::int64_t{1} << 62,
                                                 std::numeric_limits<std::int64_t>::max(),
                                                 std::numeric_limits<std::int64_t>::min()};
  return kValues[rng.below(kValues.size())];
}

void damage(Node& node, Rng& rng) {
  Attributes& a = node.attributes;
  const std::int64_t value = odd_value(rng);
  const std::size_t axis = rng.below(2);
  switch (rng.below(16)) {
    case 0:
      a.kernel[axis] = value;
      break;
    case 1:
      a.stride[axis] = value;
      break;
    case 2:
      a.dilation[axis] = value;
      break;
    case 3:
      a.padding.top = value;
      break;
    case 4:
      a.padding.right = value;
      break;
    case 5:
      a.groups = value;
      break;
    case 6:
      a.axis = value;
      break;
    case 7:
      a.axes = {value, 1};
      break;
    case 8:
      a.shape = {value, odd_value(rng), -1};
      break;
    case 9:
      a.permutation = {value, 0};
      break;
    case 10:
      a.pads.assign(static_cast<std::size_t>(rng.below(10)), value);
      break;
    case 11:
      a.begin = value;
      break;
    case 12:
      a.step = value;
      break;
    case 13:
      node.op = static_cast<Op>(rng.below(33));
      break;
    case 14:
      node.inputs.assign(rng.below(4), static_cast<NodeIndex>(rng.below(40)));
      break;
    default:
      for (auto& [role, shape] : node.weight_shapes) {
        if (!shape.empty() && axis == 0) shape[rng.below(shape.size())] = value;
        if (axis == 1) shape.resize(rng.below(6), value);
      }
  }
}

TEST(InferShapes, DamagedGraphsAreInferredOrRefusedButNeverCrash) {
  std::int64_t refused = 0;
  for (const char* name : {"resnet20", "vit_tiny", "squeezenet1_1", "vgg16_bn"}) {
    const Graph sound = build_network(name);
    Rng rng(17, stream_of(name, 4));
    for (int trial = 0; trial < 400; ++trial) {
      Graph graph = sound;
      for (std::uint64_t change = rng.below(3) + 1; change > 0; --change) {
        damage(graph.nodes[rng.below(graph.nodes.size())], rng);
      }
      try {
        infer_shapes(graph);
        static_cast<void>(cost_of(graph));
      } catch (const Error&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 400);
  EXPECT_LT(refused, 1600);
}

TEST(Cost, CountsByHand) {
  GraphBuilder g("costs", {2, 4, 5, 5});
  NodeIndex x =
      g.conv("conv", g.input(), {.channels = 8, .kernel = {3, 3}, .groups = 2, .bias = true});
  x = g.batch_norm("bn", x);
  x = g.flatten("flatten", x);
  const Graph graph = std::move(g).finish(g.linear("fc", x, 3));
  const Cost cost = cost_of(graph, {.weight_bytes = 1, .activation_bytes = 2});
  const NodeCost& conv = cost.nodes[*find_node(graph, "conv")];
  EXPECT_EQ(conv.macs, 2 * 8 * 3 * 3 * 2 * 9);
  EXPECT_EQ(conv.parameters, 8 * 2 * 9 + 8);
  EXPECT_EQ(conv.input_bytes, 2 * 2 * 4 * 25);
  EXPECT_EQ(conv.output_bytes, 2 * 2 * 8 * 9);
  const NodeCost& norm = cost.nodes[*find_node(graph, "bn")];
  EXPECT_EQ(norm.parameters, 16);
  EXPECT_EQ(norm.weight_bytes, 32);
  EXPECT_EQ(cost.nodes[*find_node(graph, "fc")].macs, 2 * 72 * 3);
  EXPECT_EQ(cost.total.macs, conv.macs + 2 * 72 * 3);
}

}  // namespace
}  // namespace wbs::networks
