// Packed block-sparse weights: block-compressed rows, block coordinates, bit mask, unified size.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "core/tensor.hpp"
#include "sparsity/mask.hpp"

namespace wbs::sparsity {

/// Kept blocks in row order. Block k holds `rows * cols * taps` values, [tap][row][col], padded
/// with zeros where an edge block has fewer channels.
struct Bsr {
  Shape shape;
  std::int64_t rows = 0;                    ///< block: output channels
  std::int64_t cols = 0;                    ///< block: input channels
  std::vector<std::uint32_t> row_begin;     ///< first block of each block row; one more at the end
  std::vector<std::uint16_t> column_index;  ///< block column of each kept block, ascending in a row
  std::vector<float> values;

  [[nodiscard]] std::int64_t blocks() const noexcept {
    return static_cast<std::int64_t>(column_index.size());
  }
};

/// The blocks of `weights` that `mask` keeps. Every weight outside must be zero: packing never
/// drops one. Throws Error(input) when the mask is of another shape or of single weights, when a
/// weight is not finite or a masked weight not zero (named), or when a block column exceeds 16
/// bits.
[[nodiscard]] Bsr pack_bsr(const Tensor& weights, const Mask& mask);

/// The dense tensor; unpack(pack(w, m)) equals w bit for bit under m, and is +0 elsewhere. Throws
/// Error(input) when indices or sizes of `packed` do not fit its shape.
[[nodiscard]] Tensor unpack_bsr(const Bsr& packed);

/// (block row, block column) of each kept block, in row order.
[[nodiscard]] std::vector<std::pair<std::uint32_t, std::uint16_t>> block_coordinates(
    const Bsr& packed);

/// The mask of the packed blocks.
[[nodiscard]] Mask mask_of(const Bsr& packed);

/// Bytes of the "unified" int8 tensor of arXiv 2407.09453 (weights + bias + mask, one load):
/// kept values + 4 * cout + 2 * ceil(cout/8) * ceil(cin/8). The mask's 16-bit entries count 8x8
/// blocks whatever the block is, as the authors' logs do.
[[nodiscard]] std::int64_t unified_bytes(const Plane& plane, std::int64_t kept_values) noexcept;

}  // namespace wbs::sparsity
