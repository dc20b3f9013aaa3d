#include <fmt/format.h>

#include <algorithm>

#include "aie_model/geometry.hpp"
#include "compiler/published/emit.hpp"
#include "compiler/published/plan.hpp"
#include "compiler/published/published.hpp"
#include "core/error.hpp"

namespace wbs::compiler {
namespace {

using aie::LayerKind;
using aie::TiledLayer;

std::uint64_t u64(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

void check_array(const TiledNetwork& network, const aie::Device& device) {
  const auto refuse = [&](std::string_view why) {
    throw Error(ErrorKind::unsupported,
                fmt::format("the published tiling of '{}' on {} ({} columns, {} rows): {}",
                            network.network, device.name, device.columns, device.rows, why));
  };
  if (network.array.columns != device.columns || network.array.rows != device.rows) {
    refuse(fmt::format("it was tiled for {} columns and {} rows", network.array.columns,
                       network.array.rows));
  }
  const std::int64_t fed = aie::ceil_div(device.rows, device.columns);
  if (fed > kWriteSend - kLoadwmSend) {
    refuse(
        fmt::format("a Memtile would have to feed weights to {} rows of cores, it has channels "
                    "for {}",
                    fed, kWriteSend - kLoadwmSend));
  }
  const auto with_ddr = device.silicon.shim_columns.size();
  if (with_ddr > 0 && with_ddr < static_cast<std::size_t>(device.columns)) {
    refuse(fmt::format("only {} columns reach external memory, every one has to", with_ddr));
  }
}

std::string_view operation_of(LayerKind kind) {
  switch (kind) {
    case LayerKind::conv:
      return "conv";
    case LayerKind::fully_connected:
      return "linear";
    case LayerKind::max_pool:
      return "max_pool";
    case LayerKind::avg_pool:
    case LayerKind::global_avg_pool:
      return "average_pool";
    case LayerKind::add:
      return "add";
    case LayerKind::concat:
      break;
  }
  return "concat";
}

aie::ProgramLayer describe(const TiledLayer& layer) {
  aie::ProgramLayer described;
  described.name = layer.name;
  described.operation = operation_of(layer.kind);
  described.output.channels = layer.output.c;
  described.output.rows = layer.output.h;
  described.output.columns = layer.output.w;
  if (!aie::has_weights(layer)) return described;
  described.macs = layer.output.h * layer.output.w * layer.output.c * layer.window.kh *
                   layer.window.kw * (layer.input.c / layer.groups);
  const double charged = layer.corrected_density >= 0 ? layer.corrected_density : layer.density;
  described.kept_macs = static_cast<std::int64_t>(static_cast<double>(described.macs) * charged);
  return described;
}

/// Sizes of the DDR buffers while the steps are made.
struct Sizes {
  std::int64_t input = 0, weights = 0, tensors = 0, output = 0;
};

class Builder {
 public:
  Builder(const TiledNetwork& network, const aie::Device& device, const PublishedOptions& options)
      : network_(network), device_(device), options_(options) {}

  PublishedProgram run() {
    aie::Program& program = result_.program;
    program.network = network_.network;
    program.pattern = network_.weights;
    program.device = device_.name;
    program.columns = device_.columns;
    program.rows = device_.rows;
    std::size_t last = 0;
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      if (network_.layers[i].kind != LayerKind::concat) last = i;
    }
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      const TiledLayer& layer = network_.layers[i];
      if (layer.kind == LayerKind::concat) continue;
      const auto& made_by = layer.producers;
      const bool first =
          made_by.empty() || std::find(made_by.begin(), made_by.end(), -1) != made_by.end();
      add_layer(layer, first, i == last);
    }
    using Kind = aie::DdrBuffer::Kind;
    program.ddr = {{"input", Kind::input, u64(sizes_.input), {}},
                   {"weights", Kind::weights, u64(sizes_.weights), {}},
                   {"tensors", Kind::scratch, u64(sizes_.tensors), {}},
                   {"output", Kind::output, u64(sizes_.output), {}}};
    program.input_buffer = kReplayInput;
    program.output_buffer = kReplayOutput;
    if (!program.layers.empty()) program.output = program.layers.back().output;
    return std::move(result_);
  }

