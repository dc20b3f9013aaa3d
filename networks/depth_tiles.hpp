// Depth-wise tiling of an integer network: consecutive operations computed tile by tile along the
// rows of their last result, so that the tensors between them are as small as a tile needs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "networks/int8_network.hpp"
#include "networks/row_projection.hpp"

namespace wbs::networks {

/// Operations [first, last] of a network, to be computed in `tiles` tiles.
struct DepthCut {
  std::size_t first = 1, last = 1;
  std::int64_t tiles = 1;
  friend bool operator==(const DepthCut&, const DepthCut&) = default;
};

/// Empty when tile_by_depth() takes the cut, else why not: an operation of it other than the last
/// is read outside of it, a concatenation has parts from outside or that others in it read too,
/// more tiles than rows, a window of nothing but padding, or no such operations.
[[nodiscard]] std::string why_not_cut(const Int8Network& network, const DepthCut& cut);

/// Rows of the results of operations first to last (one span each) that `wanted` rows of the last
/// one's result need: the union over their readers within the cut, clipped to the image. A
/// concatenation and its parts have the same rows.
[[nodiscard]] std::vector<RowSpan> project(const Int8Network& network, const DepthCut& cut,
                                           const RowSpan& wanted);

/// Rows of the result of `op`'s input number `input` that those of its own need, with the padding.
[[nodiscard]] ClippedRows input_rows(const Int8Network& network, const Int8Op& op,
                                     std::size_t input, const RowSpan& rows);

/// A network with the same result, bit for bit: instead of operation n of a cut one "n#t" for each
/// tile t, which computes the rows that the tile needs (some rows in two tiles), and a stack under
/// the last one's name. Slices stand where less than a whole tensor is read. Cuts are in order and
/// do not overlap; those of one tile change nothing. Throws Error(usage) with why_not_cut().
[[nodiscard]] Int8Network tile_by_depth(const Int8Network& network, std::span<const DepthCut> cuts);

/// The name without "#t".
[[nodiscard]] std::string_view untiled_name(std::string_view name) noexcept;

}  // namespace wbs::networks
