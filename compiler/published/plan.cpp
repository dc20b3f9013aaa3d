#include "compiler/published/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "aie_model/estimator.hpp"
#include "aie_model/geometry.hpp"
#include "aie_model/weights.hpp"
#include "sparsity/operands.hpp"
#include "sparsity/plane.hpp"

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

std::int64_t words_of_lane(double ns, double bandwidth) {
  return words_of(std::llround(ns * bandwidth * 1e-9));
}

aie::Kernel kernel_of(const TiledLayer& layer, const LayerMask* mask) {
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
  return mask != nullptr ? mask->kernel : aie::Kernel::conv;
}

/// The calls of one iteration.
class Calls {
 public:
  Calls(const TiledLayer& layer, const ReplayWeights& weights)
      : layer_(layer), kernel_(kernel_of(layer, weights.mask)), in_blocks_(weights.in_blocks) {
    piece_ = std::clamp<std::int64_t>(layer.core_weight.cin / 8, 1, in_blocks_);
    // Operands of the sparse unit are pairs of input blocks.
    if (kernel_ == aie::Kernel::conv_sparse4 && piece_ > 1) piece_ -= piece_ % 2;
  }

  /// Those that compute output blocks [first, first + count) of a core.
  [[nodiscard]] std::vector<ReplayCall> of(std::int64_t first, std::int64_t count) const {
    std::vector<ReplayCall> calls;
    if (!aie::has_weights(layer_)) {
      // A sum of n tensors takes n - 1 calls.
      const auto sums = std::max<std::int64_t>(1, std::ssize(layer_.producers) - 1);
      const std::int64_t times = layer_.kind == LayerKind::add ? sums : 1;
      calls.push_back({call(count), std::vector<ChunkSpan>(static_cast<std::size_t>(times))});
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
        kernel_ == aie::Kernel::depthwise ? 1 : ceil_div(in_blocks_, piece_);
    for (std::int64_t i = 0; i < pieces; ++i) {
      aie::KernelCall made = call(count);
      made.begin = i == 0;
      made.finish = i + 1 == pieces;
      const std::int64_t from = i * piece_;
      const ChunkSpan span{.out_first = first,
                           .out_count = count,
                           .in_first = from,
                           .in_count = std::min(in_blocks_, from + piece_) - from};
      if (calls.empty() || calls.back().call != made) calls.push_back({made, {}});
      calls.back().spans.push_back(span);
    }
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
  std::int64_t in_blocks_;
  std::int64_t piece_ = 1;  ///< input blocks of a call
};

ReplayWeights weights_of(const TiledLayer& layer, const aie::Device& device,
                         const PublishedOptions& options) {
  // What cores divide: a layer's channels, or those of a pool's piece.
  const std::int64_t channels = aie::has_weights(layer) ? layer.output.c : layer.core_output.c;
  ReplayWeights weights;
  weights.share = layer.corrected_density >= 0 ? layer.corrected_density : layer.density;
  weights.core_blocks = ceil_div(ceil_div(channels, device.rows), 8);
  weights.in_blocks = ceil_div(ceil_div(aie::stored_channels(layer.input.c), layer.groups), 8);
  const auto mask = options.masks.find(layer.name);
  if (mask != options.masks.end()) weights.mask = &mask->second;
  return weights;
}

/// Fills in what is the same in all steps.
void fill_sizes(const TiledLayer& layer, const aie::Device& device, const aie::LayerEstimate& rule,
                ReplayLayer& replay) {
  const bool one_column =
      layer.kind != LayerKind::global_avg_pool && layer.output.w < device.columns;
  replay.columns = one_column ? 1 : device.columns;
  replay.has_weights = aie::has_weights(layer);
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

}  // namespace

LayerMask mask_of(const Tensor& weights) {
  const sparsity::Plane plane = sparsity::plane_of(weights.shape);
  LayerMask mask;
  const bool pairs = plane.cin >= 8 && sparsity::count_operands(weights).runs_sparse_mac;
  if (pairs) mask.kernel = aie::Kernel::conv_sparse4;
  const std::int64_t unit = pairs ? 16 : 8;
  mask.kept.out_blocks = ceil_div(plane.cout, 8);
  mask.kept.in_units = ceil_div(plane.cin, unit);
  mask.kept.kept.assign(static_cast<std::size_t>(mask.kept.out_blocks * mask.kept.in_units), 0);
  const float* value = weights.values.data();
  for (std::int64_t out = 0; out < plane.cout; ++out) {
    for (std::int64_t in = 0; in < plane.cin; ++in, value += plane.taps) {
      const bool any = std::any_of(value, value + plane.taps, [](float w) { return w != 0.0F; });
      const std::int64_t at = out / 8 * mask.kept.in_units + in / unit;
      if (any) mask.kept.kept[static_cast<std::size_t>(at)] = 1;
    }
  }
  return mask;
}

std::uint32_t ReplayWeights::kept(std::int64_t row, const ChunkSpan& span) const {
  if (mask == nullptr) {
    // The sum over all spans is that of the whole, rounded once.
    const auto until = [&](std::int64_t blocks) {
      return std::llround(share * static_cast<double>(blocks));
    };
    const std::int64_t before = span.out_first * in_blocks + span.out_count * span.in_first;
    return static_cast<std::uint32_t>(until(before + span.out_count * span.in_count) -
                                      until(before));
  }
  ChunkSpan own = span;
  own.out_first += row * core_blocks;
  own.out_count = std::min(span.out_count, mask->kept.out_blocks - own.out_first);
  return own.out_count > 0 ? kept_in(mask->kept, mask->kernel, own) : 0;
}

std::int64_t ReplayStep::all_iterations() const {
  std::int64_t count = 0;
  for (const ReplaySweep& sweep : sweeps) count += sweep.count * iterations;
  return count;
}

ReplayLayer plan_replay(const TiledLayer& layer, const aie::Device& device,
                        const PublishedOptions& options) {
  ReplayLayer replay;
  if (layer.kind == LayerKind::concat) return replay;
  const aie::LayerEstimate rule = aie::estimate_layer(layer, device, aie::Model::published);
  fill_sizes(layer, device, rule, replay);
  replay.weights = weights_of(layer, device, options);
  const Calls calls(layer, replay.weights);
  const std::int64_t share = replay.weights.core_blocks;
  const std::int64_t repeat = aie::concat_repeat(layer, device);
  const std::int64_t splits = aie::sweeps(layer, device) / (layer.passes * repeat);
  const std::vector<std::int64_t> tile_rows = rows_of_tiles(layer);
  const std::int64_t count = std::ssize(tile_rows) * layer.passes;
  const std::int64_t loadw = words_of_lane(rule.lanes.loadw_ns, device.loadw_bandwidth);
  const std::int64_t sent = words_of_lane(rule.lanes.loadwm_ns, device.loadwm_bandwidth);
  for (std::int64_t i = 0; i < count; ++i) {
    ReplayStep& step = replay.steps.emplace_back();
    step.name =
        count == 1 ? layer.name : fmt::format("{}: part {} of {}", layer.name, i + 1, count);
    step.load_words = part(words_of(layer.load_bytes), i, count);
    step.write_words = part(words_of(layer.write_bytes), i, count);
    step.loadw_words = part(loadw, i, count);
    const std::int64_t rows = tile_rows[static_cast<std::size_t>(i / layer.passes)];
    step.iterations = ceil_div(rows, replay.rows);
    step.last_rows = rows - (step.iterations - 1) * replay.rows;
    if (!replay.has_weights) {
      step.sends = i == 0 ? 1 : 0;
      step.sweeps.push_back({splits * repeat, calls.of(0, share)});
      continue;
    }
    step.sends = repeat * splits;
    if (i == 0) step.header_words = sent - count * step.sends * replay.chunk_words;
    // Passes and repeats share a core's output channels.
    const std::int64_t parts = layer.passes * repeat;
    for (std::int64_t at = i % layer.passes * repeat; at < (i % layer.passes + 1) * repeat; ++at) {
      step.sweeps.push_back({splits, calls.of(share * at / parts, part(share, at, parts))});
    }
  }
  replay.accumulator_bytes = accumulators_of(calls.of(0, share), replay.rows);
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
