#include "kernels/geometry.hpp"

#include <algorithm>
#include <map>

namespace wbs::kernels {
namespace {

/// Where a tap reads: rows oy * stride + row, columns ox * stride + column of the input.
struct TapShift {
  std::int64_t row = 0;
  std::int64_t column = 0;
};

std::vector<TapShift> tap_shifts(const ConvShape& shape) {
  std::vector<TapShift> shifts;
  for (std::int64_t ky = 0; ky < shape.kernel[0]; ++ky) {
    for (std::int64_t kx = 0; kx < shape.kernel[1]; ++kx) {
      shifts.push_back(
          {ky * shape.dilation[0] - shape.pad_top, kx * shape.dilation[1] - shape.pad_left});
    }
  }
  return shifts;
}

std::int64_t floor_divide(std::int64_t a, std::int64_t b) noexcept {
  return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/// Index of the copy in `copies`, added when it is new.
std::size_t copy_index(std::vector<ColumnCopy>& copies, const ColumnCopy& copy) {
  for (std::size_t i = 0; i < copies.size(); ++i) {
    if (copies[i].column == copy.column && copies[i].phase == copy.phase) return i;
  }
  copies.push_back(copy);
  return copies.size() - 1;
}

/// Copies, their size, and tap offsets for a convolution whose input rows are not the output's.
void plan_copies(const ConvShape& shape, const Planes& input, Geometry& geometry) {
  struct Read {
    std::size_t copy;
    std::int64_t rows;
    std::int64_t columns;
  };
  const std::int64_t step = shape.stride[0];
  const std::int64_t width = shape.out_width();
  std::vector<Read> reads;
  for (const TapShift& tap : tap_shifts(shape)) {
    const std::int64_t rows = floor_divide(tap.row, step);
    std::int64_t columns = floor_divide(tap.column, shape.stride[1]);
    const std::int64_t first_column = tap.column - columns * shape.stride[1];
    // A copy has `width` columns. One copy serves all taps of its phase, shifted, unless a tap
    // reads columns of the image beyond these: then the tap gets a copy of its own.
    const bool beyond = columns > 0 && first_column + width * shape.stride[1] < shape.width;
    if (beyond) columns = 0;
    const ColumnCopy copy{beyond ? tap.column : first_column, tap.row - rows * step};
    reads.push_back({copy_index(geometry.copies, copy), rows, columns});
  }
  for (const ColumnCopy& copy : geometry.copies) {
    const std::int64_t rows = (input.height - copy.phase + step - 1) / step;
    geometry.copy_rows = std::max({geometry.copy_rows, rows, std::int64_t{1}});
  }
  geometry.copy_stride = plane_stride(input.images * geometry.copy_rows * width);
  const std::int64_t copy_words = input.planes() * geometry.copy_stride;
  for (const Read& read : reads) {
    geometry.tap_offset.push_back(static_cast<std::int64_t>(read.copy) * copy_words +
                                  read.rows * width + read.columns);
  }
}

/// Copies and tap offsets of a folded convolution: copies are ordered by phase, then column.
void plan_folded_copies(const ConvShape& shape, const Planes& input, Geometry& geometry) {
  const std::int64_t step = shape.stride[0];
  std::vector<std::int64_t> phases;
  std::vector<std::int64_t> row_shifts;
  std::vector<std::int64_t> phase_indices;
  for (std::int64_t ky = 0; ky < shape.kernel[0]; ++ky) {
    const std::int64_t row = ky * shape.dilation[0] - shape.pad_top;
    row_shifts.push_back(floor_divide(row, step));
    const std::int64_t phase = row - row_shifts.back() * step;
    const auto place = std::find(phases.begin(), phases.end(), phase);
    phase_indices.push_back(place - phases.begin());
    if (place == phases.end()) phases.push_back(phase);
  }
  for (const std::int64_t phase : phases) {
    for (std::int64_t kx = 0; kx < shape.kernel[1]; ++kx) {
      geometry.copies.push_back({kx * shape.dilation[1] - shape.pad_left, phase});
    }
    geometry.copy_rows = std::max(geometry.copy_rows, (input.height - phase + step - 1) / step);
  }
  const std::int64_t width = shape.out_width();
  geometry.copy_stride = plane_stride(input.images * geometry.copy_rows * width);
  const std::int64_t phase_words = shape.kernel[1] * input.planes() * geometry.copy_stride;
  for (std::size_t ky = 0; ky < row_shifts.size(); ++ky) {
    geometry.tap_offset.push_back(phase_indices[ky] * phase_words + row_shifts[ky] * width);
  }
}

/// Cuts pixels [0, count) into tiles whose first pixels lie at `base_in` and `base_out` on.
void cut(std::int64_t count, const TileLimits& limits, std::int64_t base_in, std::int64_t base_out,
         std::vector<Tile>& tiles) {
  const std::int64_t whole = static_cast<std::int64_t>(limits.vectors) * kVectorPixels;
  // Pixels beyond whole vectors ride as tails of full tiles when there are enough of these.
  std::int64_t tails = count % kVectorPixels;
  if (!limits.tails || tails > count / whole) tails = 0;
  if (limits.tails && count == 1) tails = 1;
  std::int64_t first = 0;
  std::int64_t vectors = (count - tails + kVectorPixels - 1) / kVectorPixels;
  while (first < count) {
    Tile tile;
    // Two tiles of two vectors are faster than three and one.
    const bool halve = vectors == limits.vectors + 1 && limits.vectors == kTileVectors;
    tile.vectors =
        static_cast<std::int32_t>(halve ? 2 : std::min<std::int64_t>(vectors, limits.vectors));
    tile.tail = tails > 0 ? 1 : 0;
    const std::int64_t lanes =
        std::min<std::int64_t>(count - first, std::int64_t{tile.vectors} * kVectorPixels);
    tile.store_mask = lanes == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << lanes) - 1;
    if (tile.tail != 0) tile.store_mask |= std::uint64_t{1} << kTailBit;
    tile.first_in = base_in + first;
    tile.first_out = base_out + first;
    tiles.push_back(tile);
    first += lanes + tile.tail;
    tails -= tile.tail;
    vectors -= tile.vectors;
  }
}

/// Which lanes of a tile each tap finds inside the image.
std::vector<std::uint64_t> masks_of(const Tile& tile, const ConvShape& shape, bool folded) {
  const std::int64_t width = shape.out_width();
  const std::int64_t height = shape.out_height();
  std::vector<std::uint64_t> masks;
  const int lanes = tile.vectors * kVectorPixels;
  const std::vector<TapShift> taps = tap_shifts(shape);
  // The columns of a folded kernel's copies are all written, padding included.
  const std::size_t step = folded ? static_cast<std::size_t>(shape.kernel[1]) : 1;
  for (std::size_t t = 0; t < taps.size(); t += step) {
    const TapShift& tap = taps[t];
    std::uint64_t mask = 0;
    for (int i = 0; i < lanes + tile.tail; ++i) {
      const int bit = i < lanes ? i : kTailBit;
      if ((tile.store_mask >> bit & 1U) == 0) continue;
      const std::int64_t pixel = tile.first_out + i;
      const std::int64_t y = pixel / width % height * shape.stride[0] + tap.row;
      const std::int64_t x = pixel % width * shape.stride[1] + tap.column;
      const bool inside = y >= 0 && y < shape.height && (folded || (x >= 0 && x < shape.width));
      if (inside) mask |= std::uint64_t{1} << bit;
    }
    masks.push_back(mask);
  }
  return masks;
}

}  // namespace

Geometry geometry_of(const ConvShape& shape, const Planes& input, const Planes& output,
                     const TileLimits& limits, bool folded) {
  Geometry geometry;
  const bool direct = shape.stride[0] == 1 && shape.stride[1] == 1 && output.width == input.width &&
                      output.height == input.height;
  if (direct && !folded) {
    for (const TapShift& tap : tap_shifts(shape)) {
      geometry.tap_offset.push_back(tap.row * input.width + tap.column);
    }
    cut(output.pixels(), limits, 0, 0, geometry.tiles);
  } else {
    if (folded) {
      plan_folded_copies(shape, input, geometry);
    } else {
      plan_copies(shape, input, geometry);
    }
    const std::int64_t image = output.height * output.width;
    for (std::int64_t n = 0; n < output.images; ++n) {
      cut(image, limits, n * geometry.copy_rows * output.width, n * image, geometry.tiles);
    }
  }
  std::map<std::vector<std::uint64_t>, std::uint32_t> known;
  for (Tile& tile : geometry.tiles) {
    const std::vector<std::uint64_t> masks = masks_of(tile, shape, folded);
    const auto [place, is_new] = known.try_emplace(masks, static_cast<std::uint32_t>(known.size()));
    if (is_new) geometry.masks.insert(geometry.masks.end(), masks.begin(), masks.end());
    tile.mask_set = place->second;
    const std::uint64_t vector_lanes =
        tile.vectors == 0 ? 0 : ~std::uint64_t{0} >> (64 - tile.vectors * kVectorPixels);
    tile.inside = std::all_of(masks.begin(), masks.end(), [&](std::uint64_t mask) {
      return (mask & vector_lanes) == vector_lanes;
    });
  }
  return geometry;
}

}  // namespace wbs::kernels
