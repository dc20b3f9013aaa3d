#include "compiler/depth/depth.hpp"

#include <gtest/gtest.h>

#include "aie_model/machine/machine.hpp"
#include "aie_model/program/checker.hpp"
#include "networks/int8_random.hpp"

namespace wbs::compiler {
namespace {

using networks::DepthCut;
using networks::Int8Network;
using networks::Int8Op;

/// Convolutions 3x3 of `size` x `size` pixels with pools between, like the first layers of VGG-16.
Int8Network vgg_like(std::int64_t size) {
  Int8Network network{"vgg_like", {}, 0};
  Int8Op input;
  input.name = input.result = "input";
  input.output = {3, size, size, true, 0};
  network.operations.push_back(input);
  const auto append = [&](Int8Op::Kind kind, std::int64_t channels) {
    Int8Op op;
    const std::size_t from = network.operations.size() - 1;
    const networks::Int8Shape in = network.operations[from].output;
    const bool pool = kind == Int8Op::Kind::max_pool;
    op.kind = kind;
    op.name = op.result = (pool ? "pool" : "conv") + std::to_string(from + 1);
    op.inputs = {from};
    op.output = {channels, in.rows, in.columns, true, 0};
    op.minimum = 0;
    op.maximum = 255;
    op.window = pool ? std::array<std::int64_t, 2>{2, 2} : std::array<std::int64_t, 2>{3, 3};
    if (pool) {
      op.stride = {2, 2};
      op.output.rows /= 2;
      op.output.columns /= 2;
    } else {
      op.padding = {1, 1, 1, 1};
      op.bias.assign(static_cast<std::size_t>(channels), 100);
      op.shift.assign(static_cast<std::size_t>(channels), 9);
      for (std::int64_t i = 0; i < channels * in.channels * 9; ++i) {
        op.weights.push_back(static_cast<std::int8_t>(i * 37 % 61 - 28));
      }
      op.macs = channels * in.channels * 9 * in.rows * in.columns;
    }
    network.operations.push_back(op);
  };
  append(Int8Op::Kind::conv, 32);
  append(Int8Op::Kind::conv, 32);
  append(Int8Op::Kind::max_pool, 32);
  append(Int8Op::Kind::conv, 64);
  append(Int8Op::Kind::conv, 64);
  append(Int8Op::Kind::max_pool, 64);
  network.output = network.operations.size() - 1;
  return network;
}

/// 2x2 cores, Memtiles of 64 KB, external memory 16 times slower than the shims.
aie::Device small_and_slow() {
  aie::Device device = aie::aie2_array(2, 2);
  device.memtile_bytes = device.silicon.memtile.memory_bytes = std::int64_t{64} * 1024;
  device.silicon.dram_bytes_per_cycle = 1.0;
  return device;
}

struct Measured {
  std::uint64_t cycles = 0, traffic = 0;
  std::vector<std::uint8_t> output;
};

Measured measure(const Int8Network& network, const aie::Device& device) {
  const aie::Program program = generate(network, device, {});
  EXPECT_TRUE(aie::check(program, device).empty());
  const aie::RunResult event = aie::run(program, device, {});
  Measured measured;
  measured.cycles = event.cycles;
  for (const aie::StepTime& step : event.steps) {
    measured.traffic += step.ddr_read_bytes + step.ddr_write_bytes;
  }
  aie::RunOptions options;
  options.functional = true;
  const auto image = networks::random_int8_image(network, 5);
  const aie::RunResult run = aie::run(program, device, options, to_input_layout(program, image));
  EXPECT_FALSE(run.fault) << run.fault->message;
  measured.output = from_array_layout(program.output, run.output);
  EXPECT_EQ(measured.output, networks::interpret(network, image)[network.output]);
  return measured;
}

TEST(DepthChoice, TensorsThatDoNotFitMakeAPart) {
  const Int8Network network = vgg_like(64);
  const std::vector<DepthCut> parts = spilling_parts(network, small_and_slow(), {});
  ASSERT_EQ(parts.size(), 1U);
  EXPECT_EQ(parts[0].first, 1U);
  EXPECT_GE(parts[0].last, 3U);
  EXPECT_TRUE(spilling_parts(vgg_like(16), aie::aie2_array(2, 2), {}).empty());
}

TEST(DepthChoice, TilesMoveLessAndKeepEveryBit) {
  const Int8Network network = vgg_like(64);
  const aie::Device device = small_and_slow();
  const Measured whole = measure(network, device);
  const DepthResult tiled = tile_network(network, device, {}, 4);
  ASSERT_FALSE(tiled.cuts.empty());
  for (const DepthCut& cut : tiled.cuts) EXPECT_EQ(cut.tiles, 4);
  const Measured parts = measure(tiled.network, device);
  EXPECT_LT(parts.traffic, whole.traffic);
  EXPECT_EQ(parts.output, whole.output);
}

TEST(DepthChoice, TryingIsNeverSlowerThanNoTiles) {
  for (const double dram : {1.0, 4.0, 0.0}) {
    aie::Device device = small_and_slow();
    device.silicon.dram_bytes_per_cycle = dram;
    const Int8Network network = vgg_like(48);
    const DepthResult tiled = tile_network(network, device, {}, kDepthAuto);
    const std::uint64_t whole = aie::run(generate(network, device), device, {}).cycles;
    const std::uint64_t best = aie::run(generate(tiled.network, device), device, {}).cycles;
    EXPECT_LE(best, whole) << dram;
    for (const DepthTrial& trial : tiled.trials) EXPECT_LE(best, trial.cycles) << dram;
  }
}

TEST(DepthChoice, OneTileChangesNothing) {
  const Int8Network network = vgg_like(64);
  const DepthResult tiled = tile_network(network, small_and_slow(), {}, 1);
  EXPECT_TRUE(tiled.cuts.empty());
  EXPECT_EQ(tiled.network.operations.size(), network.operations.size());
}

TEST(DepthChoice, RandomNetworksWithTilesAreExact) {
  aie::Device device = small_and_slow();
  device.memtile_bytes = device.silicon.memtile.memory_bytes = std::int64_t{72} * 1024;
  device.silicon.dram_bytes_per_cycle = 0.25;
  int cuts = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    networks::RandomOptions random;
    random.least_pixels = random.most_pixels = 64;
    random.most_channels = 32;
    random.classifier = false;
    random.least_layers = 5;
    const Int8Network network = networks::random_int8_network(seed, random);
    const DepthResult tiled = tile_network(network, device, {}, 2 + static_cast<int>(seed % 3));
    cuts += static_cast<int>(tiled.cuts.size());
    const Measured measured = measure(tiled.network, device);
    const auto image = networks::random_int8_image(network, 5);
    EXPECT_EQ(measured.output, networks::interpret(network, image)[network.output]) << seed;
  }
  EXPECT_GT(cuts, 4);
}

}  // namespace
}  // namespace wbs::compiler
