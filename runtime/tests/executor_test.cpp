#include "runtime/executor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.hpp"
#include "networks/fold.hpp"
#include "networks/interpreter.hpp"
#include "networks/shape_inference.hpp"
#include "networks/zoo.hpp"
#include "runtime/calibrate.hpp"
#include "runtime/tests/random_network.hpp"
#include "sparsity/prune.hpp"

#ifndef WBS_EVERY_NETWORK
#define WBS_EVERY_NETWORK false  // the large ones take seconds each
#endif

namespace wbs::runtime {
namespace {

using kernels::Element;
using networks::Graph;
using networks::Weights;

void expect_same(const Graph& graph, const Weights& weights, std::int64_t batch, int threads) {
  Shape shape = graph.nodes[0].attributes.shape;
  shape[0] = batch;
  const Tensor image = testing::random_image(shape, 5);
  Executor executor(graph, weights, {}, {.batch = batch, .threads = threads});
  // Folded, a layer's name stands for the result of its batch norm, as in the executor.
  Graph folded = networks::remove_identities(graph);
  Weights folded_weights = weights;
  networks::fold_batch_norms(folded, folded_weights);
  std::map<std::string, Tensor> values;
  const Tensor expected = networks::interpret(
      folded, folded_weights, image,
      [&](const networks::Node& node, const Tensor& y) { values[node.name] = y; });
  Tensor got(executor.output_shape());
  // Every step's result, not just the last: the first wrong one names the culprit.
  executor.run(image.values.data(), got.values.data(), [&](const StepView& step) {
    const Tensor& reference = values.at(step.value.name);
    Tensor here(reference.shape);
    if (step.value.planes) {
      kernels::from_planes(*step.value.planes, step.data, 1.0F, here.values.data());
    } else {
      std::copy_n(static_cast<const float*>(step.data), here.values.size(), here.values.data());
    }
    const float bound = 1e-4F * testing::largest_magnitude(reference);
    ASSERT_LE(testing::largest_difference(here, reference), bound)
        << graph.name << ", " << to_string(step.info.kind) << " " << step.value.name;
  });
  ASSERT_EQ(got.shape, expected.shape);
  const Tensor again = executor.run(image);
  ASSERT_EQ(again.values, got.values) << "a second run differs";
}

TEST(Executor, AgreesWithTheInterpreterOnRandomGraphs) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const Graph graph = testing::random_graph(seed);
    const Weights weights = testing::lively_weights(graph, seed);
    expect_same(graph, weights, seed % 2 == 0 ? 1 : 3, 1 + static_cast<int>(seed % 3 == 0));
  }
}

TEST(Executor, RunsNetworksOfTheZoo) {
  for (const networks::NetworkInfo& info : networks::networks()) {
    const bool small = info.name == "resnet18" || info.name == "resnet20" || info.name == "mlp" ||
                       info.name == "mobilenet_v2" || info.name == "squeezenet1_1";
    if (!WBS_EVERY_NETWORK && !small) continue;
    SCOPED_TRACE(info.name);
    networks::BuildOptions options;
    const std::int64_t side = info.name == "inception_v3" ? 75 : info.name == "vit_tiny" ? 64 : 32;
    if (info.name != "mlp") options.input = {{info.input[0], side, side}};
    const Graph graph = networks::build_network(info.name, options);
    expect_same(graph, testing::lively_weights(graph, 3), 1, 1);
  }
}

TEST(Executor, TypesOfFewerBitsAreCloseOnRandomGraphs) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    const Graph graph = testing::random_graph(seed);
    const Weights weights = testing::lively_weights(graph, seed);
    Shape shape = graph.nodes[0].attributes.shape;
    shape[0] = 2;
    const Tensor image = testing::random_image(shape, 5);
    const Tensor expected = networks::interpret(graph, weights, image);
    const float largest = testing::largest_magnitude(expected);
    Executor bf16(graph, weights, {}, {.element = Element::bf16, .batch = 2});
    EXPECT_LE(testing::largest_difference(bf16.run(image), expected), 0.06F * largest);
    bool given = false;
    const auto source = [&]() -> const Tensor* {
      return std::exchange(given, true) ? nullptr : &image;
    };
    const auto quantisation =
        calibrate(graph, weights, {}, source, {networks::RangeMethod::maximum, false}, 1);
    Executor int8(graph, weights, {},
                  {.element = Element::u8, .batch = 2, .quantisation = &quantisation});
    EXPECT_LE(testing::largest_difference(int8.run(image), expected), 0.35F * largest);
  }
}

