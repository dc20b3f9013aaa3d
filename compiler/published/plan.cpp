#include "compiler/published/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "aie_model/estimator.hpp"
#include "aie_model/geometry.hpp"
#include "aie_model/weights.hpp"

namespace wbs::compiler {
namespace {

using aie::ceil_div;
using aie::LayerKind;
using aie::round_up;
using aie::TiledLayer;

std::int64_t words_of(std::int64_t bytes) {
  return ceil_div(bytes, 4);
}
std::uint16_t u16(std::int64_t value) {
  return static_cast<std::uint16_t>(value);
}
std::uint8_t u8(std::int64_t value) {
  return static_cast<std::uint8_t>(value);
}

/// The part of `whole` that belongs to `index` of `count` nearly equal parts.
std::int64_t part(std::int64_t whole, std::int64_t index, std::int64_t count) {
  return whole * (index + 1) / count - whole * index / count;
}

std::int64_t bytes_of_lane(double ns, double bandwidth) {
  return std::llround(ns * bandwidth * 1e-9);
}

/// Numbers of blocks of 8 channels: a core's outputs, and the inputs of each.
struct Blocks {
  std::int64_t out = 0, in = 0;
};

Blocks blocks_of(const TiledLayer& layer, const aie::Device& device) {
  const std::int64_t channels = aie::has_weights(layer) ? layer.output.c : layer.core_output.c;
  return {ceil_div(ceil_div(channels, device.rows), 8),
          ceil_div(ceil_div(aie::stored_channels(layer.input.c), layer.groups), 8)};
}

aie::Kernel kernel_of(const TiledLayer& layer, bool sparse_mac) {
  switch (layer.kind) {
    case LayerKind::max_pool:
      return aie::Kernel::max_pool;
    case LayerKind::avg_pool:
    case LayerKind::global_avg_pool:
      return aie::Kernel::average_pool;
    case LayerKind::add:
      return aie::Kernel::add;
    case LayerKind::conv:
    case LayerKind::fully_connected:
    case LayerKind::concat:
      break;
  }
  if (layer.groups > 1 && layer.groups == layer.input.c) return aie::Kernel::depthwise;
  return sparse_mac && layer.density < 1.0 ? aie::Kernel::conv_sparse4 : aie::Kernel::conv;
}

/// The calls of one iteration that compute output blocks [first, first + count) of a core.
class Calls {
 public:
  Calls(const TiledLayer& layer, const aie::Device& device, const PublishedOptions& options)
      : layer_(layer),
        kernel_(kernel_of(layer, options.sparse_mac)),
        blocks_(blocks_of(layer, device)),
        piece_(std::clamp<std::int64_t>(layer.core_weight.cin / 8, 1, blocks_.in)) {}

  [[nodiscard]] std::vector<ReplayCall> of(std::int64_t first, std::int64_t count) const {
    std::vector<ReplayCall> calls;
    if (!aie::has_weights(layer_)) {
      // A sum of n tensors takes n - 1 calls.
      const auto sums = std::max<std::int64_t>(1, std::ssize(layer_.producers) - 1);
      const std::int64_t times = layer_.kind == LayerKind::add ? sums : 1;
      calls.push_back({call(count), std::vector<std::uint32_t>(static_cast<std::size_t>(times))});
      return calls;
    }
    const std::int64_t chunk = std::max<std::int64_t>(1, layer_.core_weight.cout / 8);
    for (std::int64_t done = 0; done < count; done += chunk) {
      add_chunk(first + done, std::min(chunk, count - done), calls);
    }
    return calls;
  }

 private:
  /// One chunk of output channels, its input channels in pieces.
  void add_chunk(std::int64_t first, std::int64_t count, std::vector<ReplayCall>& calls) const {
    const std::int64_t pieces =
        kernel_ == aie::Kernel::depthwise ? 1 : ceil_div(blocks_.in, piece_);
    for (std::int64_t i = 0; i < pieces; ++i) {
      aie::KernelCall made = call(count);
      made.begin = i == 0;
      made.finish = i + 1 == pieces;
      const std::int64_t from = i * piece_, to = std::min(blocks_.in, from + piece_);
      const std::uint32_t kept = kept_until(first * blocks_.in + count * to) -
                                 kept_until(first * blocks_.in + count * from);
      if (!calls.empty() && calls.back().call == made) {
        calls.back().kept.push_back(kept);
      } else {
        calls.push_back({made, {kept}});
      }
    }
  }

  /// Kept operands among the first `blocks` pairs of an output and an input block, at the mean
  /// density of the layer.
  [[nodiscard]] std::uint32_t kept_until(std::int64_t blocks) const {
    const bool sparse = kernel_ == aie::Kernel::conv_sparse4;
    const double charged =
        layer_.corrected_density >= 0 ? layer_.corrected_density : layer_.density;
    // The charged density of the 2:4 unit is half of the touched one, and so is the number of
    // pairs.
    const double share = sparse ? std::min(0.5, charged) : charged;
    return static_cast<std::uint32_t>(std::llround(share * static_cast<double>(blocks)));
  }

