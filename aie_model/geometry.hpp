// Small shape arithmetic that the plan and the estimators share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "aie_model/device.hpp"
#include "aie_model/tiled_layer.hpp"

namespace wbs::aie {

[[nodiscard]] constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

[[nodiscard]] constexpr std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return ceil_div(value, multiple) * multiple;
}

/// Share of a tensor's width that a column holds. A tensor with fewer columns of pixels than the
/// array has columns of cores is not split (the logged 7x7 layers on 8x8).
[[nodiscard]] inline std::int64_t column_width(std::int64_t width, const Device& device) {
  return width >= device.columns ? ceil_div(width, device.columns) : width;
}

/// Channels as they are stored: 3 are padded to 8.
[[nodiscard]] inline std::int64_t stored_channels(std::int64_t channels) {
  return std::max<std::int64_t>(channels, 8);
}

/// True for the kinds whose input windows overlap the padded border.
[[nodiscard]] inline bool has_weights(const TiledLayer& layer) {
  return layer.kind == LayerKind::conv || layer.kind == LayerKind::fully_connected;
}

/// Output rows of each Memtile-level height tile; their sum is output.h.
[[nodiscard]] std::vector<std::int64_t> height_tile_rows(const TiledLayer& layer);

/// One run of iterations that share their padding and so one program.
struct IterationGroup {
  std::int64_t count = 0;
  std::int64_t pad_top = 0;
  std::int64_t pad_bottom = 0;
};

/// The groups of one sweep over the rows, in order: head, body and tail of each height tile.
[[nodiscard]] std::vector<IterationGroup> iteration_groups(const TiledLayer& layer);

}  // namespace wbs::aie
