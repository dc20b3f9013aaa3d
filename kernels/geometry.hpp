// Where the taps of a convolution read, and how its output pixels are cut into tiles.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/conv.hpp"
#include "kernels/tile.hpp"

namespace wbs::kernels {

/// A copy of the input that a convolution needs before it can run as shifted products: columns
/// column + i * stride for i < out_width, rows phase + i * stride, of all planes. What lies outside
/// the image is masked and never written.
struct ColumnCopy {
  std::int64_t column = 0;  ///< input column of the copy's column 0
  std::int64_t phase = 0;   ///< input row of row 0; rows are stride apart
};

/// Pixels of one tile; index i of vector lanes first, then the tail.
struct Tile {
  std::int64_t first_in = 0;   ///< word of the tile's first pixel in the input's (or copy's) planes
  std::int64_t first_out = 0;  ///< and in the output's
  std::uint64_t store_mask = 0;
  std::int32_t vectors = 0;
  std::int32_t tail = 0;
  bool inside = false;         ///< every tap finds every lane of the vectors inside the image
  std::uint32_t mask_set = 0;  ///< its taps' masks: [mask_set * taps, + taps)
};

/// How a convolution runs as shifted products: the word that tap t of output pixel p reads is
/// p's own place plus tap_offset[t]. That holds on the input itself when stride is 1 and the output
/// is as wide as the input; otherwise on copies whose rows have the output's width.
struct Geometry {
  std::vector<ColumnCopy> copies;        ///< empty: on the input itself
  std::int64_t copy_rows = 0;            ///< rows of each copied image
  std::int64_t copy_stride = 0;          ///< words from plane to plane of a copy
  std::vector<std::int64_t> tap_offset;  ///< words; copies are planes() * copy_stride words apart
  std::vector<std::uint64_t> masks;
  std::vector<Tile> tiles;
};

/// Tiles of up to `vectors` vectors; with `tails` also one pixel more where that avoids a vector.
struct TileLimits {
  int vectors = kTileVectors;
  bool tails = true;
};

/// With `folded` the taps are the kernel's rows alone: for each row phase there is one copy per
/// kernel column, and the planes of these copies follow each other as if they were more channels.
/// For images of few channels, where a tap of its own has too little to do.
[[nodiscard]] Geometry geometry_of(const ConvShape& shape, const Planes& input,
                                   const Planes& output, const TileLimits& limits,
                                   bool folded = false);

}  // namespace wbs::kernels
