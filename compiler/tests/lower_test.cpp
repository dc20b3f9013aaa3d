#include "compiler/lower.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "core/error.hpp"
#include "networks/graph_builder.hpp"

namespace wbs::compiler {
namespace {

using aie::LayerKind;
using networks::GraphBuilder;
using networks::NodeIndex;
using networks::Op;

std::vector<std::string> names(const LayerList& list) {
  std::vector<std::string> result;
  for (const Layer& layer : list.layers) result.push_back(layer.name);
  return result;
}

const Layer& layer(const LayerList& list, const std::string& name) {
  for (const Layer& candidate : list.layers)
    if (candidate.name == name) return candidate;
  throw std::out_of_range(name);
}

/// conv, batch norm, ReLU; a residual block with a shortcut convolution; global pool; classifier.
networks::Graph residual() {
  GraphBuilder g("residual", {1, 3, 32, 32});
  NodeIndex x = g.conv("stem", g.input(),
                       {.channels = 16, .kernel = {3, 3}, .padding = networks::same_padding(1)});
  x = g.relu("relu", g.batch_norm("bn", x));
  NodeIndex path = g.conv(
      "conv1", x,
      {.channels = 32, .kernel = {3, 3}, .stride = {2, 2}, .padding = networks::same_padding(1)});
  path = g.conv("conv2", g.relu("relu1", path),
                {.channels = 32, .kernel = {3, 3}, .padding = networks::same_padding(1)});
  const NodeIndex shortcut = g.conv("shortcut", x, {.channels = 32, .stride = {2, 2}});
  x = g.relu("relu2", g.binary(Op::add, "sum", path, shortcut));
  x = g.unary(Op::global_avg_pool, "pool", x);
  g.linear("fc", g.flatten("flat", x), 10);
  return g.graph();
}

TEST(Lower, ActivationsAndNormalisationAreFused) {
  EXPECT_THAT(names(lower(residual(), {})),
              testing::ElementsAre("stem", "shortcut", "conv1", "conv2", "sum", "pool", "fc"));
}

TEST(Lower, ShapesAndProducersFollowTheGraph) {
  const LayerList list = lower(residual(), {});
  const Layer& conv1 = layer(list, "conv1");
  EXPECT_EQ(conv1.input, (aie::Extent{32, 32, 16}));
  EXPECT_EQ(conv1.output, (aie::Extent{16, 16, 32}));
  EXPECT_EQ(conv1.window, (aie::Window{3, 3, 2, 2, 1, 1}));
  EXPECT_THAT(conv1.producers, testing::ElementsAre(0));
  EXPECT_THAT(layer(list, "stem").producers, testing::ElementsAre(-1));
  EXPECT_THAT(layer(list, "sum").producers, testing::ElementsAre(3, 1));
  EXPECT_EQ(layer(list, "fc").kind, LayerKind::fully_connected);
  EXPECT_EQ(layer(list, "fc").input, (aie::Extent{1, 1, 32}));
}

TEST(Lower, FirstConvolutionAndClassifierStayDense) {
  Densities densities;
  densities.convolutions = {0.5, 0.5};
  densities.by_layer["conv2"] = {0.25, 0.3};
  densities.by_layer["stem"] = {0.1, 0.1};
  const LayerList list = lower(residual(), densities);
  EXPECT_EQ(layer(list, "stem").density, (LayerDensity{1.0, 1.0}));
  EXPECT_EQ(layer(list, "conv1").density, (LayerDensity{0.5, 0.5}));
  EXPECT_EQ(layer(list, "conv2").density, (LayerDensity{0.25, 0.3}));
  EXPECT_EQ(layer(list, "fc").density, (LayerDensity{1.0, 1.0}));
}

TEST(Lower, ConcatPartsKnowItsChannels) {
  GraphBuilder g("branches", {1, 8, 9, 9});
  const NodeIndex a = g.conv("a", g.input(), {.channels = 8});
  const NodeIndex b = g.conv("b", a, {.channels = 24});
  const NodeIndex c = g.conv("c", a, {.channels = 40});
  g.concat("both", {b, c});
  const LayerList list = lower(g.graph(), {});
  EXPECT_EQ(layer(list, "b").concat_channels, 64);
  EXPECT_EQ(layer(list, "c").concat_channels, 64);
  EXPECT_EQ(layer(list, "a").concat_channels, 0);
  EXPECT_EQ(layer(list, "both").kind, LayerKind::concat);
}

TEST(Lower, AveragePoolOverTheWholeImageIsGlobal) {
  GraphBuilder g("pooled", {1, 8, 7, 7});
  g.avg_pool("pool", g.input(), {.kernel = {7, 7}});
  EXPECT_EQ(lower(g.graph(), {}).layers.front().kind, LayerKind::global_avg_pool);
}

TEST(Lower, DilatedConvolutionIsRefusedByName) {
  GraphBuilder g("dilated", {1, 8, 16, 16});
  g.conv("wide", g.input(), {.channels = 8, .kernel = {3, 3}, .dilation = {2, 2}});
  try {
    (void)lower(g.graph(), {});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    EXPECT_STREQ(error.what(), "node 'wide': the AIE2 tiler has no dilated convolution");
  }
}

}  // namespace
}  // namespace wbs::compiler
