// The contract between plans and tile kernels: plain data, because files compiled for one
// instruction set include nothing that another file could share compiled code with.
#pragma once

#include <cstdint>

namespace wbs::kernels {

/// A vector is 16 pixels in every implementation; a tile has up to kTileVectors of them.
inline constexpr int kVectorPixels = 16;
inline constexpr int kTileVectors = 3;
/// A panel tile may have one pixel more, the tail, whose lanes are output channels: 49 = 3 * 16 + 1
/// divides the images of most networks. Its bit in a mask:
inline constexpr int kTailBit = 48;
/// Tiles of row-form kernels have no tail and up to kRowTileVectors vectors.
inline constexpr int kRowTileVectors = 4;

/// Forms that go through the input in blocks which fit a first-level cache of 32 KiB: sums of up to
/// kBlockPanels panels of four rows wait in memory from block to block.
inline constexpr int kBlockPanels = 64;
/// Block form: input planes of a block, and bytes of one plane in it.
inline constexpr int kBlockPlanes = 96;
inline constexpr int kBlockPitch = 4 * kVectorPixels * kRowTileVectors;
/// Pair forms: vectors of a tile.
inline constexpr int kPairVectors = 2;
/// Pairs of different channels in a group of `channels`, (0, 1), (0, 2), ...; 64 bytes each per
/// tile.
[[nodiscard]] constexpr int pair_count(int channels) noexcept {
  return channels * (channels - 1) / 2;
}
/// Place of the pair (first, second), first < second.
[[nodiscard]] constexpr int pair_index(int first, int second, int channels) noexcept {
  return first * (2 * channels - first - 1) / 2 + second - first - 1;
}
/// Groups of a block.
[[nodiscard]] constexpr int pair_block_groups(int channels) noexcept {
  return channels == 4 ? 64 : 16;
}

/// A weight word of the block and pair forms and where its input lies.
struct ListedWord {
  /// Byte offset in the block; pair forms: of the first pair, and of the second times 65536.
  std::uint32_t places;
  /// Pair forms: of the first pair's lower and upper channel, then of the second's.
  std::uint32_t weights;
};

/// Consecutive input planes that a panel of outputs reads.
struct TileRun {
  std::int32_t first_plane;
  std::int32_t words;  ///< planes, each meeting one 32-bit weight word per output row
};

/// How weights are packed; see pack.hpp.
enum class Packing : std::uint8_t { panel8, panel4, rows, blocks, pairs4, pairs8 };

/// How a tile stores: the values of kernels::Element, repeated here for plain-data users.
enum class TileOutput : std::uint8_t { f32, bf16, u8 };

/// Which bounds the epilogue applies.
enum class TileClip : std::uint8_t { none, low, both };

/// One tile of pixels times the panels [panel_begin, panel_end).
struct TileArgs {
  // Input: word of (plane p, tap t, pixel i of the tile) at
  //   input + p * input_plane_bytes + tap_offset[t] + 4 * i.
  const unsigned char* input;
  std::int64_t input_plane_bytes;
  const std::int64_t* tap_offset;
  const std::uint64_t*
      tap_mask;  ///< per tap: bit i: pixel i lies in the image; else `fill` is read
  bool inside;   ///< all pixels of the tile lie inside for all taps
  std::int32_t taps;
  std::uint32_t fill;  ///< the word that stands for zeros: the input's zero point, repeated

  // Weights of panel q. Panel forms: runs [run_begin[q * taps + t], run_begin[q * taps + t + 1]) of
  // tap t; words at weights + 4 * word_begin[q], one per row for each plane of each run.
  // Row form: words and their planes [run_begin[(q * 4 + r) * taps + t], ... + 1) of row r and tap
  // t.
  // Block and pair forms: ListedWords [run_begin[b * padded_rows + row], ... + 1) of block b (pair
  // forms: an even number of them). A tap has the same number of blocks, each a range of input
  // planes.
  const unsigned char* weights;
  const std::uint64_t* word_begin;
  const std::uint32_t* run_begin;
  const TileRun* runs;
  const std::int32_t* planes;
  std::int32_t panel_begin;
  std::int32_t panel_end;
  std::int32_t out_channels;
  std::int32_t input_planes;
  std::int32_t padded_rows;  ///< output channels, padded to whole panels

  // Epilogue (conv.hpp); arrays are padded to whole panels.
  const std::int32_t* start;  ///< sums begin here: bits of a float, or for u8 an integer
  bool scaled;                ///< else y is the sum, and scale and bias are not read
  TileClip clip;
  const float* scale;
  const float* bias;
  float residual_scale;
  float low;
  float high;
  TileOutput output_type;
  const unsigned char* residual;  ///< null: none; else laid out as the output
  unsigned char* output;          ///< the tile's first pixel in the first output plane
  std::int64_t output_plane_bytes;
  std::uint64_t store_mask;  ///< bit i: pixel i of the tile exists
  std::int32_t vectors;
  std::int32_t tail;  ///< 0 or 1

  // While the panels run, the planes of the next tile come nearer: so many with each run.
  const unsigned char* next_input;
  std::int32_t prefetch_planes;
  std::int32_t prefetch_per_run;
  bool prefetch_output;  ///< and the lines that each panel will write
};

using TileFunction = void (*)(const TileArgs& args) noexcept;

}  // namespace wbs::kernels
