// N:M masks that hold for a weight and for its transpose.
#pragma once

#include <cstdint>

#include "core/tensor.hpp"
#include "sparsity/mask.hpp"

namespace wbs::trainers {

/// The largest M that transposable_exact() takes: its 4 x 4 matrices with N ones in each row and
/// column are at most 90.
inline constexpr std::int64_t kLargestExactGroup = 4;

/// A mask of single weights with at most N kept ones in every row and column of each tile of M
/// output x M input channels, at each tap: it satisfies nm:N:M/in and nm:N:M/out. Takes the largest
/// magnitude that breaks nothing, again and again; of equal ones the lower index. The constraints
/// are an intersection of two matroids, so the kept magnitudes sum to at least half of the best
/// possible (the 2-approximation of Hubara et al., arXiv 2102.08124). May keep fewer than N
/// somewhere. Cost: sorting each tile. Throws Error(input) when a weight is not finite.
[[nodiscard]] sparsity::Mask transposable_greedy(const Tensor& weights, std::int64_t kept,
                                                 std::int64_t group);

/// The same with the largest possible sum among masks with exactly N ones per row and column of a
/// tile, by trying all of them (tiles at the edges are padded with zeros). Requires group <=
/// kLargestExactGroup. Stands for the min-cost flow of that paper, which finds the same optimum.
[[nodiscard]] sparsity::Mask transposable_exact(const Tensor& weights, std::int64_t kept,
                                                std::int64_t group);

}  // namespace wbs::trainers
