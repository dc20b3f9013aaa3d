#include "compiler/codegen/generate.hpp"

#include <gtest/gtest.h>

#include "aie_model/machine/machine.hpp"
#include "compiler/codegen/shim_map.hpp"
#include "compiler/codegen/tests/run_program.hpp"
#include "core/rng.hpp"
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

/// A 1x1 convolution that adds its own input, with random weights that fill the result's range.
networks::Int8Network residual_network(std::int64_t channels) {
  Rng rng(5);
  networks::Int8Network network;
  network.name = "residual";
  network.operations.resize(2);
  networks::Int8Op& input = network.operations[0];
  input.name = input.result = "input";
  input.output = {channels, 7, 7, false, 0};
  networks::Int8Op& conv = network.operations[1];
  conv = input;
  conv.kind = networks::Int8Op::Kind::conv;
  conv.name = conv.result = "conv";
  conv.inputs = {0, 0};
  conv.macs = channels * channels * 49;
  for (std::int64_t i = 0; i < channels * channels; ++i) {
    conv.weights.push_back(static_cast<std::int8_t>(rng.below(256)));
  }
  conv.bias.assign(static_cast<std::size_t>(channels), 100);
  conv.shift.assign(static_cast<std::size_t>(channels), 11);
  conv.second_shift.assign(static_cast<std::size_t>(channels), 9);
  network.output = 1;
  return network;
}

TEST(Generate, CoresThatShareStreamsOfInputsAndWeightsDoNotBlockEachOther) {
  const networks::Int8Network network = residual_network(1024);
  for (const char* name : {"aie2:6x6", "aie2:2x8", "aie2:1x5", "aie2:4x4"}) {
    const aie::Device device = value_or_throw(aie::find_device(name));
    EXPECT_EQ(difference_from_reference(network, device, {}, 3), "") << name;
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
                                         "aie2:3x6", "npu2", "ve2302"));

TEST_P(RandomNetworks, RunWithCompressedWeightsBitForBitLikeTheReference) {
  const aie::Device device = value_or_throw(aie::find_device(GetParam()));
  CodegenOptions options;
  options.compress_weights = true;
  options.sparse_mac = false;
  std::uint64_t compressed = 0;
  for (std::uint64_t seed = 51; seed <= 56; ++seed) {
    const networks::Int8Network network = networks::random_int8_network(seed);
    EXPECT_EQ(difference_from_reference(network, device, options, seed), "") << "seed " << seed;
    const aie::RunResult run = aie::run(generate(network, device, options), device, {});
    EXPECT_EQ(run.unknown_stream_words, 0U);
    EXPECT_LE(run.compressed_stream_words, run.compressed_words);
    compressed += run.compressed_words;
  }
  EXPECT_GT(compressed, 0U);
}

class FewShims : public testing::TestWithParam<std::vector<std::int32_t>> {};

TEST_P(FewShims, RunBitForBitLikeTheReference) {
  aie::Device device = value_or_throw(aie::find_device("aie2:6x3"));
  device.silicon.shim_columns = GetParam();
  CodegenOptions options;
  for (std::uint64_t seed = 31; seed <= 40; ++seed) {
    const networks::Int8Network network = networks::random_int8_network(seed);
    options.keep_in_memtiles = seed % 2 == 0;
    EXPECT_EQ(difference_from_reference(network, device, options, seed), "") << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Columns, FewShims,
                         testing::Values(std::vector<std::int32_t>{0}, std::vector<std::int32_t>{5},
                                         std::vector<std::int32_t>{1, 4},
                                         std::vector<std::int32_t>{2, 3},
                                         std::vector<std::int32_t>{0, 1, 2, 3, 4}));

TEST(FewShimsOfAWideArray, RunBitForBitLikeTheReference) {
  aie::Device device = value_or_throw(aie::find_device("aie2:24x2"));
  device.silicon.shim_columns = {11};
  for (std::uint64_t seed = 41; seed <= 44; ++seed) {
    const networks::Int8Network network = networks::random_int8_network(seed);
    EXPECT_EQ(difference_from_reference(network, device, {}, seed), "") << "seed " << seed;
  }
}

TEST(FewShimsOfAWideArray, TakeLongerThanAShimInEachColumn) {
  aie::Device device = value_or_throw(aie::find_device("aie2:6x3"));
  const networks::Int8Network network = networks::random_int8_network(3);
  const auto run = [&] { return aie::run(generate(network, device), device, {}); };
  const aie::RunResult all = run();
  device.silicon.shim_columns = {2};
  const aie::RunResult one = run();
  aie::StepTime of_all, of_one;
  for (const aie::StepTime& step : all.steps) of_all += step;
  for (const aie::StepTime& step : one.steps) of_one += step;
  EXPECT_GT(of_one.shim, of_all.shim);
  EXPECT_GT(one.cycles, all.cycles);
}

TEST(ShimMap, SharesColumnsEvenlyAndThenGoesTheShortestWay) {
  const ShimMap map(value_or_throw(aie::find_device("ve2302")));
  ASSERT_EQ(map.groups().size(), 6U);
  for (const ShimMap::Group& group : map.groups()) EXPECT_LE(group.columns.size(), 3U);
  const ShimMap wide(value_or_throw(aie::find_device("ve2802")));
  ASSERT_EQ(wide.groups().size(), 12U);
  for (const ShimMap::Group& group : wide.groups()) EXPECT_LE(group.columns.size(), 4U);
}

TEST(ShimMap, RefusesColumnsThatFindNoLinks) {
  aie::Device device = value_or_throw(aie::find_device("aie2:6x3"));
  device.silicon.shim_columns = {0, 5};
  device.silicon.shim.masters[2] = 1;
  EXPECT_THROW(ShimMap{device}, Error);
}

}  // namespace
}  // namespace wbs::compiler
