// The roofline of runs whose figures can be counted by hand.
#include "aie_model/roofline/roofline.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "aie_model/roofline/energy.hpp"
#include "aie_model/roofline/gain.hpp"
#include "core/error.hpp"

namespace wbs::aie {
namespace {

std::size_t at(Resource resource) {
  return static_cast<std::size_t>(resource);
}

/// One layer in two steps on 2x1 cores; 16384 kept products, 100 and 60 cycles.
class RooflineTest : public testing::Test {
 protected:
  RooflineTest() {
    program_.network = "n";
    program_.device = device_.name;
    program_.layers.resize(1);
    program_.layers[0].name = "conv";
    program_.layers[0].macs = 32768;
    program_.layers[0].kept_macs = 16384;
    program_.steps.resize(2);
    run_.steps.resize(2);
    StepTime& first = run_.steps[0];
    first.end = 100;
    first.reconfigure = 10;
    first.core = 40;
    first.calls = {.compute = 40,
                   .waits = 8,
                   .results = 16,
                   .starts = 4,
                   .slots = 8192,
                   .macs = 8192,
                   .memory_bytes = 1000};
    first.channels[channel_class(TileKind::core, Direction::s2mm)] = {.bytes = 640, .busiest = 80};
    first.channels[channel_class(TileKind::memtile, Direction::mm2s)] = {.bytes = 400,
                                                                         .busiest = 80};
    StepTime& second = run_.steps[1];
    second.begin = 100;
    second.end = 160;
    second.reconfigure = 10;
    second.core = 50;
    second.calls = {.compute = 60,
                    .waits = 0,
                    .results = 20,
                    .starts = 4,
                    .slots = 8192,
                    .macs = 8192,
                    .memory_bytes = 1000};
    second.channels[channel_class(TileKind::core, Direction::s2mm)] = {.bytes = 160, .busiest = 20};
    second.link_bytes = 640;
    second.ddr_read_bytes = 2000;
    run_.cycles = 160;
  }

  [[nodiscard]] Roofline made() const { return roofline(program_, device_, run_); }

