#include "aie_model/pool_tiling.hpp"

#include <algorithm>

#include "aie_model/geometry.hpp"

namespace wbs::aie {
namespace {

/// Limits on one iteration's input that the logged pools keep (bytes): two ping/pong buffers for
/// max pools, less for average pools.
constexpr std::int64_t kMaxPoolInput = 16384;
constexpr std::int64_t kAvgPoolInput = 12288;
constexpr std::int64_t kAddOutput = 8192;

void tile_add(TiledLayer& layer, const Device& device) {
  const Extent& out = layer.output;
  const std::int64_t column = column_width(out.w, device);
  std::int64_t splits = 1;
  std::int64_t width = column;
  while (width > 1 && width * out.c > kAddOutput) width = ceil_div(column, splits *= 2);
  std::int64_t channels = out.c;
  while (channels % 2 == 0 && width * channels > kAddOutput) channels /= 2;
  const std::int64_t rows = std::clamp<std::int64_t>(kAddOutput / (width * channels), 1, out.h);
  layer.width_splits = splits;
  layer.channel_splits = out.c / channels;
  layer.core_input = layer.core_output = {rows, width, channels};
}

void tile_global_pool(TiledLayer& layer, const Device& device) {
  const Extent& in = layer.input;
  const std::int64_t column = ceil_div(in.c, device.columns);
  std::int64_t channels = column;
  while (channels > 1 && in.h * in.w * channels > kMaxPoolInput) channels = ceil_div(channels, 2);
  layer.width_splits = 1;
  layer.channel_splits = ceil_div(column, channels);
  layer.core_input = {in.h, in.w, channels};
  layer.core_output = {1, 1, channels};
}

void tile_window_pool(TiledLayer& layer, const Device& device) {
  const Window& win = layer.window;
  const std::int64_t limit = layer.kind == LayerKind::max_pool ? kMaxPoolInput : kAvgPoolInput;
  const std::int64_t column = column_width(layer.output.w, device);
  const auto in_w = [&](std::int64_t out_w) { return (out_w - 1) * win.stride_w + win.kw; };
  std::int64_t channels = layer.output.c;
  std::int64_t splits = 1;
  std::int64_t width = column;
  const auto fits = [&](std::int64_t out_w, std::int64_t c) {
    return win.kh * in_w(out_w) * c <= limit;
  };
  if (fits(1, channels)) {
    while (!fits(width, channels)) width = ceil_div(column, splits *= 2);
  } else {
    // Not even one output column fits with all channels: split the channels, not the width.
    while (channels % 2 == 0 && !fits(width, channels)) channels /= 2;
  }
  std::int64_t rows = 1;
  while (rows < layer.output.h &&
         (rows * win.stride_h + win.kh) * in_w(width) * channels <= limit) {
    ++rows;
  }
  layer.width_splits = splits;
  layer.channel_splits = layer.output.c / channels;
  layer.core_input = {(rows - 1) * win.stride_h + win.kh, in_w(width), channels};
  layer.core_output = {rows, width, channels};
}

}  // namespace

void tile_pool_or_add(TiledLayer& layer, const Device& device) {
  switch (layer.kind) {
    case LayerKind::add:
      tile_add(layer, device);
      break;
    case LayerKind::global_avg_pool:
      tile_global_pool(layer, device);
      break;
    case LayerKind::max_pool:
    case LayerKind::avg_pool:
      tile_window_pool(layer, device);
      break;
    case LayerKind::conv:
    case LayerKind::fully_connected:
    case LayerKind::concat:
      break;
  }
}

}  // namespace wbs::aie
