#include "networks/int8_random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace wbs::networks {
namespace {

std::size_t distinct(const std::vector<std::uint8_t>& bytes) {
  return std::set<std::uint8_t>(bytes.begin(), bytes.end()).size();
}

TEST(RandomInt8Network, IsTheSameForTheSameSeed) {
  const Int8Network once = random_int8_network(7);
  EXPECT_EQ(print(once), print(random_int8_network(7)));
  EXPECT_NE(print(once), print(random_int8_network(8)));
  const auto image = random_int8_image(once, 1);
  EXPECT_EQ(interpret(once, image), interpret(random_int8_network(7), image));
}

TEST(RandomInt8Network, ResultsUseTheirRangeAndNetworksHoldEveryKind) {
  std::set<Int8Op::Kind> kinds;
  bool three_channels = false;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const Int8Network network = random_int8_network(seed);
    three_channels = three_channels || network.operations[0].output.channels == 3;
    const auto results = interpret(network, random_int8_image(network, seed + 100));
    for (std::size_t i = 0; i < results.size(); ++i) {
      const Int8Op& op = network.operations[i];
      kinds.insert(op.kind);
      if (i > 0) {
        EXPECT_EQ(op.output.channels % 8, 0) << print(network);
      }
      if (results[i].size() >= 256) {
        EXPECT_GE(distinct(results[i]), 16U) << "operation " << i << " of\n" << print(network);
      }
    }
    EXPECT_GE(distinct(results.back()), 4U) << print(network);
  }
  EXPECT_EQ(kinds.size(), 7U);
  EXPECT_TRUE(three_channels);
}

TEST(RandomInt8Network, LeavesOutWhatTheOptionsExclude) {
  RandomOptions options;
  options.pools = options.depthwise = options.branches = options.classifier = false;
  options.zero_blocks = 0.0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const Int8Network network = random_int8_network(seed, options);
    for (std::size_t i = 1; i < network.operations.size(); ++i) {
      EXPECT_EQ(network.operations[i].kind, Int8Op::Kind::conv);
    }
  }
}

}  // namespace
}  // namespace wbs::networks
