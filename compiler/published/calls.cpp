#include "compiler/published/calls.hpp"

#include <algorithm>
#include <cmath>

#include "aie_model/geometry.hpp"
#include "sparsity/operands.hpp"
#include "sparsity/plane.hpp"

namespace wbs::compiler {
namespace {

using aie::ceil_div;
using aie::LayerKind;
using aie::round_up;
using aie::TiledLayer;

std::uint16_t u16(std::int64_t value) {
  return static_cast<std::uint16_t>(value);
}
std::uint8_t u8(std::int64_t value) {
  return static_cast<std::uint8_t>(value);
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

}  // namespace

std::int64_t blocks_of_chunk(const TiledLayer& layer) {
  return std::max<std::int64_t>(1, layer.core_weight.cout / 8);
}

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

ReplayCalls::ReplayCalls(const TiledLayer& layer, const ReplayWeights& weights, std::int64_t pieces)
    : layer_(layer), kernel_(kernel_of(layer, weights.mask)), in_blocks_(weights.in_blocks) {
  const std::int64_t cut = layer.core_weight.cin / 8;
  piece_ = std::clamp<std::int64_t>(pieces > 1 ? ceil_div(in_blocks_, pieces) : cut, 1, in_blocks_);
  // Operands of the sparse unit are pairs of input blocks.
  const bool pairs = kernel_ == aie::Kernel::conv_sparse4 && pieces <= 1;
  if (pairs && piece_ > 1) piece_ -= piece_ % 2;
}

std::vector<ReplayCall> ReplayCalls::of(std::int64_t first, std::int64_t count) const {
  std::vector<ReplayCall> calls;
  if (!aie::has_weights(layer_)) {
    // A sum of n tensors takes n - 1 calls.
    const auto sums = std::max<std::int64_t>(1, std::ssize(layer_.producers) - 1);
    const std::int64_t times = layer_.kind == LayerKind::add ? sums : 1;
    calls.push_back({call(count), std::vector<ChunkSpan>(static_cast<std::size_t>(times))});
    return calls;
  }
  const std::int64_t chunk = blocks_of_chunk(layer_);
  for (std::int64_t done = 0; done < count; done += chunk) {
    add_chunk(first + done, std::min(chunk, count - done), calls);
  }
  return calls;
}

/// One chunk of output channels, its input channels in pieces.
void ReplayCalls::add_chunk(std::int64_t first, std::int64_t count,
                            std::vector<ReplayCall>& calls) const {
  const std::int64_t pieces = kernel_ == aie::Kernel::depthwise ? 1 : ceil_div(in_blocks_, piece_);
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

aie::KernelCall ReplayCalls::call(std::int64_t out_blocks) const {
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

}  // namespace wbs::compiler
