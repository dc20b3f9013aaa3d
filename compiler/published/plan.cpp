#include "compiler/published/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "aie_model/estimator.hpp"
#include "aie_model/geometry.hpp"
#include "aie_model/weights.hpp"
#include "compiler/published/calls.hpp"

namespace wbs::compiler {
namespace {

using aie::ceil_div;
using aie::LayerKind;
using aie::round_up;
using aie::TiledLayer;

std::int64_t words_of(std::int64_t bytes) {
  return ceil_div(bytes, 4);
}

/// The part of `whole` that belongs to `index` of `count` nearly equal parts.
std::int64_t part(std::int64_t whole, std::int64_t index, std::int64_t count) {
  return whole * (index + 1) / count - whole * index / count;
}

std::int64_t words_of_lane(double ns, double bandwidth) {
  return words_of(std::llround(ns * bandwidth * 1e-9));
}

/// Fills in what is the same in all steps.
void fill_sizes(const TiledLayer& layer, const aie::Device& device, const PublishedOptions& options,
                ReplayLayer& replay) {
  const aie::LayerEstimate rule = aie::estimate_layer(layer, device, aie::Model::published);
  const bool one_column =
      layer.kind != LayerKind::global_avg_pool && layer.output.w < device.columns;
  replay.columns = one_column ? 1 : device.columns;
  replay.has_weights = aie::has_weights(layer);
  replay.weights = weights_of(layer, device, options);
  replay.rows = layer.core_output.h;
  const std::int64_t iterations = std::max<std::int64_t>(1, rule.iterations);
  const aie::LaneTimes& lanes = rule.lanes;
  replay.loadfm_words =
      ceil_div(words_of_lane(lanes.loadfm_ns, device.loadfm_bandwidth), iterations);
  replay.writefm_words =
      ceil_div(words_of_lane(lanes.writefm_ns, device.writefm_bandwidth), iterations);
  replay.chunk_words =
      replay.has_weights
          ? words_of(round_up(aie::unified_bytes(layer.core_weight, layer.density), 16))
          : words_of_lane(lanes.loadwm_ns, device.loadwm_bandwidth);
}

/// Output rows of each part of the height that passes through the Memtiles.
std::vector<std::int64_t> rows_of_tiles(const TiledLayer& layer) {
  if (layer.kind == LayerKind::global_avg_pool) return {1};
  return aie::height_tile_rows(layer);
}

/// 32-bit sums between calls that each take a piece of the input channels.
std::int64_t accumulators_of(const std::vector<ReplayCall>& calls, std::int64_t rows) {
  std::int64_t bytes = 0;
  for (const ReplayCall& call : calls) {
    if (call.call.begin && call.call.finish) continue;
    bytes = std::max(bytes, std::int64_t{32} * call.call.out.blocks * rows * call.call.out.columns);
  }
  return bytes;
}

/// Fills in the steps of a layer whose sizes are known.
class Planner {
 public:
  Planner(const TiledLayer& layer, const aie::Device& device, const ReplayCalls& calls,
          ReplayLayer& replay)
      : layer_(layer),
        calls_(calls),
        replay_(replay),
        repeat_(aie::concat_repeat(layer, device)),
        splits_(aie::sweeps(layer, device) / (layer.passes * repeat_)) {}

  /// Sweeps of the published rules over one part of the layer.
  [[nodiscard]] std::int64_t sweeps() const { return repeat_ * splits_; }

  void add_step(std::int64_t index, std::int64_t rows, bool complete) {
    ReplayStep& step = replay_.steps.emplace_back();
    step.iterations = ceil_div(rows, replay_.rows);
    step.last_rows = rows - (step.iterations - 1) * replay_.rows;
    const std::int64_t share = replay_.weights.core_blocks;
    if (!replay_.has_weights) {
      step.sends = index == 0 ? 1 : 0;  // a layer's parameters
      step.sweeps.push_back({sweeps(), calls_.of(0, share)});
      return;
    }
    // Passes and repeats share a core's output channels.
    const std::int64_t parts = layer_.passes * repeat_, first = index % layer_.passes * repeat_;
    for (std::int64_t at = first; at < first + repeat_; ++at) {
      const std::int64_t begin = share * at / parts, count = part(share, at, parts);
      if (complete) {
        add_chunks(begin, count, step);
      } else {
        step.sweeps.push_back({splits_, calls_.of(begin, count)});
        step.sends += splits_;
      }
    }
  }

 private:
  /// A sweep for each chunk of output channels.
  void add_chunks(std::int64_t first, std::int64_t count, ReplayStep& step) const {
    const std::int64_t chunk = blocks_of_chunk(layer_);
    for (std::int64_t done = 0; done < count; done += chunk) {
      step.sweeps.push_back({splits_, calls_.of(first + done, std::min(chunk, count - done))});
      step.sends += splits_ * (replay_.weights_in_pieces ? step.iterations * replay_.pieces : 1);
    }
  }

