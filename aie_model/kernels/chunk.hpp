// Weights chunks as kernel_call.hpp defines them: their layout, and how they are made.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "aie_model/kernels/kernel_call.hpp"

namespace wbs::aie {

/// Where the parts of a chunk start, in bytes from its start; `bytes` is its size. Parts that a
/// chunk does not have start where the next one does.
struct ChunkLayout {
  std::uint32_t index = 0, bias = 0, shift = 0, second_shift = 0, operands = 0, bytes = 0;
};

/// What decides a chunk's layout. `kept` (operands over all output blocks, pairs of input blocks
/// for conv_sparse4) does not matter for `depthwise`; neither do `begin` and `finish`, which always
/// hold there.
struct ChunkShape {
  Kernel kernel = Kernel::conv;
  std::uint32_t out_blocks = 0, kept = 0, taps = 1;
  bool begin = true, finish = true, adds = false;
};

/// The layout of a chunk of conv, conv_sparse4 or depthwise; all zero for other kernels.
[[nodiscard]] ChunkLayout chunk_layout(const ChunkShape& shape) noexcept;

/// The size of a chunk in bytes: chunk_layout(shape).bytes.
[[nodiscard]] std::uint32_t chunk_bytes(const ChunkShape& shape) noexcept;

/// Bytes of one kept operand and tap: 64 for conv, 80 for conv_sparse4 (mask and values).
[[nodiscard]] std::uint32_t operand_bytes(Kernel kernel) noexcept;

/// What goes into a chunk: a piece of a layer's weights, all operands of it present.
struct ChunkSource {
  std::uint16_t out_blocks = 0, in_blocks = 0;  ///< in_blocks: not used by depthwise
  std::uint16_t taps = 1;                       ///< window height * width, in row order
  /// [out_blocks][in_blocks][taps][8 input][8 output channels];
  /// depthwise: [out_blocks][taps][8 channels].
  std::span<const std::int8_t> weights{};
  std::span<const std::int32_t> bias{};   ///< [out_blocks * 8]; empty: a call without `begin`
  std::span<const std::uint8_t> shift{};  ///< [out_blocks * 8]; empty: a call without `finish`
  std::span<const std::uint8_t> second_shift{};  ///< [out_blocks * 8]; empty: without `adds`
  /// Operands (pairs for conv_sparse4) whose weights are all zero are left out; otherwise all are
  /// kept.
  bool skip_zero = true;
};

/// Operands that encode_conv_chunk keeps, by output block; the sum is `kept_operands` of
/// call_cycles.
[[nodiscard]] std::vector<std::uint16_t> kept_operands(const ChunkSource& source);

/// Pairs of input blocks that encode_sparse4_chunk keeps, by output block.
[[nodiscard]] std::vector<std::uint16_t> kept_pairs(const ChunkSource& source);

/// The chunk of a `conv` call. Throws Error (input) if the sizes of `source` don't fit together.
[[nodiscard]] std::vector<std::uint8_t> encode_conv_chunk(const ChunkSource& source);

/// The chunk of a `conv_sparse4` call. Throws Error (input) as above, and if more than 2 of the 4
/// weights of input channels 4g..4g+3 to one output channel are not zero.
[[nodiscard]] std::vector<std::uint8_t> encode_sparse4_chunk(const ChunkSource& source);

/// The chunk of a `depthwise` call; needs bias and shift. Throws Error (input) as above.
[[nodiscard]] std::vector<std::uint8_t> encode_depthwise_chunk(const ChunkSource& source);

}  // namespace wbs::aie
