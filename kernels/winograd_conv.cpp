#include "kernels/winograd_conv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "kernels/direct_weights.hpp"
#include "kernels/parallel.hpp"

namespace wbs::kernels {
namespace {

/// Words from position to position of `channels` transformed planes. The transforms touch all
/// positions of a channel in turn, which must not meet in few sets of a cache.
std::int64_t position_stride(std::int64_t channels, std::int64_t lane_stride) {
  constexpr std::int64_t kLine = 16;
  constexpr std::int64_t kWay = 64 * kLine;
  const std::int64_t words = (channels * lane_stride + kLine - 1) / kLine * kLine;
  // Five lines beyond a multiple of a way: 36 positions of up to four lines lie side by side.
  return (words + kWay - 1) / kWay * kWay + 5 * kLine;
}

std::int32_t most_vectors(Packing packing) noexcept {
  return packing == Packing::rows ? kRowTileVectors : kTileVectors;
}

/// Panels whose sums are kept until they are transformed back: as many as leave room for inputs in
/// a second-level cache of 1 MiB. Few are slower, because weights stream panel by panel.
std::int32_t choose_chunk(const PackedWeights& index, int positions, std::int64_t lane_stride) {
  constexpr std::int64_t kMostBytes = 640 << 10;
  const std::int64_t panel_bytes = std::int64_t{4} * positions * index.panel_rows() * lane_stride;
  const std::int64_t most = std::max<std::int64_t>(kMostBytes / panel_bytes, 1);
  const std::int64_t chunks = (index.panels + most - 1) / most;
  return static_cast<std::int32_t>((index.panels + chunks - 1) / chunks);
}

/// Where kept outputs go when the mask prunes whole ones.
std::optional<CompactOutputs> kept_outputs_of(const ConvLayer& layer) {
  std::optional<CompactOutputs> outputs = compact_outputs(layer);
  if (outputs && outputs->channels.empty()) outputs.reset();
  return outputs;
}

/// The weights of the layer, or of its kept outputs alone.
WinogradWeights weights_of(const ConvLayer& layer, int tile, const ConvOptions& options,
                           const std::optional<CompactOutputs>& compact) {
  if (!compact) return WinogradWeights(layer, tile, options.reload_sources);
  const Tensor weights = compact_weights(layer, *compact);
  ConvLayer rows = layer;
  rows.shape.out_channels = weights.shape[0];
  rows.weights = &weights;
  rows.mask = nullptr;
  rows.epilogue.scale = compact_values(layer.epilogue.scale, 1, *compact);
  if (options.reload_sources == nullptr) return WinogradWeights(rows, tile);
  const std::vector<std::int32_t> sources = compact_values(
      *options.reload_sources, layer.shape.in_channels * layer.shape.taps(), *compact);
  return WinogradWeights(rows, tile, &sources);
}

}  // namespace

std::string winograd_refusal(const ConvLayer& layer, const Implementation& implementation) {
  const ConvShape& shape = layer.shape;
  if (layer.element != Element::f32) return "it is for fp32";
  if (shape.kernel != std::array<std::int64_t, 2>{3, 3}) return "its kernel is not 3x3";
  if (shape.stride != std::array<std::int64_t, 2>{1, 1}) return "its stride is not 1";
  if (shape.dilation != std::array<std::int64_t, 2>{1, 1}) return "its dilation is not 1";
  if (implementation.winograd == nullptr) {
    return fmt::format("implementation '{}' has no transforms", implementation.name);
  }
  return "";
}

WinogradConv::WinogradConv(const ConvLayer& layer, const Implementation& implementation, int tile,
                           const ConvOptions& options)
    : ConvKernel(layer, implementation),
      shape_(layer.shape),
      epilogue_(layer.epilogue),
      threads_(std::max(options.threads, 1)),
      transforms_(implementation.winograd(tile)),
      compact_(kept_outputs_of(layer)),
      weights_(weights_of(layer, tile, options, compact_)),
      geometry_(winograd_geometry(layer.shape, tile, most_vectors(weights_.index().packing),
                                  weights_.index().packing != Packing::rows)) {
  const PackedWeights& index = weights_.index();
  tile_ = implementation.tile(TileOutput::f32, index.packing);
  // Whole groups stay with one core, unless some cores would wait for others.
  const auto groups = static_cast<std::int64_t>(geometry_.groups.size());
  shares_groups_ = groups % threads_ != 0 && groups < std::int64_t{4} * threads_;
  const auto channels =
      static_cast<std::size_t>(std::int64_t{index.panels} * index.panel_rows() + 8);
  zero_start_.assign(channels, 0);
  bias_start_.assign(channels, 0);
  const std::vector<float> bias =
      compact_ ? compact_values(epilogue_.bias, 1, *compact_) : epilogue_.bias;
  for (std::size_t o = 0; o < bias.size(); ++o) {
    bias_start_[o] = std::bit_cast<std::int32_t>(bias[o]);
  }
  if (compact_) {
    std::vector<float> all = epilogue_.bias;
    all.resize(static_cast<std::size_t>(shape_.out_channels));
    set_epilogue({all, all, epilogue_.low, epilogue_.high, false}, Element::f32, *compact_);
    fill_ = implementation.rows[static_cast<std::size_t>(Element::f32)].finish;
  }
  lane_stride_ = std::int64_t{geometry_.max_vectors + geometry_.max_tail} * kVectorPixels;
  panel_chunk_ = choose_chunk(index, geometry_.positions(), lane_stride_);
  input_positions_ = position_stride(shape_.in_channels, lane_stride_);
  sum_positions_ = position_stride(std::int64_t{panel_chunk_} * index.panel_rows(), lane_stride_);
}

std::int64_t WinogradConv::scratch_bytes() const noexcept {
  const std::int64_t inputs = (shares_groups_ ? 1 : threads_) * input_positions_;
  const std::int64_t sums = threads_ * sum_positions_;
  return 4 * (geometry_.positions() * (inputs + sums) + kVectorPixels);
}

std::int64_t WinogradConv::weight_bytes() const noexcept {
  const std::int64_t words = weights_.index().word_count * 4;
  return weights_.index().size_bytes() + (geometry_.positions() - 1) * words;
}

std::int64_t WinogradConv::packed_macs() const noexcept {
  return weights_.index().word_count * geometry_.positions() * shape_.images * geometry_.tile_rows *
         geometry_.tile_columns;
}

std::string_view WinogradConv::packing() const noexcept {
  switch (weights_.index().packing) {
    case Packing::panel8:
      return packing_text(Packing::panel8, compact_.has_value());
    case Packing::panel4:
      return "panels of 4 outputs";
    case Packing::blocks:
    case Packing::pairs4:
    case Packing::pairs8:
    case Packing::rows:
      return "single outputs";
  }
  return "";
}

WinogradConv::Worker WinogradConv::worker(const ConvBuffers& buffers,
                                          std::int64_t part) const noexcept {
  auto* scratch = static_cast<float*>(buffers.scratch);
  const std::int64_t inputs = geometry_.positions() * input_positions_;
  const std::int64_t sums = geometry_.positions() * sum_positions_;
  const std::int64_t first_sums = (shares_groups_ ? 1 : threads_) * inputs;
  Worker worker{};
  worker.inputs = scratch + (shares_groups_ ? 0 : part) * inputs;
  worker.sums = scratch + first_sums + part * sums;
  worker.part = shares_groups_ ? static_cast<std::int32_t>(part) : 0;
  worker.parts = shares_groups_ ? threads_ : 1;
  return worker;
}

WinogradArgs WinogradConv::args_of(const WinogradGroup& group) const noexcept {
  WinogradArgs args{};
  args.tiles = group.tiles.data();
  args.steps = group.steps.data();
  args.tile_count = static_cast<std::int32_t>(group.tiles.size());
  args.step_count = static_cast<std::int32_t>(group.steps.size());
  args.lane_stride = lane_stride_;
  return args;
}

/// Panels are shared out by their words.
std::int32_t WinogradConv::first_panel(std::int32_t part, std::int32_t parts) const noexcept {
  const PackedWeights& index = weights_.index();
  if (part == parts) return index.panels;
  const auto words = static_cast<std::uint64_t>(index.word_count) *
                     static_cast<std::uint64_t>(part) / static_cast<std::uint64_t>(parts);
  const auto place = std::lower_bound(index.word_begin.begin(), index.word_begin.end(), words);
  return static_cast<std::int32_t>(place - index.word_begin.begin());
}

void WinogradConv::transform_inputs(const ConvBuffers& buffers, const WinogradGroup& group,
                                    const Worker& worker) const noexcept {
  WinogradArgs args = args_of(group);
  args.input = static_cast<const float*>(buffers.input);
  args.input_stride = input().stride;
  args.input_width = shape_.width;
  args.input_planes = static_cast<std::int32_t>(shape_.in_channels);
  // A strip begins in its row or padding, and is 16 words long.
  const std::int64_t over = std::int64_t{2} * kVectorPixels + shape_.pad_left + shape_.pad_right;
  args.edge_planes = static_cast<std::int32_t>((over + input().stride - 1) / input().stride);
  args.begin = static_cast<std::int32_t>(shape_.in_channels * worker.part / worker.parts);
  args.end = static_cast<std::int32_t>(shape_.in_channels * (worker.part + 1) / worker.parts);
  args.transformed = worker.inputs + args.begin * lane_stride_;
  args.position_stride = input_positions_;
  transforms_.input(args);
}

void WinogradConv::multiply(const WinogradGroup& group, const Worker& worker,
                            std::int32_t panel_begin, std::int32_t panel_end) const noexcept {
  static constexpr std::int64_t kNoOffset = 0;
  static constexpr std::uint64_t kAllLanes = ~std::uint64_t{0};
  const PackedWeights& index = weights_.index();
  TileArgs args{};
  args.input_plane_bytes = 4 * lane_stride_;
  args.tap_offset = &kNoOffset;
  args.tap_mask = &kAllLanes;
  args.inside = true;
  args.taps = 1;
  args.word_begin = index.word_begin.data();
  args.run_begin = index.run_begin.data();
  args.runs = index.runs.data();
  args.planes = index.planes.data();
  args.panel_begin = panel_begin;
  args.panel_end = panel_end;
  args.out_channels = static_cast<std::int32_t>(row_count());
  // The tail kernels clip and point at scale and bias in any case.
  args.scale = reinterpret_cast<const float*>(zero_start_.data());
  args.bias = args.scale;
  args.low = -std::numeric_limits<float>::infinity();
  args.high = std::numeric_limits<float>::infinity();
  args.output_type = TileOutput::f32;
  args.output_plane_bytes = 4 * lane_stride_;
  args.store_mask = kAllLanes;
  args.vectors = group.vectors;
  args.tail = group.tail;
  // The column of A^T for position 1 is all ones, in both tile sizes: a sum that begins at the bias
  // there adds it to every output of the tile.
  const std::int64_t bias_position = geometry_.tile + 2 + 1;
  const std::int64_t first_channel = std::int64_t{panel_begin} * index.panel_rows();
  for (std::int64_t x = 0; x < geometry_.positions(); ++x) {
    args.input = reinterpret_cast<const unsigned char*>(worker.inputs + x * input_positions_);
    args.weights =
        reinterpret_cast<const unsigned char*>(weights_.words()) + 4 * x * index.word_count;
    args.start = x == bias_position ? bias_start_.data() : zero_start_.data();
    args.output = reinterpret_cast<unsigned char*>(worker.sums + x * sum_positions_ -
                                                   first_channel * lane_stride_);
    tile_(args);
  }
}

void WinogradConv::transform_sums(const ConvBuffers& buffers, const WinogradGroup& group,
                                  const Worker& worker, std::int32_t panel_begin,
                                  std::int32_t panel_end) const noexcept {
  const std::int32_t rows = weights_.index().panel_rows();
  const auto channels = static_cast<std::int32_t>(row_count());
  WinogradArgs args = args_of(group);
  args.begin = std::min(panel_begin * rows, channels);
  args.end = std::min(panel_end * rows, channels);
  args.transformed = worker.sums;
  args.position_stride = sum_positions_;
  args.output = static_cast<float*>(buffers.output);
  args.output_stride = output().stride;
  args.output_width = shape_.out_width();
  args.residual = static_cast<const float*>(buffers.residual);
  args.residual_scale = epilogue_.residual_scale;
  args.low = epilogue_.low;
  args.high = epilogue_.high;
  args.clipped = std::isfinite(args.low) || std::isfinite(args.high);
  if (!compact_) {
    transforms_.output(args);
    return;
  }
  const std::int32_t end = args.end;
  for (std::int32_t row = args.begin; row < end; ++row, args.transformed += lane_stride_) {
    args.begin = compact_->channels[static_cast<std::size_t>(row)];
    args.end = args.begin + 1;
    if (args.begin >= 0) transforms_.output(args);
  }
}

/// This part's share of the planes that the mask prunes.
void WinogradConv::fill_pruned(const ConvBuffers& buffers, std::int64_t part) const noexcept {
  static constexpr std::array<float, kSumPitch> kZeros{};
  const std::int64_t stride = output().stride;
  const std::int64_t pixels = output().pixels();
  for (std::int64_t c = shape_.out_channels * part / threads_;
       c < shape_.out_channels * (part + 1) / threads_; ++c) {
    FinishWord word = compact_->words[static_cast<std::size_t>(c)];
    if (word.kept != 0) continue;
    word.row[0] = 0;
    FinishRun run{};
    run.words = &word;
    run.count = 1;
    run.sums = kZeros.data();
    run.other_scale = epilogue_.residual_scale;
    run.low = epilogue_.low;
    run.high = epilogue_.high;
    for (std::int64_t first = 0; first < pixels; first += kSumPitch) {
      const std::int64_t place = c * stride + first;
      run.pixels = std::min<std::int64_t>(pixels - first, kSumPitch);
      run.y = static_cast<float*>(buffers.output) + place;
      run.other =
          epilogue_.residual ? static_cast<const float*>(buffers.residual) + place : nullptr;
      fill_(run);
    }
  }
}

/// From transformed inputs to outputs, for this worker's panels.
void WinogradConv::finish_group(const ConvBuffers& buffers, const WinogradGroup& group,
                                const Worker& worker) const noexcept {
  const std::int32_t end = first_panel(worker.part + 1, worker.parts);
  for (std::int32_t panel = first_panel(worker.part, worker.parts); panel < end;) {
    const std::int32_t chunk_end = std::min(panel + panel_chunk_, end);
    multiply(group, worker, panel, chunk_end);
    transform_sums(buffers, group, worker, panel, chunk_end);
    panel = chunk_end;
  }
}

void WinogradConv::run(const ConvBuffers& buffers) const noexcept {
  const auto nothing = [](std::int64_t) {};
  if (compact_) {
    parallel_phases(threads_, 0, nothing, threads_,
                    [&](std::int64_t part) { fill_pruned(buffers, part); });
  }
  if (shares_groups_) {
    for (const WinogradGroup& group : geometry_.groups) {
      parallel_phases(
          threads_, threads_,
          [&](std::int64_t part) { transform_inputs(buffers, group, worker(buffers, part)); },
          threads_,
          [&](std::int64_t part) { finish_group(buffers, group, worker(buffers, part)); });
    }
    return;
  }
  parallel_phases(threads_, 0, nothing, threads_, [&](std::int64_t part) {
    const Worker alone = worker(buffers, part);
    const auto count = static_cast<std::int64_t>(geometry_.groups.size());
    for (std::int64_t g = count * part / threads_; g < count * (part + 1) / threads_; ++g) {
      const WinogradGroup& group = geometry_.groups[static_cast<std::size_t>(g)];
      transform_inputs(buffers, group, alone);
      finish_group(buffers, group, alone);
    }
  });
}

void WinogradConv::reload(const float* values) noexcept {
  weights_.reload(values);
}

std::unique_ptr<ConvKernel> make_winograd_conv(const ConvLayer& layer,
                                               const Implementation& implementation, int tile,
                                               const ConvOptions& options) {
  const std::string reason = winograd_refusal(layer, implementation);
  if (!reason.empty()) {
    throw Error(
        ErrorKind::unsupported,
        fmt::format("layer {}: Winograd's algorithm cannot run it: {}", layer.name, reason));
  }
  return std::make_unique<WinogradConv>(layer, implementation, tile, options);
}

}  // namespace wbs::kernels
