#include "sparsity/cover.hpp"

#include <algorithm>
#include <cstddef>

#include "core/error.hpp"

namespace wbs::sparsity {
namespace {

using Index = std::size_t;

/// Zeroes cells in `order` until `zeros` are zero or every cell left is the last of its row or
/// column; returns how many were zeroed.
std::int64_t zero_greedily(Mask& mask, std::span<const std::int64_t> order, std::int64_t zeros) {
  std::vector<std::int64_t> in_row(static_cast<Index>(mask.cell_rows()), mask.cell_cols());
  std::vector<std::int64_t> in_col(static_cast<Index>(mask.cell_cols()), mask.cell_rows());
  std::int64_t zeroed = 0;
  for (const std::int64_t cell : order) {
    if (zeroed == zeros) break;
    std::int64_t& row_count = in_row[static_cast<Index>(cell / mask.cell_cols())];
    std::int64_t& col_count = in_col[static_cast<Index>(cell % mask.cell_cols())];
    if (row_count == 1 || col_count == 1) continue;
    mask.set(cell, false);
    --row_count;
    --col_count;
    ++zeroed;
  }
  return zeroed;
}

/// For each row and each column, its most important cell (the lowest index of equal ones).
struct Best {
  std::vector<std::int64_t> of_row;
  std::vector<std::int64_t> of_col;
};

Best best_cells(const Mask& mask, std::span<const double> importance) {
  Best best{std::vector<std::int64_t>(static_cast<Index>(mask.cell_rows()), -1),
            std::vector<std::int64_t>(static_cast<Index>(mask.cell_cols()), -1)};
  for (std::int64_t cell = 0; cell < mask.cells(); ++cell) {
    for (std::int64_t* held : {&best.of_row[static_cast<Index>(cell / mask.cell_cols())],
                               &best.of_col[static_cast<Index>(cell % mask.cell_cols())]}) {
      if (*held < 0 || importance[static_cast<Index>(cell)] > importance[static_cast<Index>(*held)])
        *held = cell;
    }
  }
  return best;
}

/// Keeps exactly `kept` cells. With p disjoint pairs and the best cell of each other row and
/// column, p + (rows - p) + (cols - p) = rows + cols - p cells cover everything: p follows from
/// `kept`.
void keep_cover(Mask& mask, std::span<const double> importance,
                std::span<const std::int64_t> ascending, std::int64_t kept) {
  const std::int64_t cols = mask.cell_cols();
  const Best best = best_cells(mask, importance);
  std::vector<double> gain(importance.size());  // minus what sharing the cell loses
  for (std::int64_t cell = 0; cell < mask.cells(); ++cell) {
    const auto best_row = static_cast<Index>(best.of_row[static_cast<Index>(cell / cols)]);
    const auto best_col = static_cast<Index>(best.of_col[static_cast<Index>(cell % cols)]);
    gain[static_cast<Index>(cell)] =
        importance[static_cast<Index>(cell)] - importance[best_row] - importance[best_col];
  }
  const std::vector<std::int64_t> by_gain = ascending_order(gain);
  std::vector<bool> row_done(static_cast<Index>(mask.cell_rows()), false);
  std::vector<bool> col_done(static_cast<Index>(cols), false);
  for (std::int64_t cell = 0; cell < mask.cells(); ++cell) mask.set(cell, false);

  std::int64_t pairs = std::max<std::int64_t>(0, mask.cell_rows() + cols - kept);
  for (auto cell = by_gain.rbegin(); cell != by_gain.rend() && pairs > 0; ++cell) {
    const auto row = static_cast<Index>(*cell / cols);
    const auto col = static_cast<Index>(*cell % cols);
    if (row_done[row] || col_done[col]) continue;
    row_done[row] = true;
    col_done[col] = true;
    mask.set(*cell, true);
    --pairs;
  }
  for (Index row = 0; row < row_done.size(); ++row) {
    if (!row_done[row]) mask.set(best.of_row[row], true);
  }
  for (Index col = 0; col < col_done.size(); ++col) {
    if (!col_done[col]) mask.set(best.of_col[col], true);
  }
  std::int64_t missing = kept - mask.kept_cells();
  for (auto cell = ascending.rbegin(); cell != ascending.rend() && missing > 0; ++cell) {
    if (mask.kept(*cell)) continue;
    mask.set(*cell, true);
    --missing;
  }
}

}  // namespace

std::vector<std::int64_t> ascending_order(std::span<const double> values) {
  struct Ranked {
    double value;
    std::int64_t index;
  };
  std::vector<Ranked> ranked(values.size());
  for (Index i = 0; i < values.size(); ++i) ranked[i] = {values[i], static_cast<std::int64_t>(i)};
  std::sort(ranked.begin(), ranked.end(), [](const Ranked& left, const Ranked& right) {
    return left.value != right.value ? left.value < right.value : left.index > right.index;
  });
  std::vector<std::int64_t> order(values.size());
  for (Index i = 0; i < order.size(); ++i) order[i] = ranked[i].index;
  return order;
}

void zero_cells_keeping_rows_and_columns(Mask& mask, std::span<const double> importance,
                                         std::int64_t zeros) {
  const std::int64_t most = mask.cells() - std::max(mask.cell_rows(), mask.cell_cols());
  WBS_ASSERT(zeros >= 0 && zeros <= most && mask.kept_cells() == mask.cells());
  const std::vector<std::int64_t> order = ascending_order(importance);
  if (zero_greedily(mask, order, zeros) == zeros) return;
  keep_cover(mask, importance, order, mask.cells() - zeros);
}

}  // namespace wbs::sparsity
