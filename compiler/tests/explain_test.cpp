#include "compiler/explain.hpp"

#include <gtest/gtest.h>

#include "core/error.hpp"

namespace wbs::compiler {
namespace {

TiledNetwork three_layers() {
  TiledNetwork network;
  network.array = {2, 2};
  for (const char* name : {"a", "b", "fc"}) {
    aie::TiledLayer layer;
    layer.name = name;
    network.layers.push_back(layer);
    network.notes.push_back(0);
  }
  network.layers[2].kind = aie::LayerKind::fully_connected;
  network.notes[1] = kCinWeightPieces | kUnevenWidth;
  return network;
}

/// Layers of so many iterations and milliseconds; the last is fully connected.
aie::NetworkEstimate estimate_of(const std::vector<std::pair<std::int64_t, double>>& layers) {
  aie::NetworkEstimate estimate;
  for (const auto& [iterations, milliseconds] : layers) {
    aie::LayerEstimate layer;
    layer.iterations = iterations;
    layer.total_ns = milliseconds * 1e6;
    estimate.layers.push_back(layer);
    estimate.total_ns += layer.total_ns;
  }
  estimate.published_scope_ns = estimate.total_ns - estimate.layers.back().total_ns;
  return estimate;
}

TEST(Explain, SharesLeaveFullyConnectedLayersOut) {
  const aie::NetworkEstimate times = estimate_of({{4, 1.0}, {8, 3.0}, {1, 7.0}});
  const TiledNetwork network = three_layers();
  const std::vector<ExplainRow> rows = explain(network, times);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_DOUBLE_EQ(rows[1].share, 0.75);
  EXPECT_EQ(rows[1].splits, "uneven width; cin pieces");
  EXPECT_EQ(rows[1].iterations, 8);
  EXPECT_DOUBLE_EQ(rows[2].share, 0.0);
  EXPECT_DOUBLE_EQ(rows[2].milliseconds, 7.0);
}

TEST(Explain, EverySplitGetsItsShareOfTheTime) {
  const aie::NetworkEstimate times = estimate_of({{4, 1.0}, {8, 3.0}, {1, 7.0}});
  const std::vector<SplitShare> shares = split_shares(three_layers(), times);
  ASSERT_EQ(shares.size(), 3U);
  EXPECT_EQ(shares[0].split, "uneven width");
  EXPECT_DOUBLE_EQ(shares[0].share, 0.75);
  EXPECT_EQ(shares[2].split, "none");
  EXPECT_EQ(shares[2].layers, 1);
}

TEST(Explain, ContrastListsTheLargestDifferenceFirst) {
  const aie::NetworkEstimate ours = estimate_of({{4, 1.0}, {8, 3.0}, {1, 1.0}});
  const aie::NetworkEstimate theirs = estimate_of({{4, 2.0}, {8, 6.0}, {1, 9.0}});
  const std::vector<ContrastRow> rows = contrast(three_layers(), ours, three_layers(), theirs);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].layer, "b");
  EXPECT_DOUBLE_EQ(rows[0].difference, -3.0);
}

TEST(Explain, ContrastRefusesDifferentNetworks) {
  const aie::NetworkEstimate times = estimate_of({{1, 1.0}, {1, 1.0}, {1, 1.0}});
  TiledNetwork other = three_layers();
  other.layers[0].name.push_back('x');
  EXPECT_THROW((void)contrast(three_layers(), times, other, times), Error);
}

}  // namespace
}  // namespace wbs::compiler
