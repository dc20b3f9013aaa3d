// What a core computes in one call, and the bytes it expects its weights in.
//
// Activations are int8 or uint8 in [blocks][rows][columns][8]: channels in blocks of 8, so that
// four neighbouring pixels of a block are one 4x8 operand of the multiply-accumulate unit, and a
// block pair of weights with one tap is one 8x8 operand.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace wbs::aie {

enum class Kernel : std::uint8_t {
  conv,          ///< block-sparse convolution or product; weights chunk below
  conv_sparse4,  ///< the same on the 2:4 unit: operands of 16 x 8, 4x16x8 per instruction
  depthwise,     ///< one filter per channel
  max_pool,
  average_pool,
  add,   ///< two inputs of the output's shape
  gemm,  ///< output[m][n] += input[m][k] * second[k][n]; types in `gemm_types`; timing only
};

/// A buffer in the core's memory: a fixed address, or a place in the current slot of a ring.
struct Operand {
  std::int16_t ring = -1;     ///< of TileProgram::rings; -1: none
  std::uint32_t address = 0;  ///< bytes; with a ring: from the beginning of the slot
  friend bool operator==(const Operand&, const Operand&) = default;
};

/// A piece of an image in a core's memory: [blocks][rows][columns][8].
struct ImageExtent {
  std::uint16_t blocks = 0, rows = 0, columns = 0;
  [[nodiscard]] std::uint32_t bytes() const { return 8U * blocks * rows * columns; }
  friend bool operator==(const ImageExtent&, const ImageExtent&) = default;
};

/// Element types of `gemm`.
enum class GemmTypes : std::uint8_t { i8_i8, i8_i16, i8_i32, bf16_bf16 };

/// One call. `input` contains every row and column that the outputs need (padding is data).
///
/// conv: acc[o][y][x][n] (int32) = sum over kept input blocks i of out block o, taps (r, s) and
///   channels k of input[i][y*stride + r][x*stride + s][k] * weight[o][i][r][s][k][n], starting
///   from the bias if `begin`, else from `accumulators`. With `finish` the result is
///   clamp(round_shift(acc, shift[o*8+n]), minimum, maximum), else acc goes to `accumulators`
///   ([out.blocks][out.rows][out.columns][8] int32). Outside `begin && finish` that buffer is used.
///   With `adds`, `finish` first adds second[o][y][x][n] << second_shift[o*8+n] to acc.
/// depthwise: the same with one input block per output block; `begin` and `finish` always hold.
/// max_pool, average_pool: over kernel x stride windows of each channel. average_pool:
///   clamp(round_shift(sum * multiplier, shift), minimum, maximum).
/// add: clamp(round_shift((a << shift_input) + (b << shift_second), shift), minimum, maximum).
///
/// round_shift(v, s) = v / 2^s rounded to nearest, ties to even (the unit's conv_even mode), s >=
/// 0.
struct KernelCall {
  Kernel kernel = Kernel::conv;
  Operand input{}, second{}, weights{}, output{};
  std::uint32_t accumulators = 0;  ///< address
  ImageExtent in{}, out{};
  std::array<std::uint8_t, 2> window{1, 1};  ///< kernel height, width
  std::array<std::uint8_t, 2> stride{1, 1};
  bool begin = true, finish = true;
  bool adds = false;  ///< convolutions: a second input of the output's shape is added to the sums
  bool input_unsigned = false, second_unsigned = false;
  std::int16_t minimum = -128, maximum = 127;  ///< of the output; 0..255 where it is unsigned
  std::uint8_t shift_input = 0, shift_second = 0, shift = 0;
  std::int32_t multiplier = 1;
  std::array<std::uint16_t, 3> gemm{};  ///< m, k, n
  GemmTypes gemm_types = GemmTypes::i8_i8;
  friend bool operator==(const KernelCall&, const KernelCall&) = default;
};

// The weights chunk of `conv`, little-endian, every part padded with zeros to 4 bytes:
//   u16 kept[out.blocks]            kept input blocks of each output block
//   u16 index[sum of kept]          which ones, ascending within an output block, < in.blocks
//   i32 bias[out.blocks * 8]        only with `begin`
//   u8  shift[out.blocks * 8]       only with `finish`
//   u8  second_shift[out.blocks * 8]  only with `finish` and `adds`
//   i8  operand[sum of kept][window taps][8 input][8 output channels]
// Of `conv_sparse4`: the same with indices of pairs of input blocks (16 channels; in.blocks may be
// odd, the missing half is zero) and, instead of the last part, for each kept pair and tap
//   u32 mask[4], i8 value[64]       bit k*8 + n of the mask: weight of input k, output n is kept.
//                                   At most 2 of input channels 4g..4g+3 are, for each n and g;
//                                   value (k/4*2 + j)*8 + n is the j-th kept of group g = k/4, or
//                                   0.
// Of `depthwise`:
//   i32 bias[out.blocks * 8], u8 shift[out.blocks * 8], i8 operand[out.blocks][taps][8]
// A chunk may be followed by unused bytes up to its buffer's size.

[[nodiscard]] std::string_view to_string(Kernel kernel) noexcept;
[[nodiscard]] std::string_view to_string(GemmTypes types) noexcept;

}  // namespace wbs::aie
