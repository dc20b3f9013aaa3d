// Replays of the published tiling: the right bytes, the right multiplications, no fault.
#include "compiler/published/published.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "aie_model/estimator.hpp"
#include "aie_model/geometry.hpp"
#include "aie_model/machine/machine.hpp"
#include "aie_model/program/checker.hpp"
#include "compiler/tiler.hpp"
#include "core/error.hpp"
#include "networks/zoo.hpp"

namespace wbs::compiler {
namespace {

struct Replay {
  TiledNetwork tiled;
  PublishedProgram program;
  aie::Device device;
  /// Layers of the tiling by name.
  [[nodiscard]] const aie::TiledLayer& layer(const std::string& name) const {
    return *std::ranges::find(tiled.layers, name, &aie::TiledLayer::name);
  }
};

Replay replay(const std::string& network, const std::string& array, double density,
              ReplayLanes lanes = ReplayLanes::counted) {
  Replay made;
  made.device = value_or_throw(aie::find_device("aie2:" + array));
  CompileOptions options;
  options.densities.convolutions = {density, density};
  made.tiled = compile(networks::build_network(network), made.device, options);
  made.program = published_program(made.tiled, made.device, {.lanes = lanes});
  return made;
}

/// What the tests below look at: an array that all networks fit well, small and large ones, one
/// that divides nothing, one with more rows than streams between a Memtile and its cores.
const std::vector<std::pair<std::string, std::string>>& cases() {
  static const std::vector<std::pair<std::string, std::string>> kCases{
      {"resnet50", "4x4"}, {"resnet50", "8x8"}, {"inception_v3", "4x4"}, {"inception_v3", "2x2"},
      {"vgg16", "4x4"},    {"vgg16", "5x3"},    {"mobilenet_v2", "4x4"}, {"squeezenet1_1", "3x5"},
  };
  return kCases;
}

TEST(PublishedReplay, EveryLaneMovesTheBytesOfThePublishedRules) {
  for (const auto& [network, array] : cases()) {
    for (const double density : {1.0, 0.5}) {
      const Replay made = replay(network, array, density);
      for (std::uint32_t i = 0; i < made.program.program.layers.size(); ++i) {
        const std::string& name = made.program.program.layers[i].name;
        const aie::LayerEstimate rule =
            aie::estimate_layer(made.layer(name), made.device, aie::Model::published);
        const LaneBytes moved = lane_bytes(made.program.program, i);
        const std::string where = fmt::format("{} {} {} {}", network, array, density, name);
        const auto expect = [&](std::string_view lane, std::int64_t bytes, double ns,
                                double bandwidth, std::int64_t rounding) {
          const double wanted = ns * bandwidth * 1e-9;
          EXPECT_GE(static_cast<double>(bytes), wanted - 0.5) << where << " " << lane;
          EXPECT_LE(static_cast<double>(bytes), wanted + static_cast<double>(rounding) + 0.5)
              << where << " " << lane;
        };
        const aie::LaneTimes& lanes = rule.lanes;
        // Whole words: of a layer, or of each sub-volume.
        const std::int64_t each = 3 * std::max<std::int64_t>(1, rule.iterations) + 3;
        expect("LOAD", moved.load, lanes.load_ns, made.device.load_bandwidth, 3);
        expect("LOADW", moved.loadw, lanes.loadw_ns, made.device.loadw_bandwidth, 3);
        expect("LOADWM", moved.loadwm, lanes.loadwm_ns, made.device.loadwm_bandwidth, 3);
        expect("LOADFM", moved.loadfm, lanes.loadfm_ns, made.device.loadfm_bandwidth, each);
        expect("WRITEFM", moved.writefm, lanes.writefm_ns, made.device.writefm_bandwidth, each);
        expect("WRITE", moved.write, lanes.write_ns, made.device.write_bandwidth, 3);
      }
    }
  }
}

TEST(PublishedReplay, RunsToTheEndWithoutAFault) {
  for (const auto& [network, array] : cases()) {
    for (const ReplayLanes lanes : {ReplayLanes::counted, ReplayLanes::complete}) {
      const Replay made = replay(network, array, 0.5, lanes);
      const aie::RunResult run = aie::run(made.program.program, made.device, {});
      ASSERT_FALSE(run.fault) << network << " " << array << ": step "
                              << made.program.program.steps.at(run.fault->step).name << ": "
                              << run.fault->message;
      EXPECT_GT(run.cycles, 0U);
    }
  }
}

TEST(PublishedReplay, BreaksNoRuleButThoseAboutSizesOfBuffers) {
  const auto& exempt = published_exemptions();
  for (const auto& [network, array] : cases()) {
    const Replay made = replay(network, array, 1.0, ReplayLanes::complete);
    for (const aie::Violation& found : aie::check(made.program.program, made.device)) {
      EXPECT_NE(std::ranges::find(exempt, found.rule), exempt.end())
          << network << " " << array << " " << found.rule << ": " << found.message;
    }
  }
}

/// Multiplications of a core's control program: kept operands times pixels times taps.
double macs_of(const aie::TileProgram& core) {
  double macs = 0;
  std::size_t filling = 0;
  std::vector<std::pair<std::size_t, std::uint32_t>> loops;
  for (std::size_t at = 0; at < core.code.size(); ++at) {
    const aie::CoreOp& op = core.code[at];
    using Kind = aie::CoreOp::Kind;
    if (op.kind == Kind::begin) loops.emplace_back(at, op.count);
    if (op.kind == Kind::end && --loops.back().second > 0) at = loops.back().first;
    if (op.kind == Kind::end && loops.back().second == 0) loops.pop_back();
    if (op.kind == Kind::advance && op.index == 2) ++filling;
    if (op.kind != Kind::call) continue;
    const aie::KernelCall& call = core.calls[op.index];
    if (call.weights.ring < 0) continue;
    const auto& kept = core.rings[static_cast<std::size_t>(call.weights.ring)].kept;
    macs += 64.0 * kept[filling % kept.size()] * call.window[0] * call.window[1] * call.out.rows *
            call.out.columns;
  }
  return macs;
}

TEST(PublishedReplay, CoresDoTheMultiplicationsOfTheOutputAndNoMore) {
  for (const auto& [network, array] : cases()) {
    if (network == "mobilenet_v2") continue;  // depthwise kernels have no operands
    for (const ReplayLanes lanes : {ReplayLanes::counted, ReplayLanes::complete}) {
      const double density = lanes == ReplayLanes::counted ? 0.5 : 1.0;
      const Replay made = replay(network, array, density, lanes);
      std::map<std::uint32_t, double> macs;
      for (const aie::Step& step : made.program.program.steps) {
        for (const aie::TileProgram& tile : step.tiles) {
          const bool first = tile.tile == aie::TileId{aie::TileKind::core, 0, 0};
          if (first) macs[step.layer] += macs_of(tile);
        }
      }
      for (std::uint32_t i = 0; i < made.program.program.layers.size(); ++i) {
        const aie::TiledLayer& layer = made.layer(made.program.program.layers[i].name);
        if (!aie::has_weights(layer)) continue;
        // The fullest core of the fullest column, in blocks of 8 channels.
        const std::int64_t width = layer.width_splits * layer.core_output.w;
        const std::int64_t out =
            8 * aie::ceil_div(aie::ceil_div(layer.output.c, made.device.rows), 8);
        const double pairs =
            static_cast<double>(out * 8 * aie::ceil_div(aie::stored_channels(layer.input.c), 8)) /
            64.0;
        const double kept = 64.0 * std::round(pairs * layer.corrected_density);
        const auto pixels =
            static_cast<double>(layer.output.h * width * layer.window.kh * layer.window.kw);
        EXPECT_DOUBLE_EQ(macs[i], kept * pixels)
            << network << " " << array << " " << density << " " << layer.name;
      }
    }
  }
}

/// A mask that keeps some 8x8 blocks of each output block, more of the later ones.
Tensor uneven_weights(std::int64_t out, std::int64_t in, std::int64_t side) {
  Tensor weights({out, in, side, side});
  for (std::size_t i = 0; i < weights.values.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i) / (side * side);
    const std::int64_t o = at / in / 8, n = at % in / 8;
    if (n % 4 <= o * 32 / out % 4) weights.values[i] = 1.0F;
  }
  return weights;
}

TEST(PublishedReplay, CoresMultiplyTheOperandsOfTheMask) {
  const Replay mean = replay("resnet50", "4x4", 0.5);
  const std::string name = "layer3.1.conv2";
  PublishedOptions options;
  options.masks[name] = mask_of(uneven_weights(256, 256, 3));
  const KeptMap& kept = options.masks[name].kept;
  const PublishedProgram program = published_program(mean.tiled, mean.device, options);
  std::map<std::int64_t, double> macs;
  for (const aie::Step& step : program.program.steps) {
    if (program.program.layers[step.layer].name != name) continue;
    for (const aie::TileProgram& tile : step.tiles) {
      const bool core = tile.tile.kind == aie::TileKind::core && tile.tile.column == 0;
      if (core) macs[tile.tile.row] += macs_of(tile);
    }
  }
  for (std::int64_t row = 0; row < 4; ++row) {
    const auto begin = kept.kept.begin() + row * 8 * kept.in_units;
    const auto operands = std::count(begin, begin + 8 * kept.in_units, std::uint8_t{1});
    EXPECT_DOUBLE_EQ(macs[row], 64.0 * static_cast<double>(operands) * 9 * 14 * 4) << row;
  }
  EXPECT_LT(macs[0], macs[3]);
}

TEST(PublishedReplay, MaskOfTwoInFourUsesTheSparseUnit) {
  Tensor weights({16, 32, 3, 3});
  for (std::size_t i = 0; i < weights.values.size(); ++i) {
    const bool kept = i / 9 % 4 < 2 && i / 9 % 32 < 16;
    weights.values[i] = kept ? 1.0F : 0.0F;
  }
  const LayerMask mask = mask_of(weights);
  EXPECT_EQ(mask.kernel, aie::Kernel::conv_sparse4);
  EXPECT_EQ(mask.kept.in_units, 2);
  EXPECT_EQ(mask.kept.kept, (std::vector<std::uint8_t>{1, 0, 1, 0}));
  EXPECT_EQ(mask_of(uneven_weights(16, 32, 3)).kernel, aie::Kernel::conv);
}

TEST(PublishedReplay, NamesTheBuffersThatTheTilingOverfills) {
  const Replay made = replay("inception_v3", "4x4", 1.0);
  for (const Excess& excess : made.program.excesses) {
    EXPECT_GT(excess.needed, excess.limit);
    EXPECT_LT(excess.layer, made.program.program.layers.size());
  }
  // A strided 3x3 convolution streams more than 8 KB in the authors' own logs.
  EXPECT_TRUE(std::ranges::any_of(made.program.excesses, [](const Excess& excess) {
    return excess.what == "core input" && excess.needed > 8192;
  }));
}

TEST(PublishedReplay, CompleteReplaysBringWhatTheyMultiply) {
  const Replay counted = replay("vgg16", "4x4", 1.0);
  const Replay complete = replay("vgg16", "4x4", 1.0, ReplayLanes::complete);
  const auto lacks = [](const Excess& excess) {
    return excess.what == "weights of a sweep" || excess.what == "input of an iteration";
  };
  EXPECT_TRUE(std::ranges::any_of(counted.program.excesses, lacks));
  EXPECT_FALSE(std::ranges::any_of(complete.program.excesses, lacks));
  const std::vector<aie::ProgramLayer>& layers = complete.program.program.layers;
  for (std::uint32_t i = 0; i < layers.size(); ++i) {
    const aie::TiledLayer& layer = complete.layer(layers[i].name);
    if (layer.kind != aie::LayerKind::conv) continue;
    const LaneBytes moved = lane_bytes(complete.program.program, i);
    const LaneBytes rule = lane_bytes(counted.program.program, i);
    EXPECT_EQ(moved.load, rule.load) << layer.name;
    EXPECT_EQ(moved.loadw, rule.loadw) << layer.name;
    EXPECT_EQ(moved.write, rule.write) << layer.name;
    // Every weight of a row of cores comes once at least, every input once for each sweep.
    const std::int64_t weights = layer.output.c / 4 * layer.window.kh * layer.window.kw *
                                 aie::stored_channels(layer.input.c);
    EXPECT_GE(moved.loadwm, weights) << layer.name;
    const std::int64_t column =
        layer.input.h * aie::column_width(layer.input.w, complete.device) * layer.input.c;
    EXPECT_GE(moved.loadfm, column) << layer.name;
    EXPECT_GE(moved.loadfm, rule.loadfm) << layer.name;
  }
}

TEST(PublishedReplay, RefusesToBeRunForItsValues) {
  const Replay made = replay("squeezenet1_1", "2x2", 1.0);
  aie::RunOptions options;
  options.functional = true;
  EXPECT_THROW((void)aie::run(made.program.program, made.device, options), Error);
}

TEST(PublishedReplay, RefusesArraysThatItCannotFeed) {
  const aie::Device tall = value_or_throw(aie::find_device("aie2:1x5"));
  const TiledNetwork tiled =
      compile(networks::build_network("squeezenet1_1"), tall, CompileOptions());
  EXPECT_THROW((void)published_program(tiled, tall), Error);
  const aie::Device other = value_or_throw(aie::find_device("aie2:2x2"));
  EXPECT_THROW((void)published_program(tiled, other), Error);
}

}  // namespace
}  // namespace wbs::compiler