  [[nodiscard]] aie::KernelCall call(std::int64_t out_blocks) const {
    aie::KernelCall call;
    call.kernel = kernel_;
    const bool convolution = kernel_ == aie::Kernel::conv || kernel_ == aie::Kernel::conv_sparse4;
    const aie::Extent& in = layer_.core_input;
    const std::int64_t streamed = std::max<std::int64_t>(1, in.c / 8);
    call.in = {u16(convolution ? std::min(piece_, streamed) : out_blocks), u16(in.h),
               u16(aie::has_weights(layer_) ? round_up(in.w, 8) : in.w)};
    call.out = {u16(out_blocks), 0, u16(layer_.core_output.w)};
    call.window = {u8(layer_.window.kh), u8(layer_.window.kw)};
    call.stride = {u8(layer_.window.stride_h), u8(layer_.window.stride_w)};
    if (layer_.kind == LayerKind::global_avg_pool) {
      call.window = {u8(in.h), u8(in.w)};
      call.stride = {1, 1};
    }
    return call;
  }

  const TiledLayer& layer_;
  aie::Kernel kernel_;
  Blocks blocks_;
  std::int64_t piece_;  ///< input blocks of a call
};

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
  const aie::LayerEstimate estimate = aie::estimate_layer(layer, device, aie::Model::published);
  const auto words = [&](double ns, double bandwidth) {
    return words_of(bytes_of_lane(ns, bandwidth));
  };
  const aie::LaneTimes& lanes = estimate.lanes;
  const bool one_column =
      layer.kind != LayerKind::global_avg_pool && layer.output.w < device.columns;
  replay.columns = one_column ? 1 : device.columns;
  replay.has_weights = aie::has_weights(layer);
  replay.rows = layer.core_output.h;
  const std::int64_t iterations = std::max<std::int64_t>(1, estimate.iterations);
  replay.loadfm_words = ceil_div(words(lanes.loadfm_ns, device.loadfm_bandwidth), iterations);
  replay.writefm_words = ceil_div(words(lanes.writefm_ns, device.writefm_bandwidth), iterations);
  const std::int64_t sent = words(lanes.loadwm_ns, device.loadwm_bandwidth);
  const std::int64_t repeat = aie::concat_repeat(layer, device);
  const std::int64_t splits = aie::sweeps(layer, device) / (layer.passes * repeat);
  const std::int64_t sends = layer.height_tiles * layer.passes * repeat * splits;
  replay.chunk_words =
      replay.has_weights
          ? words_of(round_up(aie::unified_bytes(layer.core_weight, layer.density), 16))
          : sent;
  const std::int64_t header = replay.has_weights ? sent - sends * replay.chunk_words : 0;
  const Calls calls(layer, device, options);
  const std::int64_t share = blocks_of(layer, device).out;
  const std::vector<std::int64_t> tile_rows = layer.kind == LayerKind::global_avg_pool
                                                  ? std::vector<std::int64_t>{1}
                                                  : aie::height_tile_rows(layer);
  const std::int64_t count = std::ssize(tile_rows) * layer.passes;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t pass = i % layer.passes;
    ReplayStep& step = replay.steps.emplace_back();
    step.name = layer.name;
    if (count > 1) step.name += fmt::format(": part {} of {}", i + 1, count);
    step.load_words = part(words_of(layer.load_bytes), i, count);
    step.write_words = part(words_of(layer.write_bytes), i, count);
    step.loadw_words = part(words(lanes.loadw_ns, device.loadw_bandwidth), i, count);
    const std::int64_t rows = tile_rows[static_cast<std::size_t>(i / layer.passes)];
    step.iterations = ceil_div(rows, replay.rows);
    step.last_rows = rows - (step.iterations - 1) * replay.rows;
    step.sends = replay.has_weights ? repeat * splits : (i == 0 ? 1 : 0);
    step.header_words = i == 0 ? header : 0;
    const std::int64_t parts = layer.passes * repeat;  // of a core's output channels
    for (std::int64_t r = 0; r < repeat; ++r) {
      const std::int64_t at = pass * repeat + r;
      const std::int64_t first = replay.has_weights ? share * at / parts : 0;
      const std::int64_t here = replay.has_weights ? part(share, at, parts) : share;
      step.sweeps.push_back({splits, calls.of(first, here)});
    }
  }
  for (const ReplayCall& call : calls.of(0, share)) {
    if (call.call.begin && call.call.finish) continue;
    replay.accumulator_bytes =
        std::max(replay.accumulator_bytes,
                 std::int64_t{32} * call.call.out.blocks * replay.rows * call.call.out.columns);
  }
  return replay;
}

std::vector<Excess> excesses_of(const TiledLayer& layer, const ReplayLayer& replay,
                                const aie::Device& device) {
  std::vector<Excess> found;
  const auto check = [&](std::string_view buffer, std::int64_t needed, std::int64_t limit) {
    if (needed > limit) found.push_back({0, std::string(buffer), needed, limit});
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
  return found;
}

}  // namespace wbs::compiler
