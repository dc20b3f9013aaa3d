// How many of the AIE2 MAC's weight operands a sparsity pattern leaves to compute.
#pragma once

#include <cstdint>

#include "core/tensor.hpp"
#include "sparsity/pattern.hpp"

namespace wbs::sparsity {

/// Side of a weight operand: 8 output x 8 input channels of one kernel tap.
inline constexpr std::int64_t kOperandSide = 8;
/// The sparse mode takes weights of which at least two in each four consecutive input channels are
/// zero, and runs at twice the dense rate; sparser weights (2:8) run no faster.
inline constexpr std::int64_t kSparseMacGroup = 4;
inline constexpr std::int64_t kSparseMacKept = 2;

/// What was counted on a weight tensor or a mask of its shape (non-zero = kept).
struct OperandCount {
  std::int64_t weights = 0;
  std::int64_t kept_weights = 0;
  std::int64_t operands = 0;     ///< channels that 8 does not divide give partial operands
  std::int64_t touched = 0;      ///< operands with a kept weight: each is charged whole
  bool runs_sparse_mac = false;  ///< every group of four input channels is 2:4; false below four
  [[nodiscard]] double stored_share() const noexcept {
    return static_cast<double>(kept_weights) / static_cast<double>(weights);
  }
  [[nodiscard]] double touched_share() const noexcept {
    return static_cast<double>(touched) / static_cast<double>(operands);
  }
};
/// Throws Error(input) for a shape that is no weight. One pass over memory.
[[nodiscard]] OperandCount count_operands(const Tensor& weights);

/// The expected share of operands that keep a weight under `pattern` when its zeros fall
/// independently and channels are many: 1 - ratio for blocks whose sides are multiples of 8,
/// 1 - ratio^4 for 4x4 blocks (an operand meets four), 1 - ratio^64 for single weights, 1 - ratio^8
/// for channels (they keep their place), 1 for N:M up to M = 8, less where an operand sees only a
/// part of a group. Blocks and groups that do not divide 8 are averaged over their positions.
[[nodiscard]] double nominal_touched_share(const Pattern& pattern);

/// Whether `pattern` guarantees the sparse mode's 2:4: N:M along input channels in which four
/// consecutive channels, aligned to four, cannot hold more than two kept weights (2:4, 2:8, 1:4,
/// 1:2).
[[nodiscard]] bool guarantees_sparse_mac(const Pattern& pattern) noexcept;

}  // namespace wbs::sparsity
