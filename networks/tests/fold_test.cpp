#include "networks/fold.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "networks/graph_builder.hpp"
#include "networks/initialise.hpp"
#include "networks/interpreter.hpp"
#include "networks/shape_inference.hpp"
#include "networks/text_form.hpp"
#include "networks/zoo.hpp"

namespace wbs::networks {
namespace {

/// Seeded weights whose batch norms and biases are not the identity.
Weights lively_weights(const Graph& graph) {
  Weights weights = initialise(graph, 11);
  Rng rng(12);
  for (const Node& node : graph.nodes) {
    for (const auto& [role, shape] : node.weight_shapes) {
      if (role == "weight") continue;
      const double centre = role == "scale" || role == "variance" ? 1.0 : 0.0;
      for (float& value : weights.at(weight_key(node, role)).values) {
        value = static_cast<float>(centre + 0.5 * (rng.uniform() - 0.5));
      }
    }
  }
  return weights;
}

Tensor image(const Shape& shape) {
  Tensor tensor(shape);
  Rng rng(13);
  rng.fill_normal(tensor.values, 0.0F, 1.0F);
  return tensor;
}

std::int64_t count(const Graph& graph, Op op) {
  return std::count_if(graph.nodes.begin(), graph.nodes.end(),
                       [op](const Node& node) { return node.op == op; });
}

void expect_same_function(const Graph& before, const Weights& weights_before, const Graph& after,
                          const Weights& weights_after) {
  const Tensor x = image(before.nodes[0].output_shape);
  const Tensor y = interpret(before, weights_before, x);
  const Tensor z = interpret(after, weights_after, x);
  ASSERT_EQ(y.shape, z.shape);
  float largest = 1.0F;
  for (const float value : y.values) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    ASSERT_NEAR(y.values[i], z.values[i], 1e-4F * largest) << i;
  }
}

TEST(FoldBatchNorms, KeepsTheFunctionOfTheZoo) {
  for (const char* name : {"resnet20", "resnet9", "mobilenet_v2", "vgg16_bn"}) {
    const Graph before = build_network(name, {.input = std::array<std::int64_t, 3>{3, 32, 32}});
    const Weights weights_before = lively_weights(before);
    Graph after = before;
    Weights weights_after = weights_before;
    fold_batch_norms(after, weights_after);
    EXPECT_EQ(count(after, Op::batch_norm), 0) << name;
    EXPECT_EQ(after.nodes.size() + static_cast<std::size_t>(count(before, Op::batch_norm)),
              before.nodes.size());
    EXPECT_NO_THROW(infer_shapes(after));
    EXPECT_FALSE(weights_after.contains("bn1/mean"));
    EXPECT_EQ(print_graph(after), print_graph(fold_batch_norms(before))) << "structure alone";
    expect_same_function(before, weights_before, after, weights_after);
  }
}

TEST(FoldBatchNorms, FoldsByHandComputedValues) {
  GraphBuilder g("one", {1, 1, 1, 1});
  const NodeIndex conv = g.conv("conv", g.input(), {.channels = 1, .bias = true});
  Graph graph = std::move(g).finish(g.batch_norm("bn", conv, 0.0));
  Weights weights;
  weights["conv/weight"] = Tensor({1, 1, 1, 1}, 3.0F);
  weights["conv/bias"] = Tensor({1}, 5.0F);
  weights["bn/scale"] = Tensor({1}, 4.0F);
  weights["bn/bias"] = Tensor({1}, 100.0F);
  weights["bn/mean"] = Tensor({1}, 1.0F);
  weights["bn/variance"] = Tensor({1}, 4.0F);
  fold_batch_norms(graph, weights);
  EXPECT_EQ(weights.at("conv/weight").values[0], 6.0F);
  EXPECT_EQ(weights.at("conv/bias").values[0], 108.0F);  // (5 - 1) 2 + 100
  EXPECT_EQ(weights.size(), 2U);
  EXPECT_EQ(graph.nodes[graph.output].name, "conv");
}

TEST(FoldBatchNorms, LinearLayersAndChainsFoldToo) {
  GraphBuilder g("chain", {2, 6});
  NodeIndex x = g.linear("fc", g.input(), 4, false);
  x = g.batch_norm("first", x);
  x = g.batch_norm("second", x);
  const Graph before = std::move(g).finish(g.relu("relu", x));
  const Weights weights_before = lively_weights(before);
  Graph after = before;
  Weights weights_after = weights_before;
  fold_batch_norms(after, weights_after);
  EXPECT_EQ(after.nodes.size(), 3U);
  expect_same_function(before, weights_before, after, weights_after);
}

TEST(FoldBatchNorms, LeavesWhatOthersReadAndWhatIsNoLayer) {
  GraphBuilder g("stays", {1, 2, 4, 4});
  const NodeIndex first = g.batch_norm("alone", g.input());
  const NodeIndex conv = g.conv("shared", first, {.channels = 2});
  const NodeIndex norm = g.batch_norm("norm", conv);
  NodeIndex x = g.binary(Op::add, "sum", norm, conv);
  x = g.linear("rows", x, 2);  // 4-d: its features are not axis 1
  x = g.batch_norm("other_axis", x);
  const Graph before = std::move(g).finish(x);
  EXPECT_EQ(print_graph(fold_batch_norms(before)), print_graph(before));
}

TEST(FoldBatchNorms, MissingWeightsChangeNothing) {
  Graph graph = build_network("resnet20");
  Weights weights = initialise(graph, 1);
  weights.erase("layer3.2.bn2/mean");
  const std::string text = print_graph(graph);
  const std::size_t tensors = weights.size();
  EXPECT_THROW(fold_batch_norms(graph, weights), Error);
  EXPECT_EQ(print_graph(graph), text);
  EXPECT_EQ(weights.size(), tensors);
}

TEST(FoldBatchNorms, TensorsThatNoNodeUsesAreNotTakenForABias) {
  GraphBuilder g("stale", {1, 1, 1, 1});
  const NodeIndex conv = g.conv("conv", g.input(), {.channels = 2});
  Graph graph = std::move(g).finish(g.batch_norm("bn", conv));
  Weights weights = initialise(graph, 1);
  weights["conv/bias"] = Tensor({1}, 7.0F);
  fold_batch_norms(graph, weights);
  EXPECT_THAT(weights.at("conv/bias").values, testing::ElementsAre(0.0F, 0.0F));
}

TEST(RemoveIdentities, ReadersReadWhatTheIdentityRead) {
  GraphBuilder g("identities", {1, 3});
  NodeIndex x = g.unary(Op::identity, "a", g.input());
  x = g.unary(Op::dropout, "b", x);
  x = g.binary(Op::add, "sum", x, g.relu("relu", x));
  const Graph graph = remove_identities(std::move(g).finish(g.unary(Op::identity, "c", x)));
  ASSERT_EQ(graph.nodes.size(), 3U);
  EXPECT_EQ(graph.nodes[graph.output].name, "sum");
  EXPECT_THAT(graph.nodes[2].inputs, testing::ElementsAre(0U, 1U));
  EXPECT_THAT(interpret(graph, {}, Tensor({1, 3}, {-1, 0, 2})).values,
              testing::ElementsAre(-1, 0, 4));
}

TEST(RemoveIdentities, NothingMayBeLeftButTheInput) {
  GraphBuilder g("nothing", {1, 3});
  const Graph graph = remove_identities(std::move(g).finish(g.unary(Op::dropout, "a", g.input())));
  EXPECT_EQ(graph.nodes.size(), 1U);
  EXPECT_EQ(graph.output, 0U);
}

}  // namespace
}  // namespace wbs::networks
