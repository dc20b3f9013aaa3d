// The contract between Winograd plans and the transforms of their tiles: plain data, because files
// compiled for one instruction set include nothing that another file could share compiled code
// with.
#pragma once

#include <cstdint>

namespace wbs::kernels {

// F(m x m, 3x3) of Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (CVPR 2016):
// a tile of m x m outputs comes from a x a inputs, a = m + 2, by y = A^T [U * (B^T d B)] A, where
// the product is elementwise over the a * a positions and summed over input channels.
//
// A group is a run of consecutive tiles (row by row, image after image); lanes are its tiles.

/// One tile.
struct WinogradTile {
  std::int64_t in_word = 0;   ///< of its first input in a plane; may lie outside
  std::int64_t out_word = 0;  ///< of its first output
  std::uint32_t in_rows = 0;  ///< bit i: input row i lies in the image
  std::uint32_t in_columns = 0;
  std::int32_t out_rows = 0;  ///< how many of its outputs exist: 1 to m
  std::int32_t out_columns = 0;
};

/// 16 columns of one row of tiles: slots for 16 / m tiles, the last perhaps without one.
struct WinogradStrip {
  std::int64_t in_word = 0;
  std::int64_t out_word = 0;
  std::uint32_t in_rows = 0;
  std::uint32_t in_columns = 0;   ///< bit j: column j lies in the image
  std::uint32_t out_columns = 0;  ///< bit j: output column j belongs to a tile of this step
  std::int32_t out_rows = 0;
};

/// Up to 16 tiles that vectors transform at once: m strips, hence 16 slots. A tile's last two input
/// columns are those of the next slot.
struct WinogradStep {
  /// Which words of the strips' vectors go to which lane, for two-source permutations: the tile's
  /// first column, the next slot's first column, and back (see winograd_geometry.cpp).
  std::int32_t own[16] = {};
  std::int32_t next[16] = {};
  std::int32_t back_low[16] = {};
  std::int32_t back_high[16] = {};
  WinogradStrip strips[4];
  std::int32_t lane = 0;       ///< of its first tile
  std::uint32_t exists = 0;    ///< bit i: lane + i is a tile of this step
  std::uint32_t has_next = 0;  ///< bit i: its last two columns may lie in the image
  bool whole_rows = false;     ///< all input rows of all strips lie in the image
};

/// What the transforms of one group need. Values are fp32; strides are in words.
struct WinogradArgs {
  const WinogradTile* tiles;
  const WinogradStep* steps;
  std::int32_t tile_count;
  std::int32_t step_count;

  // Input side: planes [begin, end) become `transformed`: word of (position x, channel c, tile t)
  //   x * position_stride + (c - begin) * lane_stride + t.
  // Output side: the same array for output channels [begin, end) becomes output planes.
  // Words up to the next multiple of 16 tiles may be written, and 16 more may be read.
  std::int32_t begin;
  std::int32_t end;
  float* transformed;
  std::int64_t position_stride;
  std::int64_t lane_stride;

  const float* input;
  std::int64_t input_stride;
  std::int64_t input_width;
  std::int32_t input_planes;  ///< of the whole tensor
  std::int32_t edge_planes;   ///< so many at each end must not be read over; others may, by a strip
  float* output;
  std::int64_t output_stride;
  std::int64_t output_width;
  const float* residual;  ///< null: none; else laid out as the output
  float residual_scale;
  bool clipped;
  float low;
  float high;
};

using WinogradFunction = void (*)(const WinogradArgs& args) noexcept;

/// The two transforms of one tile size.
struct WinogradTransforms {
  WinogradFunction input;
  WinogradFunction output;
};

/// For m = `tile` = 2 or 4.
[[nodiscard]] WinogradTransforms winograd_avx512(int tile) noexcept;
[[nodiscard]] WinogradTransforms winograd_avx2(int tile) noexcept;
[[nodiscard]] WinogradTransforms winograd_reference(int tile) noexcept;

}  // namespace wbs::kernels
