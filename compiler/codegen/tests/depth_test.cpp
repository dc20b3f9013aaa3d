// Programs of depth-wise tiled networks: slices and stacks of rows.
#include <gtest/gtest.h>

#include <algorithm>

#include "compiler/codegen/generate.hpp"
#include "compiler/codegen/plan.hpp"
#include "compiler/codegen/tests/run_program.hpp"
#include "core/rng.hpp"
#include "networks/depth_tiles.hpp"
#include "networks/int8_random.hpp"

namespace wbs::compiler {
namespace {

using networks::DepthCut;
using networks::Int8Network;

/// One or two cuts at random places.
std::vector<DepthCut> random_cuts(const Int8Network& network, Rng& rng) {
  std::vector<DepthCut> cuts;
  std::size_t next = 1;
  while (next < network.operations.size()) {
    const std::size_t left = network.operations.size() - next;
    DepthCut cut{next, next + static_cast<std::size_t>(rng.below(left)),
                 2 + static_cast<std::int64_t>(rng.below(3))};
    while (cut.last > cut.first && !why_not_cut(network, cut).empty()) --cut.last;
    if (why_not_cut(network, cut).empty()) cuts.push_back(cut);
    next = cut.last + 1;
  }
  return cuts;
}

class TiledNetworks : public testing::TestWithParam<std::string> {};

TEST_P(TiledNetworks, RunBitForBitLikeTheReference) {
  const aie::Device device = value_or_throw(aie::find_device(GetParam()));
  Rng rng(7, 0);
  for (std::uint64_t seed = 41; seed <= 50; ++seed) {
    const Int8Network network = networks::random_int8_network(seed);
    const Int8Network tiled = tile_by_depth(network, random_cuts(network, rng));
    CodegenOptions options;
    options.keep_in_memtiles = seed % 4 != 0;
    EXPECT_EQ(difference_from_reference(tiled, device, options, seed), "") << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Arrays, TiledNetworks,
                         testing::Values("aie2:1x1", "aie2:2x2", "aie2:4x4", "aie2:5x3",
                                         "aie2:3x6"));

TEST(TiledNetworks, TensorsInsideOfTilesStayInTheMemtiles) {
  const aie::Device device = value_or_throw(aie::find_device("aie2:2x2"));
  networks::RandomOptions random;
  random.least_pixels = random.most_pixels = 24;
  random.pools = random.depthwise = random.branches = random.classifier = false;
  random.least_layers = random.most_layers = 4;
  const Int8Network network = networks::random_int8_network(3, random);
  const std::vector<DepthCut> cuts{{2, 3, 3}};
  const NetworkPlan plan = plan_network(tile_by_depth(network, cuts), device, {});
  for (std::size_t i = 0; i < plan.layout.storages.size(); ++i) {
    const std::string& name = plan.layout.storages[i].name;
    const bool inside = name.starts_with(network.operations[2].name + "#");
    const bool result = name == network.operations[3].name;
    if (inside || result) {
      EXPECT_EQ(plan.resident[i], inside) << name;
    }
  }
}

}  // namespace
}  // namespace wbs::compiler