  const TiledLayer& layer_;
  const ReplayCalls& calls_;
  ReplayLayer& replay_;
  std::int64_t repeat_, splits_;
};

/// Sizes of what comes and goes where calls get what they need. As many pieces of the input
/// channels as the finer cut of weights and input asks for.
void complete_sizes(const TiledLayer& layer, const aie::Device& device, ReplayLayer& replay) {
  const std::int64_t blocks = replay.weights.in_blocks;
  const auto cuts = [&](std::int64_t channels) {
    return ceil_div(blocks, std::max<std::int64_t>(1, channels / 8));
  };
  const std::int64_t piece =
      ceil_div(blocks, std::max(cuts(layer.core_weight.cin), cuts(layer.core_input.c)));
  replay.pieces = ceil_div(blocks, piece);
  replay.weights_in_pieces = cuts(layer.core_weight.cin) > 1;
  const aie::Extent &in = layer.core_input, &out = layer.core_output;
  replay.loadfm_words = words_of(in.h * round_up(in.w, 8) * 8 * piece);
  aie::WeightBlock chunk = layer.core_weight;
  if (replay.weights_in_pieces) chunk.cin = std::min(chunk.cin, 8 * piece);
  replay.chunk_words = words_of(round_up(aie::unified_bytes(chunk, layer.density), 16));
  const std::int64_t written = std::min(blocks_of_chunk(layer), replay.weights.core_blocks);
  replay.writefm_words = words_of(out.h * round_up(out.w, 8) * 8 * written * device.rows);
}

}  // namespace

std::int64_t ReplayStep::all_iterations() const {
  std::int64_t count = 0;
  for (const ReplaySweep& sweep : sweeps) count += sweep.count * iterations;
  return count;
}

ReplayLayer plan_replay(const TiledLayer& layer, const aie::Device& device,
                        const PublishedOptions& options) {
  ReplayLayer replay;
  if (layer.kind == LayerKind::concat) return replay;
  const aie::LaneTimes rule = aie::estimate_layer(layer, device, aie::Model::published).lanes;
  fill_sizes(layer, device, options, replay);
  const std::int64_t chunk_words = replay.chunk_words;
  // Depthwise convolutions and pools get what they need in any case.
  const bool complete =
      options.lanes == ReplayLanes::complete && replay.has_weights && layer.groups == 1;
  if (complete) complete_sizes(layer, device, replay);
  const ReplayCalls calls(layer, replay.weights, replay.pieces);
  Planner planner(layer, device, calls, replay);
  const std::vector<std::int64_t> tile_rows = rows_of_tiles(layer);
  const std::int64_t count = std::ssize(tile_rows) * layer.passes;
  const std::int64_t loadw = words_of_lane(rule.loadw_ns, device.loadw_bandwidth);
  for (std::int64_t i = 0; i < count; ++i) {
    planner.add_step(i, tile_rows[static_cast<std::size_t>(i / layer.passes)], complete);
    ReplayStep& step = replay.steps.back();
    step.name =
        count == 1 ? layer.name : fmt::format("{}: part {} of {}", layer.name, i + 1, count);
    step.load_words = part(words_of(layer.load_bytes), i, count);
    step.write_words = part(words_of(layer.write_bytes), i, count);
    step.loadw_words = part(loadw, i, count);
  }
  if (replay.has_weights) {
    replay.steps.front().header_words = words_of_lane(rule.loadwm_ns, device.loadwm_bandwidth) -
                                        count * planner.sweeps() * chunk_words;
  }
  replay.accumulator_bytes = accumulators_of(calls.of(0, replay.weights.core_blocks), replay.rows);
  return replay;
}

std::vector<Excess> excesses_of(const TiledLayer& layer, const ReplayLayer& replay,
                                const aie::Device& device) {
  std::vector<Excess> found;
  const auto check = [&](std::string_view what, std::int64_t needed, std::int64_t limit) {
    if (needed > limit) found.push_back({0, std::string(what), needed, limit});
  };
  const std::int64_t in = replay.loadfm_words * 4;
  const std::int64_t out = ceil_div(replay.writefm_words, device.rows) * 4;
  const std::int64_t weights = replay.chunk_words * 4;
  check("core input", in, device.core.input_each);
  check("core output", replay.writefm_words * 4, device.core.output_each);
  check("core weights", weights, device.core.weights);
  check("core memory", 2 * (in + out) + weights + replay.accumulator_bytes,
        device.core_memory - device.silicon.stack_bytes);
  const std::int64_t tiles = std::max<std::int64_t>(1, std::ssize(replay.steps) / layer.passes);
  const auto column = [&](const aie::Extent& tensor) {
    return ceil_div(tensor.h, tiles) * aie::column_width(tensor.w, device) *
           aie::stored_channels(tensor.c);
  };
  const std::int64_t output = layer.kind == LayerKind::add ? 0 : column(layer.output);
  check("Memtile",
        column(layer.input) + output +
            ceil_div(aie::memtile_weight_bytes(layer, device), layer.passes),
        device.memtile_bytes);
  if (!replay.has_weights || layer.groups > 1) return found;
  std::size_t chunks = 0;  // of the weights that one sweep multiplies
  for (const ReplayStep& step : replay.steps) {
    for (const ReplaySweep& sweep : step.sweeps) {
      std::size_t here = 0;
      for (const ReplayCall& call : sweep.calls) here += call.spans.size();
      chunks = std::max(chunks, here);
    }
  }
  if (replay.weights_in_pieces) chunks = 1;
  if (replay.pieces > 1) return found;
  check("weights of a sweep", static_cast<std::int64_t>(chunks) * weights, weights);
  const std::int64_t channels = 8 * replay.weights.in_blocks;
  check("input of an iteration", layer.core_input.h * round_up(layer.core_input.w, 8) * channels,
        in);
  return found;
}

}  // namespace wbs::compiler
