// How much a block of weights matters: the rankings of the Weight Block Sparsity paper.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/tensor.hpp"
#include "sparsity/mask.hpp"

namespace wbs::sparsity {

/// The measures of arXiv 2407.09453, scheme (a).
enum class Importance {
  l2,               ///< root of the sum of squares
  l1,               ///< sum of magnitudes
  variance_block,   ///< mean square distance from the block's own mean
  variance_tensor,  ///< mean square distance from the tensor's mean
};

struct ImportanceKind {
  Importance importance;
  std::string_view name;
  std::string_view meaning;
};
[[nodiscard]] std::span<const ImportanceKind> importance_kinds() noexcept;

/// "l2", "l1", "variance_block", "variance_tensor".
[[nodiscard]] std::string_view to_string(Importance importance) noexcept;
[[nodiscard]] Result<Importance> parse_importance(std::string_view name);

/// The importance of every cell of the grid that `granularity` lays over `weights`, row by row. The
/// norms are those of the weights a cell has: a smaller edge cell is not scaled up. Sums are in
/// double, in an order fixed by the shape alone. One pass over memory. Throws Error(input) when a
/// weight is not finite.
[[nodiscard]] std::vector<double> cell_importance(const Tensor& weights, Granularity granularity,
                                                  Importance importance);

}  // namespace wbs::sparsity
