// Zeroing blocks without emptying a block row or column.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sparsity/mask.hpp"

namespace wbs::sparsity {

/// Indices of `values` from the smallest to the largest; of equal values the higher index first, so
/// that pruning in this order keeps the lower one.
[[nodiscard]] std::vector<std::int64_t> ascending_order(std::span<const double> values);

/// Exactly `zeros` cells of the all-kept `mask` are zero afterwards and every row and column of the
/// grid keeps at least one cell. The cells go in ascending importance, skipping those that are the
/// last of their row or column. Where that ends early although more zeros are possible, the cells
/// to keep are chosen instead: pairs of a row and a column that lose least by sharing their cell,
/// the best cell of each other row and column, then the most important of the rest. Requires 0 <=
/// zeros
/// <= cells - max(rows, columns), the most that is possible. Cost: sorting the cells once, or
/// twice.
void zero_cells_keeping_rows_and_columns(Mask& mask, std::span<const double> importance,
                                         std::int64_t zeros);

}  // namespace wbs::sparsity
