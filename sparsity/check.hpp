// Reading pattern, axis and achieved sparsity back from a stored tensor.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/tensor.hpp"
#include "sparsity/pattern.hpp"

namespace wbs::sparsity {

/// The share of weights that are zero (a negative zero is one).
[[nodiscard]] double zero_share(const Tensor& weights) noexcept;

/// Nothing when the zeros of `weights` satisfy `pattern`; else the reason, one sentence that names
/// the first violation.
/// - block: at least as many whole blocks are zero as prune() would zero (the cap of the rule about
///   empty rows and columns included); a kept block may hold zeros.
/// - nm: no group has more than N non-zero weights (a short last group: min(N, its size)).
/// - unstructured, channel: at least as many weights, or output channels, are zero as asked for.
/// A rule that nothing breaks here is that no block row or column is empty: trained weights may
/// hold dead channels of their own. Readback counts them. Throws Error(input) for a shape that is
/// no weight.
[[nodiscard]] Result<void> satisfies(const Tensor& weights, const Pattern& pattern);

struct BlockReadback {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t blocks = 0;
  std::int64_t zero_blocks = 0;
  std::int64_t empty_rows = 0;  ///< block rows without a non-zero weight
  std::int64_t empty_cols = 0;
  bool explains_zeros = false;  ///< every zero weight lies in a zero block
  [[nodiscard]] double zero_block_share() const noexcept {
    return static_cast<double>(zero_blocks) / static_cast<double>(blocks);
  }
};

struct NmReadback {
  std::int64_t group = 0;
  Axis axis = Axis::in;
  std::int64_t kept = 0;  ///< the largest number of non-zero weights in any group
};

/// What the zeros of a tensor look like, without knowing how they came about.
struct Readback {
  std::int64_t weights = 0;
  std::int64_t zeros = 0;
  std::int64_t channels = 0;
  std::int64_t zero_channels = 0;       ///< output channels without a non-zero weight
  bool channels_explain_zeros = false;  ///< every zero weight lies in a zero output channel
  std::vector<BlockReadback> blocks;  ///< 1x1, 1x8, 8x1, 4x4, 4x8, 8x4, 4x16, 16x4, 8x8, 8x16, ...
  std::vector<NmReadback> nm;         ///< groups of 2, 4, 8, 16 and 32, along in, then along out
  [[nodiscard]] double sparsity() const noexcept {
    return static_cast<double>(zeros) / static_cast<double>(weights);
  }
};
[[nodiscard]] Readback read_back(const Tensor& weights);

/// The patterns that the zeros satisfy, with their tightest parameters, the most specific first:
/// channel, then the largest block whose zero blocks explain every zero, then N:M (the sparsest
/// first, the smallest group of one ratio; left out where N:M promises less than half of the zeros
/// there are, as any axis of a sparse tensor satisfies some 15:16 by chance), then unstructured;
/// {dense} without zeros, nothing when all weights are zero.
[[nodiscard]] std::vector<Pattern> detect(const Readback& readback);

}  // namespace wbs::sparsity
