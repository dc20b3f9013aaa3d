#include "compiler/tiler.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "aie_model/estimator.hpp"
#include "compiler/coverage.hpp"
#include "compiler/explain.hpp"
#include "core/error.hpp"
#include "networks/zoo.hpp"

namespace wbs::compiler {
namespace {

using aie::LayerKind;
using aie::Model;

bool has_weights(const aie::TiledLayer& layer) {
  return layer.kind == LayerKind::conv || layer.kind == LayerKind::fully_connected;
}

CompileOptions options_for(bool sparse, CinSplit split = CinSplit::even_shares) {
  CompileOptions options;
  if (sparse) {
    options.densities.convolutions = {0.5, 0.5};
    options.weights = "block:8x8@0.5";
  }
  options.cin_split = split;
  return options;
}

TiledNetwork compiled(std::string_view network, std::int64_t side, bool sparse,
                      CinSplit split = CinSplit::even_shares) {
  return compile(networks::build_network(network), aie::aie2_array(side, side),
                 options_for(sparse, split));
}

double milliseconds(const TiledNetwork& network, Model model) {
  const aie::Device device = aie::aie2_array(network.array.columns, network.array.rows);
  return aie::estimate_network(network.layers, device, model).published_scope_ns * 1e-6;
}

struct PublishedTotal {
  std::int64_t side;
  const char* network;
  bool sparse;
  double milliseconds;
};

// The authors' table of execution times (published/wbs_table2.csv), the arrays with logged runs.
constexpr std::array<PublishedTotal, 18> kPublished{{
    {2, "resnet50", false, 24.92347},
    {2, "resnet50", true, 15.82626},
    {2, "inception_v3", false, 42.83837},
    {2, "inception_v3", true, 24.40544},
    {2, "vgg16", false, 44.76212},
    {2, "vgg16", true, 26.08593},
    {4, "resnet50", false, 10.77318},
    {4, "resnet50", true, 7.064918},
    {4, "inception_v3", false, 17.40967},
    {4, "inception_v3", true, 10.12540},
    {4, "vgg16", false, 13.71000},
    {4, "vgg16", true, 8.852128},
    {8, "resnet50", false, 6.376768},
    {8, "resnet50", true, 4.602027},
    {8, "inception_v3", false, 9.093276},
    {8, "inception_v3", true, 5.666152},
    {8, "vgg16", false, 9.203393},
    {8, "vgg16", true, 6.502333},
}};

TEST(Tiler, PublishedTotalsOfTheLoggedArraysAreMatchedWithinFivePercent) {
  for (const PublishedTotal& cell : kPublished) {
    const double ours =
        milliseconds(compiled(cell.network, cell.side, cell.sparse), Model::published);
    EXPECT_NEAR(ours / cell.milliseconds, 1.0, 0.05)
        << cell.network << " " << cell.side << "x" << cell.side << (cell.sparse ? " sparse" : "");
  }
}

TEST(Tiler, EveryArrayAndNetworkOfTheTableHasANumber) {
  for (const char* network : {"resnet50", "inception_v3", "vgg16"}) {
    for (std::int64_t side = 2; side <= 8; ++side) {
      const double dense = milliseconds(compiled(network, side, false), Model::corrected);
      const double sparse = milliseconds(compiled(network, side, true), Model::corrected);
      EXPECT_TRUE(std::isfinite(dense));
      EXPECT_GT(sparse, 0.0);
      EXPECT_LT(sparse, dense) << network << " " << side;
    }
  }
}

void expect_covered(const TiledNetwork& network, const LayerList& list) {
  ASSERT_EQ(network.layers.size(), list.layers.size());
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const aie::TiledLayer& layer = network.layers[i];
    if (!has_weights(layer)) continue;
    SCOPED_TRACE(network.network + " " + layer.name);
    const Coverage pieces = coverage(layer, network.array);
    EXPECT_EQ(covered_macs(pieces, layer.window), dense_macs(list.layers[i]));
    EXPECT_EQ(network.notes[i] & kOverWeightLimit, 0U);
    EXPECT_EQ(network.notes[i] & kOverOutputLimit, 0U);
    EXPECT_LE(unified_bytes(layer.core_weight, layer.density), 16384);
  }
}

TEST(Tiler, EveryZooNetworkCompilesForEvenOddAndOblongArrays) {
  for (const networks::NetworkInfo& info : networks::networks()) {
    const networks::Graph graph = networks::build_network(info.name);
    const CompileOptions options = options_for(true);
    const LayerList list = lower(graph, options.densities);
    for (const ArrayShape array : {ArrayShape{1, 1}, ArrayShape{3, 3}, ArrayShape{4, 4},
                                   ArrayShape{5, 7}, ArrayShape{8, 4}, ArrayShape{16, 16}}) {
      const aie::Device device = aie::aie2_array(array.columns, array.rows);
      const TiledNetwork network = tile(list, device, options);
      expect_covered(network, list);
      for (const Model model : {Model::published, Model::corrected}) {
        const aie::NetworkEstimate estimate = aie::estimate_network(network.layers, device, model);
        EXPECT_TRUE(std::isfinite(estimate.total_ns)) << info.name;
        EXPECT_GT(estimate.total_ns, 0.0) << info.name;
      }
    }
  }
}

TEST(Tiler, StoredTilingGivesTheSameEstimate) {
  const TiledNetwork network = compiled("resnet50", 4, true);
  const TiledNetwork read = from_json(to_json(network));
  EXPECT_EQ(to_json(read), to_json(network));
  EXPECT_EQ(milliseconds(read, Model::published), milliseconds(network, Model::published));
  EXPECT_EQ(milliseconds(read, Model::corrected), milliseconds(network, Model::corrected));
}

TEST(Tiler, InputChannelSplitsOfUnevenSharesMakeOddArraysLookFast) {
  const TiledNetwork ours = compiled("vgg16", 5, true);
  const TiledNetwork authors = compiled("vgg16", 5, true, CinSplit::authors);
  const aie::Device device = aie::aie2_array(5, 5);
  const aie::NetworkEstimate our_time =
      aie::estimate_network(ours.layers, device, Model::published);
  const aie::NetworkEstimate their_time =
      aie::estimate_network(authors.layers, device, Model::published);
  EXPECT_LT(their_time.published_scope_ns, our_time.published_scope_ns);
  const std::vector<ContrastRow> rows = contrast(ours, our_time, authors, their_time);
  ASSERT_FALSE(rows.empty());
  EXPECT_NE(rows.front().other_splits.find("cin pieces"), std::string::npos);
  EXPECT_GT(rows.front().difference, 0.0);
}

TEST(Tiler, EvenSharesAreTiledAsTheAuthorsDo) {
  EXPECT_EQ(to_json(compiled("resnet50", 4, true)),
            to_json(compiled("resnet50", 4, true, CinSplit::authors)));
}

TEST(Tiler, UntiledLayersHaveShapesAndNoPieces) {
  const LayerList list = lower(networks::build_network("resnet50"), {});
  const std::vector<aie::TiledLayer> layers = untiled(list);
  ASSERT_EQ(layers.size(), list.layers.size());
  EXPECT_EQ(layers.front().name, list.layers.front().name);
  EXPECT_EQ(layers.front().output, list.layers.front().output);
  EXPECT_EQ(layers.front().core_weight, aie::WeightBlock{});
}

TEST(Tiler, InvalidDeviceIsRefused) {
  aie::Device device = aie::aie2_array(4, 4);
  device.core.weights = -1;
  EXPECT_THROW((void)tile({}, device, {}), Error);
}

}  // namespace
}  // namespace wbs::compiler
