#include "aie_model/geometry.hpp"

#include "core/error.hpp"

namespace wbs::aie {

std::vector<std::int64_t> height_tile_rows(const TiledLayer& layer) {
  WBS_ASSERT(layer.height_tiles >= 1);
  std::vector<std::int64_t> rows;
  const std::int64_t each = ceil_div(layer.output.h, layer.height_tiles);
  for (std::int64_t done = 0; done < layer.output.h; done += each) {
    rows.push_back(std::min(each, layer.output.h - done));
  }
  return rows;
}

std::vector<IterationGroup> iteration_groups(const TiledLayer& layer) {
  std::vector<IterationGroup> groups;
  if (layer.kind == LayerKind::concat) return groups;
  if (layer.kind == LayerKind::global_avg_pool) return {{1, 0, 0}};
  const Window& win = layer.window;
  const std::int64_t step = std::max<std::int64_t>(layer.core_output.h, 1);
  std::int64_t tile_start = 0;
  for (const std::int64_t tile_rows : height_tile_rows(layer)) {
    const std::int64_t tile_end = tile_start + tile_rows;
    bool first_of_tile = true;
    for (std::int64_t row = tile_start; row < tile_end; row += step) {
      const std::int64_t last = std::min(row + step, tile_end) - 1;
      const std::int64_t top = std::max<std::int64_t>(0, win.pad_h - row * win.stride_h);
      const std::int64_t bottom =
          win.pad_h == 0
              ? 0
              : std::max<std::int64_t>(0, last * win.stride_h - win.pad_h + win.kh - layer.input.h);
      const bool same =
          !first_of_tile && groups.back().pad_top == top && groups.back().pad_bottom == bottom;
      if (same) {
        ++groups.back().count;
      } else {
        groups.push_back({1, top, bottom});
      }
      first_of_tile = false;
    }
    tile_start = tile_end;
  }
  return groups;
}

}  // namespace wbs::aie
