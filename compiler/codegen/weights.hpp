// Which 8x8 operands a layer keeps, and the bytes of its weights chunks (kernel_call.hpp).
#pragma once

#include <cstdint>
#include <vector>

#include "aie_model/kernels/kernel_call.hpp"
#include "networks/int8_network.hpp"

namespace wbs::compiler {

/// Kept operands of a convolution: out blocks x in blocks (pairs of in blocks for conv_sparse4),
/// each over all taps.
struct KeptMap {
  std::int64_t out_blocks = 0, in_units = 0;
  bool skip_zero = true;  ///< false: all are kept
  std::vector<std::uint8_t> kept;
  [[nodiscard]] bool at(std::int64_t out, std::int64_t in) const {
    return kept[static_cast<std::size_t>(out * in_units + in)] != 0;
  }
};

/// A rectangle of operands and which ends of the sum it contains.
struct ChunkSpan {
  std::int64_t out_first = 0, out_count = 0;  ///< blocks
  std::int64_t in_first = 0, in_count = 0;    ///< blocks (not pairs)
  bool begin = true, finish = true;
  bool adds = false;  ///< a second input joins the sums
};

/// Share of the 8x8 operands with a weight that is not zero.
[[nodiscard]] double operand_density(const networks::Int8Op& op, std::int64_t in_channels);

/// At most 2 of each 4 weights along the input channels are not zero.
[[nodiscard]] bool satisfies_two_of_four(const networks::Int8Op& op, std::int64_t in_channels);

/// With `skip_zero` false every operand counts as kept.
[[nodiscard]] KeptMap kept_map(const networks::Int8Op& op, std::int64_t in_channels,
                               aie::Kernel kernel, bool skip_zero);

/// Kept operands in the chunk.
[[nodiscard]] std::uint32_t kept_in(const KeptMap& map, aie::Kernel kernel, const ChunkSpan& span);

/// Bytes of the chunk.
[[nodiscard]] std::int64_t chunk_bytes(const KeptMap& map, aie::Kernel kernel, std::int64_t taps,
                                       const ChunkSpan& span);

/// The chunk itself; empty without output blocks. Output channels beyond the layer's are zero.
[[nodiscard]] std::vector<std::uint8_t> encode_chunk(const networks::Int8Op& op,
                                                     std::int64_t in_channels, bool skip_zero,
                                                     aie::Kernel kernel, const ChunkSpan& span);

}  // namespace wbs::compiler
