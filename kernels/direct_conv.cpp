#include "kernels/direct_conv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/parallel.hpp"
#include "kernels/reload.hpp"

namespace wbs::kernels {
namespace {

constexpr std::int32_t kPanelRows = 8;

TileLimits limits_of(Packing packing) noexcept {
  if (packing == Packing::rows || packing == Packing::blocks) return {kRowTileVectors, false};
  if (is_pair_form(packing)) return {kPairVectors, false};
  return {kTileVectors, true};
}

/// The zero point as a word.
std::uint32_t fill_word(const Planes& planes) noexcept {
  return 0x01010101U * static_cast<std::uint32_t>(planes.zero_point);
}

/// Sum of the output channel's weights: what a zero point of 1 adds to its sum.
std::int32_t weight_sum(const Tensor& weights, std::int64_t out) noexcept {
  const std::int64_t per_out = static_cast<std::int64_t>(weights.values.size()) / weights.shape[0];
  std::int32_t sum = 0;
  for (std::int64_t k = 0; k < per_out; ++k) {
    sum += static_cast<std::int32_t>(weights.values[static_cast<std::size_t>(out * per_out + k)]);
  }
  return sum;
}

PaddedEpilogue pad_epilogue(const ConvLayer& layer, std::int64_t channels) {
  const Epilogue& epilogue = layer.epilogue;
  PaddedEpilogue padded;
  const auto size = static_cast<std::size_t>(channels);
  padded.start.assign(size, 0);
  padded.scale.assign(size, 0.0F);
  // Channels that fill up a word become the zero point; so they are in the residual.
  const auto zero_point = static_cast<float>(epilogue.output_zero_point);
  padded.bias.assign(
      size, epilogue.residual ? zero_point - zero_point * epilogue.residual_scale : zero_point);
  for (std::size_t o = 0; o < static_cast<std::size_t>(layer.shape.out_channels); ++o) {
    padded.scale[o] = epilogue.scale.empty() ? 1.0F : epilogue.scale[o];
    padded.bias[o] = epilogue.bias.empty() ? 0.0F : epilogue.bias[o];
    // Without scales the sum may as well begin at the bias, which saves an operation per output.
    if (layer.element != Element::u8 && epilogue.scale.empty()) {
      padded.start[o] = std::bit_cast<std::int32_t>(padded.bias[o]);
    }
    if (layer.element == Element::u8 && layer.input_zero_point != 0) {
      padded.start[o] =
          -layer.input_zero_point * weight_sum(*layer.weights, static_cast<std::int64_t>(o));
    }
  }
  return padded;
}

/// Which bounds some y may cross. Stores to u8 saturate, which covers [0, 255] unless y is beyond
/// 32 bits.
TileClip clip_of(const ConvLayer& layer, float low, float high) {
  if (layer.epilogue.output != Element::u8) {
    if (std::isfinite(high)) return TileClip::both;
    return std::isfinite(low) ? TileClip::low : TileClip::none;
  }
  if (low > 0.0F || high < 255.0F) return TileClip::both;
  const double products = static_cast<double>(layer.weights->values.size()) /
                          static_cast<double>(layer.shape.out_channels);
  double largest = 0.0;
  for (std::size_t o = 0; o < static_cast<std::size_t>(layer.shape.out_channels); ++o) {
    const double scale = layer.epilogue.scale.empty() ? 1.0 : layer.epilogue.scale[o];
    const double bias = layer.epilogue.bias.empty() ? 0.0 : layer.epilogue.bias[o];
    largest = std::max(largest, std::fabs(scale) * products * 255.0 * 128.0 + std::fabs(bias));
  }
  largest += 255.0 * std::fabs(layer.epilogue.residual_scale);
  return largest < 2e9 ? TileClip::none : TileClip::both;
}

/// Whether to prefetch a tensor of this size. In a network the last layer's output comes from
/// beyond the second-level cache often enough: with activations that rotate over 3 MB, prefetching
/// all but the smallest makes int8 512 -> 128 channels of 28x28 1.27 times faster; where the input
/// is already near it costs up to 5% (EPYC, Zen 4).
bool wants_prefetch(std::int64_t size_bytes) noexcept {
  constexpr std::int64_t kFirstLevel = 32 << 10;
  return size_bytes > kFirstLevel;
}

}  // namespace

DirectConv::DirectConv(const ConvLayer& layer, const Implementation& implementation,
                       const ConvOptions& options)
    : ConvKernel(layer, implementation),
      shape_(layer.shape),
      threads_(options.threads),
      weights_(direct_weights(layer, input(), implementation, options)),
      geometry_(geometry_of(layer.shape, input(), output(), limits_of(weights_.packed.packing),
                            weights_.folded)),
      epilogue_(pad_epilogue(layer, layer.shape.out_channels + std::int64_t{2} * kPanelRows)) {
  if (options.reload_sources != nullptr) {
    const Tensor numbered = numbered_weights(layer.weights->shape);
    ConvLayer places = layer;
    places.weights = &numbered;
    sources_ = packed_places(direct_weights(places, input(), implementation, options).packed);
    for (std::int32_t& source : sources_) {
      if (source >= 0) source = (*options.reload_sources)[static_cast<std::size_t>(source)];
    }
  }
  const PackedWeights& packed = weights_.packed;
  every_second_ = implementation.every_second;
  tile_ = implementation.tile(tile_output(layer.element), packed.packing);
  for (const std::int64_t words : geometry_.tap_offset) tap_offset_bytes_.push_back(words * 4);
  // Where tiles are few, panels (or their groups) are shared out as well.
  const auto tiles = static_cast<std::int32_t>(geometry_.tiles.size());
  const std::int32_t wanted = threads_ > 1 ? (8 * threads_ + tiles - 1) / tiles : 1;
  const std::int32_t parts =
      weights_.compact ? static_cast<std::int32_t>(weights_.compact->groups.size()) : packed.panels;
  chunks_ = std::min(wanted, parts);
  chunk_parts_ = (parts + chunks_ - 1) / chunks_;
  chunks_ = (parts + chunk_parts_ - 1) / chunk_parts_;

  const Epilogue& epilogue = layer.epilogue;
  residual_ = epilogue.residual;
  const bool bytes = epilogue.output == Element::u8;
  common_.input_plane_bytes =
      4 * (geometry_.copies.empty() ? input().stride : geometry_.copy_stride);
  common_.tap_offset = tap_offset_bytes_.data();
  common_.taps = static_cast<std::int32_t>(geometry_.tap_offset.size());
  common_.fill = fill_word(input());
  common_.weights = reinterpret_cast<const unsigned char*>(packed.words.data());
  common_.word_begin = packed.word_begin.data();
  common_.run_begin = packed.run_begin.data();
  common_.runs = packed.runs.data();
  common_.planes = packed.planes.data();
  common_.input_planes =
      static_cast<std::int32_t>(input().planes() * (weights_.folded ? shape_.kernel[1] : 1));
  common_.padded_rows = packed.panels * packed.panel_rows();
  common_.out_channels = static_cast<std::int32_t>(shape_.out_channels);
  common_.start = epilogue_.start.data();
  common_.scale = epilogue_.scale.data();
  common_.bias = epilogue_.bias.data();
  common_.residual_scale = epilogue.residual_scale;
  common_.low = bytes ? std::max(epilogue.low, 0.0F) : epilogue.low;
  common_.high = bytes ? std::min(epilogue.high, 255.0F) : epilogue.high;
  common_.scaled = layer.element == Element::u8 || !epilogue.scale.empty();
  common_.clip = clip_of(layer, common_.low, common_.high);
  common_.output_type = tile_output(epilogue.output);
  common_.output_plane_bytes = 4 * output().stride;
  prefetch_input_ = wants_prefetch(std::max(scratch_bytes(), input().size_bytes()));
  common_.prefetch_output = wants_prefetch(output().size_bytes());
  if (weights_.compact) {
    plan_compact(*weights_.compact, epilogue.output);
    finish_ = implementation.rows[static_cast<std::size_t>(epilogue.output)].finish;
  }
}

void DirectConv::plan_compact(CompactOutputs& compact, Element output) {
  set_epilogue({epilogue_.scale, epilogue_.bias, common_.low, common_.high, common_.scaled}, output,
               compact);
  std::vector<std::int32_t> start;
  for (const std::int32_t channel : compact.channels) {
    start.push_back(channel < 0 ? 0 : epilogue_.start[static_cast<std::size_t>(channel)]);
  }
  start.resize(start.size() + kPanelRows);
  epilogue_.start = std::move(start);
  common_.start = epilogue_.start.data();
}

std::int64_t DirectConv::scratch_bytes() const noexcept {
  return static_cast<std::int64_t>(geometry_.copies.size()) * input().planes() *
         geometry_.copy_stride * 4;
}

std::int64_t DirectConv::weight_bytes() const noexcept {
  return weights_.packed.size_bytes() +
         static_cast<std::int64_t>(geometry_.masks.size() * sizeof(std::uint64_t) +
                                   geometry_.tiles.size() * sizeof(Tile));
}

std::int64_t DirectConv::packed_macs() const noexcept {
  return weights_.packed.word_count * channels_per_word(input().element) * output().pixels();
}

std::string_view DirectConv::packing() const noexcept {
  return packing_text(weights_.packed.packing, weights_.compact.has_value());
}

/// One input plane becomes one plane of each copy.
void DirectConv::copy_columns(const ConvBuffers& buffers, std::int64_t plane) const noexcept {
  const auto* in = static_cast<const std::uint32_t*>(buffers.input) + plane * input().stride;
  const std::int64_t width = output().width;
  const std::int64_t step = shape_.stride[1];
  for (std::size_t c = 0; c < geometry_.copies.size(); ++c) {
    const ColumnCopy& copy = geometry_.copies[c];
    auto* out = static_cast<std::uint32_t*>(buffers.scratch) +
                (static_cast<std::int64_t>(c) * input().planes() + plane) * geometry_.copy_stride;
    // Columns [first, last) of the copy lie inside the image.
    const std::int64_t first = std::clamp<std::int64_t>((step - 1 - copy.column) / step, 0, width);
    const std::int64_t last =
        std::clamp<std::int64_t>((shape_.width - copy.column + step - 1) / step, first, width);
    for (std::int64_t n = 0; n < input().images; ++n) {
      std::uint32_t* row = out + n * geometry_.copy_rows * width;
      for (std::int64_t y = copy.phase; y < shape_.height; y += shape_.stride[0], row += width) {
        const std::uint32_t* from = in + (n * shape_.height + y) * shape_.width + copy.column;
        if (weights_.folded) {
          std::fill(row, row + first, common_.fill);
          std::fill(row + last, row + width, common_.fill);
        }
        if (step == 1) {
          std::copy(from + first, from + last, row + first);
        } else if (step == 2) {
          every_second_(from + 2 * first, row + first, last - first);
        } else {
          for (std::int64_t x = first; x < last; ++x) row[x] = from[step * x];
        }
      }
    }
  }
}

void DirectConv::run_item(const ConvBuffers& buffers, const TileArgs& common,
                          std::int64_t item) const noexcept {
  const Tile& tile = geometry_.tiles[static_cast<std::size_t>(item / chunks_)];
  const auto chunk = static_cast<std::int32_t>(item % chunks_);
  TileArgs args = common;
  args.input += 4 * tile.first_in;
  args.tap_mask = geometry_.masks.data() + std::size_t{tile.mask_set} * geometry_.tap_offset.size();
  args.residual = !residual_
                      ? nullptr
                      : static_cast<const unsigned char*>(buffers.residual) + 4 * tile.first_out;
  args.output = static_cast<unsigned char*>(buffers.output) + 4 * tile.first_out;
  args.store_mask = tile.store_mask;
  args.inside = tile.inside;
  args.vectors = tile.vectors;
  args.tail = tile.tail;
  const auto next = static_cast<std::size_t>(item / chunks_) + 1;
  const PackedWeights& packed = weights_.packed;
  const bool wants_next = prefetch_input_ && chunk == chunks_ - 1 && packed.panel_form() &&
                          next < geometry_.tiles.size();
  const auto planes = static_cast<std::int32_t>(input().planes());
  if (wants_next) args.next_input = common.input + 4 * geometry_.tiles[next].first_in;
  const std::int32_t first = chunk * chunk_parts_;
  if (!weights_.compact) {
    args.panel_begin = first;
    args.panel_end = std::min(first + chunk_parts_, packed.panels);
    if (wants_next) {
      const std::size_t taps = geometry_.tap_offset.size();
      const auto runs = static_cast<std::int32_t>(
          packed.run_begin[static_cast<std::size_t>(args.panel_end) * taps] -
          packed.run_begin[static_cast<std::size_t>(first) * taps]);
      args.prefetch_planes = planes;
      args.prefetch_per_run = planes / std::max(runs, 1) + 1;
    }
    tile_(args);
    return;
  }
  const std::vector<CompactGroup>& groups = weights_.compact->groups;
  const std::int32_t last =
      std::min(first + chunk_parts_, static_cast<std::int32_t>(groups.size())) - 1;
  for (std::int32_t g = first; g <= last; ++g) {
    if (wants_next && g == last) args.prefetch_planes = planes;
    run_compact_group({tile_, finish_}, *weights_.compact, groups[static_cast<std::size_t>(g)],
                      args);
  }
}

void DirectConv::run(const ConvBuffers& buffers) const noexcept {
  TileArgs common = common_;
  common.input =
      static_cast<const unsigned char*>(geometry_.copies.empty() ? buffers.input : buffers.scratch);
  const std::int64_t planes = geometry_.copies.empty() ? 0 : input().planes();
  const auto items = static_cast<std::int64_t>(geometry_.tiles.size()) * chunks_;
  parallel_phases(
      threads_, planes, [&](std::int64_t plane) { copy_columns(buffers, plane); }, items,
      [&](std::int64_t item) { run_item(buffers, common, item); });
}

void DirectConv::reload(const float* values) noexcept {
  reload_words(sources_, values, weights_.packed);
}

std::unique_ptr<ConvKernel> make_direct_conv(const ConvLayer& layer,
                                             const Implementation& implementation,
                                             const ConvOptions& options) {
  return std::make_unique<DirectConv>(layer, implementation, options);
}

}  // namespace wbs::kernels