TEST(Executor, MasksChangeNothingButTheWork) {
  const Graph graph = networks::build_network("resnet18", {.input = {{3, 32, 32}}});
  Weights weights = testing::lively_weights(graph, 9);
  Masks masks;
  for (const networks::Node& node : graph.nodes) {
    if (node.op != networks::Op::conv || node.name == "conv1") continue;
    Tensor& weight = weights.at(node.name + "/weight");
    const auto pruned = sparsity::prune(weight, sparsity::BlockPattern{8, 8, 0.5});
    pruned.mask.apply(weight);
    masks.emplace(node.name, pruned.mask);
  }
  ASSERT_FALSE(masks.empty());
  const Tensor image = testing::random_image({1, 3, 32, 32}, 1);
  Executor sparse(graph, weights, masks, {});
  Executor dense(graph, weights, {}, {});
  const Tensor expected = networks::interpret(graph, weights, image);
  EXPECT_LE(testing::largest_difference(sparse.run(image), expected),
            1e-4F * testing::largest_magnitude(expected));
  EXPECT_LT(sparse.memory().weight_bytes, dense.memory().weight_bytes * 6 / 10);
}

TEST(Executor, FusesAResidualBlockIntoItsConvolutions) {
  const Graph graph = networks::build_network("resnet50");
  Executor executor(graph, networks::initialise(graph, 1), {}, {});
  std::map<StepKind, int> kinds;
  for (const StepInfo& step : executor.steps()) ++kinds[step.kind];
  EXPECT_EQ(kinds[StepKind::conv], 54);
  EXPECT_EQ(kinds[StepKind::pool], 1);
  EXPECT_EQ(kinds[StepKind::global_average], 1);
  EXPECT_EQ(kinds[StepKind::convert], 2);
  EXPECT_EQ(kinds.size(), 4U);
}

TEST(Executor, AChooserDecidesPerLayer) {
  const Graph graph = networks::build_network("resnet18", {.input = {{3, 32, 32}}});
  std::vector<std::string> seen;
  ExecutorOptions options;
  options.choose = [&](const LayerView& layer) -> LayerChoice {
    seen.emplace_back(layer.name);
    return {"direct", "reference"};
  };
  Executor executor(graph, networks::initialise(graph, 1), {}, options);
  EXPECT_EQ(seen.size(), 21U);
  for (const StepInfo& step : executor.steps()) {
    EXPECT_EQ(step.implementation, step.kind == StepKind::conv ? "reference" : "");
  }
}

TEST(Executor, RefusesWhatDoesNotFit) {
  const Graph graph = networks::build_network("resnet20");
  const Weights weights = networks::initialise(graph, 1);
  Executor executor(graph, weights, {}, {});
  EXPECT_THROW((void)executor.run(Tensor({1, 3, 16, 16})), Error);
  EXPECT_THROW(Executor(graph, weights, {}, {.element = Element::u8}), Error);
  EXPECT_THROW(Executor(graph, {}, {}, {}), Error);
  Masks masks;
  masks.emplace("nothing", sparsity::Mask({8, 8, 3, 3}, {8, 8}));
  EXPECT_THROW(Executor(graph, weights, masks, {}), Error);
  const networks::Quantisation empty;
  EXPECT_THROW(Executor(graph, weights, {}, {.element = Element::u8, .quantisation = &empty}),
               Error);
}

TEST(Recalibration, FindsTheStatisticsOfUnprunedImages) {
  testing::GraphBuilder g("bn", {2, 3, 8, 8});
  auto x = g.conv("a", 0, {.channels = 8, .kernel = {3, 3}, .padding = networks::same_padding(1)});
  x = g.relu("ra", g.batch_norm("bna", x));
  x = g.conv("b", x, {.channels = 5});
  x = g.batch_norm("bnb", x);
  Graph graph = g.graph();
  graph.output = graph.nodes.size() - 1;
  Weights weights = testing::lively_weights(graph, 2);
  const Tensor images = testing::random_image({16, 3, 8, 8}, 8);
  bool given = false;
  const auto source = [&]() -> const Tensor* {
    given = !given;
    return given ? &images : nullptr;
  };
  // Restated, the network is the same one.
  const Tensor before = networks::interpret(graph, weights, images);
  EXPECT_EQ(restate_batch_norms(graph, weights, {}, source, 1), 2);
  const Tensor after = networks::interpret(graph, weights, images);
  EXPECT_LE(testing::largest_difference(before, after), 1e-5F * testing::largest_magnitude(before));
  EXPECT_EQ(recalibrate_batch_norms(graph, weights, {}, source, 2), 2);
  // With the new statistics the batch norms' results have mean `bias` and deviation |scale|.
  networks::Observer observer = [&](const networks::Node& node, const Tensor& y) {
    if (node.op != networks::Op::batch_norm) return;
    const auto channels = static_cast<std::size_t>(y.shape[1]);
    for (std::size_t c = 0; c < channels; ++c) {
      double sum = 0;
      double squares = 0;
      for (std::size_t n = 0; n < 16; ++n) {
        for (std::size_t p = 0; p < 64; ++p) {
          const double value = y.values[(n * channels + c) * 64 + p];
          sum += value;
          squares += value * value;
        }
      }
      const double mean = sum / 1024;
      const double deviation = std::sqrt(squares / 1024 - mean * mean);
      EXPECT_NEAR(mean, weights.at(node.name + "/bias").values[c], 1e-3);
      EXPECT_NEAR(deviation, std::abs(weights.at(node.name + "/scale").values[c]), 1e-2);
    }
  };
  (void)networks::interpret(graph, weights, images, observer);
}

}  // namespace
}  // namespace wbs::runtime