 private:
  void add_layer(const TiledLayer& layer, bool first, bool last) {
    aie::Program& program = result_.program;
    const auto index = static_cast<std::uint32_t>(program.layers.size());
    program.layers.push_back(describe(layer));
    if (program.input.channels == 0) {
      program.input = {.channels = layer.input.c, .rows = layer.input.h, .columns = layer.input.w};
    }
    const ReplayLayer replay = plan_replay(layer, device_, options_);
    for (Excess& excess : excesses_of(layer, replay, device_)) {
      excess.layer = index;
      result_.excesses.push_back(std::move(excess));
    }
    ReplayStepPlace place{.layer = index,
                          .from = first ? kReplayInput : kReplayTensors,
                          .to = last ? kReplayOutput : kReplayTensors,
                          .weights = u64(sizes_.weights)};
    for (const ReplayStep& step : replay.steps) {
      const auto columns = [&](std::int64_t words) { return words * 4 * device_.columns; };
      std::int64_t& read = first ? sizes_.input : sizes_.tensors;
      read = std::max(read, columns(step.load_words));
      std::int64_t& written = last ? sizes_.output : sizes_.tensors;
      written = std::max(written, columns(step.write_words));
      place.weights = u64(sizes_.weights);
      sizes_.weights += columns(step.loadw_words);
      program.steps.push_back(emit_replay_step(replay, step, place, device_));
    }
  }

  const TiledNetwork& network_;
  const aie::Device& device_;
  const PublishedOptions& options_;
  PublishedProgram result_;
  Sizes sizes_;
};

/// Words of all runs of a channel in a step.
std::int64_t words_of(const aie::TileProgram& tile, const aie::Channel& channel) {
  std::int64_t words = 0;
  for (const aie::Task& task : channel.tasks) {
    for (std::int16_t id = task.descriptor; id >= 0;) {
      const aie::Descriptor& run = tile.descriptors[static_cast<std::size_t>(id)];
      words += std::int64_t{task.repeat} * run.words;
      id = run.next;
    }
  }
  return words;
}

/// Adds a channel's bytes to its lane. Weights of several rows count once: they leave at one time.
void count_channel(const aie::TileProgram& tile, const aie::Channel& channel, LaneBytes& lanes) {
  const std::int64_t bytes = 4 * words_of(tile, channel);
  if (channel.direction == aie::Direction::mm2s) {
    if (channel.index == kLoadfmSend) lanes.loadfm += bytes;
    if (channel.index == kLoadwmSend) lanes.loadwm += bytes;
    if (channel.index == kWriteSend) lanes.write += bytes;
    return;
  }
  if (channel.index == kLoadReceive) lanes.load += bytes;
  if (channel.index == kLoadwReceive) lanes.loadw += bytes;
  if (channel.index < kLoadReceive) lanes.writefm += bytes;
}

}  // namespace

Result<ReplayLanes> find_replay_lanes(std::string_view tiling) {
  if (tiling == "published") return ReplayLanes::counted;
  if (tiling == "published_complete") return ReplayLanes::complete;
  return refusal(fmt::format(
      "tiling '{}' is unknown: expected ours, published or published_complete", tiling));
}

PublishedProgram published_program(const TiledNetwork& network, const aie::Device& device,
                                   const PublishedOptions& options) {
  check_array(network, device);
  return Builder(network, device, options).run();
}

const std::vector<std::string_view>& published_exemptions() {
  static const std::vector<std::string_view> kRules{"data memory", "buffer overlap", "call slot"};
  return kRules;
}

LaneBytes lane_bytes(const aie::Program& program, std::uint32_t layer) {
  LaneBytes all;
  for (const aie::Step& step : program.steps) {
    if (step.layer != layer) continue;
    LaneBytes busiest;
    for (const aie::TileProgram& tile : step.tiles) {
      if (tile.tile.kind != aie::TileKind::memtile) continue;
      LaneBytes here;
      for (const aie::Channel& channel : tile.channels) count_channel(tile, channel, here);
      for (const auto lane : {&LaneBytes::load, &LaneBytes::loadw, &LaneBytes::loadfm,
                              &LaneBytes::loadwm, &LaneBytes::write, &LaneBytes::writefm}) {
        busiest.*lane = std::max(busiest.*lane, here.*lane);
      }
    }
    for (const auto lane : {&LaneBytes::load, &LaneBytes::loadw, &LaneBytes::loadfm,
                            &LaneBytes::loadwm, &LaneBytes::write, &LaneBytes::writefm}) {
      all.*lane += busiest.*lane;
    }
  }
  return all;
}

}  // namespace wbs::compiler
