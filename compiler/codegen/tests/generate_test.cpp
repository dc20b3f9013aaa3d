#include "compiler/codegen/generate.hpp"

#include <gtest/gtest.h>

#include "compiler/codegen/tests/run_program.hpp"
#include "networks/int8_random.hpp"

namespace wbs::compiler {
namespace {

class RandomNetworks : public testing::TestWithParam<std::string> {};

TEST_P(RandomNetworks, RunBitForBitLikeTheReference) {
  const aie::Device device = value_or_throw(aie::find_device(GetParam()));
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const networks::Int8Network network = networks::random_int8_network(seed);
    EXPECT_EQ(difference_from_reference(network, device, {}, seed), "") << "seed " << seed;
  }
}

TEST(Generate, CountsPairsOfAnOddNumberOfInputBlocksOnThe24Unit) {
  const networks::Int8Network network = networks::random_int8_network(67);
  const aie::Device device = aie::aie2_array(2, 2);
  EXPECT_EQ(difference_from_reference(network, device, {}, 67), "");
}

TEST_P(RandomNetworks, RunThroughDdrBitForBitLikeTheReference) {
  const aie::Device device = value_or_throw(aie::find_device(GetParam()));
  CodegenOptions options;
  options.keep_in_memtiles = false;
  options.skip_zero_blocks = false;
  for (std::uint64_t seed = 21; seed <= 26; ++seed) {
    const networks::Int8Network network = networks::random_int8_network(seed);
    EXPECT_EQ(difference_from_reference(network, device, options, seed), "") << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Arrays, RandomNetworks,
                         testing::Values("aie2:1x1", "aie2:2x2", "aie2:4x4", "aie2:8x8", "aie2:5x3",
                                         "aie2:3x6", "npu2"));

}  // namespace
}  // namespace wbs::compiler