  Device device_ = aie2_array(2, 1);
  Program program_;
  RunResult run_;
};

TEST_F(RooflineTest, TheBusiestResourceIsTheLowestCeiling) {
  const RooflineLayer layer = made().layers.at(0);
  EXPECT_EQ(layer.bound(), Resource::core_in);
  EXPECT_EQ(layer.of(Resource::core_in).cycles, 100U);
  EXPECT_DOUBLE_EQ(layer.ceiling(Resource::core_in), 163.84);
  EXPECT_DOUBLE_EQ(layer.reached(), 102.4);
  EXPECT_DOUBLE_EQ(layer.reached_of_ceiling(), 100.0 / 160.0);
  EXPECT_DOUBLE_EQ(layer.intensity(Resource::core_in), 16384.0 / 800.0);
}

TEST_F(RooflineTest, OfTheTwoEndsOfAStreamTheScarcerOneIsTheBound) {
  run_.steps[0].channels = {};
  run_.steps[0].channels[channel_class(TileKind::memtile, Direction::s2mm)] = {.bytes = 720,
                                                                               .busiest = 121};
  run_.steps[0].channels[channel_class(TileKind::shim, Direction::mm2s)] = {.bytes = 720,
                                                                            .busiest = 120};
  // 720 bytes: 12 Memtile channels need 15 cycles, 4 shim channels 45.
  EXPECT_EQ(made().layers.at(0).bound(), Resource::shim_read);
  run_.steps[0].channels[channel_class(TileKind::shim, Direction::mm2s)].busiest = 90;
  EXPECT_EQ(made().layers.at(0).bound(), Resource::memtile_in);
}

TEST_F(RooflineTest, EvenlySharedBytesMeetTheRateOfAllChannels) {
  const Roofline roof = made();
  // 2 cores x 2 S2MM x 4 bytes a cycle.
  EXPECT_DOUBLE_EQ(roof.peak.at(at(Resource::core_in)), 16.0);
  EXPECT_DOUBLE_EQ(roof.peak.at(at(Resource::memtile_out)), 2 * 6 * 4.0);
  EXPECT_DOUBLE_EQ(roof.peak.at(at(Resource::core)), 512.0);
  EXPECT_DOUBLE_EQ(roof.layers.at(0).of(Resource::core_in).even_cycles, 50.0);
  EXPECT_EQ(roof.layers.at(0).even_bound(), Resource::core);
}

TEST_F(RooflineTest, StepsThatNeverWaitStillReconfigureAndMeetTheirBusiestResource) {
  EXPECT_EQ(made().layers.at(0).least_cycles, 10U + 80 + 10 + 50);
}

TEST_F(RooflineTest, CoreTimeAddsUpToAllCoresTimesAllCycles) {
  const CoreTime core = made().layers.at(0).core;
  EXPECT_DOUBLE_EQ(core.multiply, 64.0);  // 16384 / 256
  EXPECT_DOUBLE_EQ(core.fill, 36.0);
  EXPECT_DOUBLE_EQ(core.waits, 8.0);
  EXPECT_DOUBLE_EQ(core.results, 36.0);
  EXPECT_DOUBLE_EQ(core.starts, 8.0);
  EXPECT_DOUBLE_EQ(core.total(), 2 * 160.0);
}

TEST_F(RooflineTest, TheSparseUnitCountsItsProductsTwice) {
  for (StepTime& step : run_.steps) step.calls.macs *= 2;
  const RooflineLayer layer = made().layers.at(0);
  EXPECT_DOUBLE_EQ(layer.mac_rate, 2.0);
  EXPECT_DOUBLE_EQ(layer.core.multiply, 32.0);
}

TEST_F(RooflineTest, AResourceThatIsNotUsedAllowsAnything) {
  EXPECT_TRUE(std::isinf(made().layers.at(0).ceiling(Resource::dram_write)));
  EXPECT_TRUE(std::isinf(made().layers.at(0).intensity(Resource::dram_write)));
}

TEST_F(RooflineTest, GainIsBoundByWhatDidNotShrink) {
  const Roofline sparse = made();
  run_.steps[0].end = run_.steps[1].begin = 140;
  run_.steps[1].end = 240;
  run_.cycles = 240;
  run_.steps[0].core = 80;
  run_.steps[1].core = 90;
  program_.layers[0].kept_macs = 32768;
  const SparseGain gain = sparse_gain(made(), sparse);
  EXPECT_DOUBLE_EQ(gain.total.gain, 240.0 / 160.0);
  EXPECT_DOUBLE_EQ(gain.total.macs, 2.0);
  EXPECT_EQ(gain.pruned.cycles, 160U);
  EXPECT_DOUBLE_EQ(gain.total.allowed, 240.0 / 150.0);
  const LayerGain& layer = gain.layers.at(0);
  EXPECT_EQ(layer.dense_bound, Resource::core);
  EXPECT_EQ(layer.bound, Resource::core_in);
  EXPECT_DOUBLE_EQ(layer.demand.at(at(Resource::core_in)), 1.0);
  EXPECT_DOUBLE_EQ(layer.demand.at(at(Resource::core)), 170.0 / 90.0);
  EXPECT_DOUBLE_EQ(gain.bound_share.at(at(Resource::core_in)), 1.0);
}

TEST_F(RooflineTest, OtherNetworksAreNotCompared) {
  const Roofline one = made();
  program_.network = "m";
  EXPECT_THROW((void)sparse_gain(made(), one), Error);
}

TEST_F(RooflineTest, AFaultHasNoRoofline) {
  run_.fault = Fault{.message = "stuck"};
  EXPECT_THROW((void)made(), Error);
}

TEST_F(RooflineTest, EnergyIsEventsTimesConstants) {
  const EnergyProxy energy = energy_proxy(made().layers.at(0), {.mac = 1.0,
                                                                .core_memory_byte = 1.0,
                                                                .memtile_byte = 1.0,
                                                                .link_byte = 1.0,
                                                                .dram_byte = 1.0});
  EXPECT_DOUBLE_EQ(energy.mac, 1e-6 * 100 * 256);
  EXPECT_DOUBLE_EQ(energy.core_memory, 1e-6 * (2000 + 800));
  EXPECT_DOUBLE_EQ(energy.links, 1e-6 * 640);
  EXPECT_DOUBLE_EQ(energy.memtile, 1e-6 * 400);
  EXPECT_DOUBLE_EQ(energy.dram, 1e-6 * 2000);
  EXPECT_DOUBLE_EQ(energy.total(), 1e-6 * (25600 + 2800 + 640 + 400 + 2000));
}

}  // namespace
}  // namespace wbs::aie
