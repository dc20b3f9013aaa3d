#include "kernels/winograd_geometry.hpp"

#include <algorithm>

#include "kernels/tile.hpp"

namespace wbs::kernels {
namespace {

/// Tile rows count through all images.
struct Grid {
  const ConvShape& shape;
  const WinogradGeometry& geometry;
};

/// The part of tile row `row` whose tiles [first, last) a group holds.
WinogradRow row_of(const Grid& grid, std::int64_t row, std::int64_t first, std::int64_t last) {
  const ConvShape& shape = grid.shape;
  const WinogradGeometry& geometry = grid.geometry;
  const std::int64_t m = geometry.tile;
  const std::int64_t image = row / geometry.tile_rows;
  const std::int64_t y = row % geometry.tile_rows * m;
  WinogradRow part;
  part.in_word = (image * shape.height + y - shape.pad_top) * shape.width - shape.pad_left;
  part.out_word = (image * shape.out_height() + y) * shape.out_width();
  for (std::int64_t i = 0; i < m + 2; ++i) {
    const std::int64_t in_y = y - shape.pad_top + i;
    if (in_y >= 0 && in_y < shape.height) part.in_rows |= std::uint32_t{1} << i;
  }
  part.out_rows = static_cast<std::int32_t>(std::min(m, shape.out_height() - y));
  part.in_begin = static_cast<std::int32_t>(m * first / kVectorPixels);
  const std::int64_t end =
      last == geometry.tile_columns ? geometry.pitch() + geometry.overflow : m * last + 2;
  part.in_end = static_cast<std::int32_t>((end + kVectorPixels - 1) / kVectorPixels);
  part.out_begin = static_cast<std::int32_t>(m * first);
  part.out_end = static_cast<std::int32_t>(std::min(m * last, shape.out_width()));
  return part;
}

/// Tiles [first, first + count) as rows and lanes.
void fill_group(const Grid& grid, std::int64_t first, std::int64_t count, WinogradGroup& group) {
  const std::int64_t columns = grid.geometry.tile_columns;
  group.skip = static_cast<std::int32_t>(first % columns * grid.geometry.tile);
  const std::int64_t end = first + count;
  for (std::int64_t tile = first; tile < end;) {
    const std::int64_t column = tile % columns;
    const std::int64_t part = std::min(columns - column, end - tile);
    group.rows.push_back(row_of(grid, tile / columns, column, column + part));
    tile += part;
  }
  const std::int64_t first_row = first / columns;
  for (std::int64_t begin = first; begin < end; begin += kVectorPixels) {
    WinogradLanes lanes;
    lanes.first_end = static_cast<std::int32_t>(begin / columns - first_row);
    for (std::int64_t i = 0; i < kVectorPixels && begin + i < end; ++i) {
      if ((begin + i) % columns == columns - 1) lanes.row_ends |= std::uint32_t{1} << i;
    }
    group.lanes.push_back(lanes);
  }
}

}  // namespace

WinogradGeometry winograd_geometry(const ConvShape& shape, int tile, std::int32_t max_vectors,
                                   bool tails) {
  WinogradGeometry geometry;
  geometry.tile = tile;
  geometry.tile_rows = (shape.out_height() + tile - 1) / tile;
  geometry.tile_columns = (shape.out_width() + tile - 1) / tile;
  geometry.overflow = static_cast<std::int32_t>(
      std::clamp<std::int64_t>(shape.width + shape.pad_left - geometry.pitch(), 0, 2));
  const std::int64_t columns = geometry.pitch() + 2;
  for (std::int64_t begin = 0; begin < columns; begin += kVectorPixels) {
    std::uint32_t mask = 0;
    for (std::int64_t i = 0; i < kVectorPixels; ++i) {
      const std::int64_t x = begin + i - shape.pad_left;
      if (x >= 0 && x < shape.width) mask |= std::uint32_t{1} << i;
    }
    geometry.column_masks.push_back(static_cast<std::uint16_t>(mask));
  }
  const std::int64_t count = shape.images * geometry.tile_rows * geometry.tile_columns;
  const auto groups_of = [&](std::int64_t vectors) {
    return std::max<std::int64_t>((vectors + max_vectors - 1) / max_vectors, 1);
  };
  // Tiles beyond whole vectors ride as tails when there are enough groups.
  std::int64_t tail_count = count % kVectorPixels;
  if (!tails || tail_count > groups_of(count / kVectorPixels)) tail_count = 0;
  std::int64_t vectors = (count - tail_count + kVectorPixels - 1) / kVectorPixels;
  const std::int64_t group_count = groups_of(vectors);
  std::int64_t first = 0;
  for (std::int64_t g = 0; g < group_count; ++g) {
    WinogradGroup group;
    // As even as can be: two groups of two vectors are faster than three and one.
    const std::int64_t share = (vectors + group_count - g - 1) / (group_count - g);
    group.vectors = static_cast<std::int32_t>(share);
    group.tail = tail_count > 0 ? 1 : 0;
    const std::int64_t lanes = std::min(count - first, share * kVectorPixels);
    fill_group({shape, geometry}, first, lanes + group.tail, group);
    first += lanes + group.tail;
    vectors -= share;
    tail_count -= group.tail;
    geometry.max_rows = std::max(geometry.max_rows, static_cast<std::int64_t>(group.rows.size()));
    geometry.max_vectors = std::max(geometry.max_vectors, group.vectors);
    geometry.max_tail = std::max(geometry.max_tail, group.tail);
    geometry.groups.push_back(std::move(group));
  }
  return geometry;
}

}  // namespace wbs::kernels
