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
// A group is a run of consecutive tiles (row by row, image after image); lanes are its tiles. Its
// tile rows lie one after another in "virtual rows": column m * t of virtual row i (i < a) is
// column 0 of row i of the group's tile t, counted from the first tile of its first tile row.
// Columns m and m + 1 of a tile are columns 0 and 1 of the next one, except at the right end of a
// tile row.

/// One row of tiles of a group.
struct WinogradRow {
  std::int64_t in_word = 0;    ///< of input row 0 of its tiles, virtual column 0, in a plane
  std::int64_t out_word = 0;   ///< of output row 0 of its tiles, virtual column 0
  std::uint32_t in_rows = 0;   ///< bit i: input row i lies in the image
  std::int32_t out_rows = 0;   ///< output rows in the image: 1 to m
  std::int32_t in_begin = 0;   ///< vectors of 16 virtual columns that the group needs: from
  std::int32_t in_end = 0;     ///< ... to
  std::int32_t out_begin = 0;  ///< output columns of the group's tiles: from
  std::int32_t out_end = 0;    ///< ... to; inside the image
};

/// 16 consecutive tiles of a group.
struct WinogradLanes {
  std::uint32_t row_ends = 0;  ///< bit i: tile i is the last of its tile row
  std::int32_t first_end = 0;  ///< which row of the group the first of these bits ends
};

/// What the transforms of one group need. Values are fp32; all strides and offsets are in words.
struct WinogradArgs {
  const WinogradRow* rows;
  const WinogradLanes* lanes;
  std::int32_t row_count;
  std::int32_t lane_vectors;  ///< whole vectors, after which comes
  std::int32_t tail;          ///< ... one lane more, or none
  std::int32_t pitch;         ///< m * tiles in a tile row
  std::int32_t skip;          ///< virtual column of the group's first tile
  std::int32_t overflow;      ///< input columns that tile rows need beyond their pitch: 0 to 2
  const std::uint16_t* column_masks;  ///< per vector of virtual columns: which lie in the image

  // Input side: planes [begin, end) become `transformed`: word of (position x, channel c, tile t)
  //   x * position_stride + (c - begin) * lane_stride + t.
  // Output side: the same array for output channels [begin, end) becomes output planes.
  std::int32_t begin;
  std::int32_t end;
  float* transformed;
  std::int64_t position_stride;
  std::int64_t lane_stride;
  /// Room for the virtual rows of two channels, winograd_room() words; not shared between threads.
  float* virtual_rows;
  std::int64_t row_stride;  ///< from virtual row to virtual row: row_count * pitch and slack

  const float* input;
  std::int64_t input_stride;
  std::int64_t input_width;
  float* output;
  std::int64_t output_stride;
  std::int64_t output_width;
  const float* residual;  ///< null: none; else laid out as the output
  float residual_scale;
  bool clipped;
  float low;
  float high;
};

/// Words that vectors may touch behind the last virtual column.
inline constexpr std::int64_t kWinogradSlack = 128;
/// Words for one of the two columns beyond the pitch: of up to 64 tile rows, with slack.
inline constexpr std::int64_t kWinogradEnds = 64 + 16;

[[nodiscard]] constexpr std::int64_t winograd_room(int tile, std::int64_t row_stride) noexcept {
  return 2 * (tile + 2) * (row_stride + 2 * kWinogradEnds);
}

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
