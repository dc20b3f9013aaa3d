// One-shot pruning: from weights and a pattern to a mask.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/tensor.hpp"
#include "sparsity/importance.hpp"
#include "sparsity/mask.hpp"
#include "sparsity/pattern.hpp"

namespace wbs::sparsity {

struct PruneOptions {
  Importance importance = Importance::l2;  ///< ranks blocks and channels
  /// No block row and no block column may become empty (blocks only; the paper's rule).
  bool keep_rows_and_columns = true;
};

/// A mask and what it achieves.
struct Pruned {
  Mask mask;
  double requested = 0.0;  ///< share of the cells (N:M: of the weights) that the pattern asks for
  double achieved = 0.0;   ///< share of the weights that the mask zeroes
  bool capped = false;     ///< the rule about empty rows and columns left fewer zeros than asked
  std::string reason;      ///< why capped, one sentence; empty otherwise
};

/// Number of cells of `count` that a ratio prunes: round(ratio * count), halves up. Rounding, not
/// floor, because floor(0.29 * 100) is 28 in binary arithmetic.
[[nodiscard]] std::int64_t cells_to_prune(double ratio, std::int64_t count) noexcept;

/// The mask of `pattern` for `weights` (unchanged: use mask.apply). Deterministic; of equal cells
/// the one with the lower index is kept.
/// - block: the least important cells_to_prune(ratio, blocks) blocks are zero. Where this would
/// empty
///   a block row or column, the next important blocks go instead; at least max(rows, columns)
///   blocks stay, and where that is less than was asked, the result is pruned to this cap and
///   flagged.
/// - channel: the least important cells_to_prune(ratio, cout) output channels are zero; one stays.
/// - nm: in each group of M consecutive channels (at each tap) the N largest magnitudes stay; a
/// last
///   group of fewer channels keeps min(N, its size).
/// - unstructured: the cells_to_prune(ratio, weights) smallest magnitudes are zero.
/// Throws Error(input) for a shape that is no weight and for weights that are not finite.
[[nodiscard]] Pruned prune(const Tensor& weights, const Pattern& pattern,
                           const PruneOptions& options = {});

/// As prune() with a block pattern, for an importance computed elsewhere: `importance` holds one
/// finite value per cell of the grid, row by row (its size is asserted).
[[nodiscard]] Pruned prune_cells(const Shape& shape, Granularity granularity, double ratio,
                                 std::span<const double> importance,
                                 bool keep_rows_and_columns = true);

}  // namespace wbs::sparsity
