// Which weights of a layer are kept: one bit per cell of the (output, input) channel plane.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor.hpp"
#include "sparsity/pattern.hpp"
#include "sparsity/plane.hpp"

namespace wbs::sparsity {

/// What one bit of a mask covers: `rows` output x `cols` input channels with all their taps, or,
/// with `per_tap`, a single weight (rows = cols = 1 then).
struct Granularity {
  std::int64_t rows = 1;
  std::int64_t cols = 1;
  bool per_tap = false;
  friend bool operator==(const Granularity&, const Granularity&) = default;
};

inline constexpr Granularity kSingleWeights{1, 1, true};

/// The coarsest granularity that can express `pattern` on `plane`: the block; single weights for
/// N:M and unstructured; one output channel for channel; the whole plane for dense.
[[nodiscard]] Granularity granularity_of(const Pattern& pattern, const Plane& plane) noexcept;

/// A weight mask. Cells form a grid of cell_rows() x cell_cols(); channels that the block does not
/// divide leave smaller cells at the lower and right edge. With `per_tap` the grid is cout x
/// (cin * taps), that is, cell k is element k of the tensor.
class Mask {
 public:
  /// Every cell is `kept`. Throws Error(input) when `shape` is no weight shape; the granularity
  /// must be positive (asserted).
  Mask(Shape shape, Granularity granularity, bool kept = true);

  /// The mask with these bits (cell k in bit k % 64 of word k / 64), as words() gave them. Throws
  /// Error(input) when their number or an unused bit does not fit.
  [[nodiscard]] static Mask from_words(Shape shape, Granularity granularity,
                                       std::vector<std::uint64_t> words);

  [[nodiscard]] const Shape& shape() const noexcept { return shape_; }
  [[nodiscard]] const Plane& plane() const noexcept { return plane_; }
  [[nodiscard]] Granularity granularity() const noexcept { return granularity_; }
  [[nodiscard]] std::int64_t cell_rows() const noexcept { return cell_rows_; }
  [[nodiscard]] std::int64_t cell_cols() const noexcept { return cell_cols_; }
  [[nodiscard]] std::int64_t cells() const noexcept { return cell_rows_ * cell_cols_; }
  [[nodiscard]] std::span<const std::uint64_t> words() const noexcept { return words_; }

  [[nodiscard]] bool kept(std::int64_t cell) const noexcept {
    return (words_[static_cast<std::size_t>(cell) / 64] >> (static_cast<std::size_t>(cell) % 64) &
            1U) != 0;
  }
  [[nodiscard]] bool kept(std::int64_t row, std::int64_t col) const noexcept {
    return kept(row * cell_cols_ + col);
  }
  void set(std::int64_t cell, bool keep) noexcept {
    const std::uint64_t bit = std::uint64_t{1} << (static_cast<std::size_t>(cell) % 64);
    std::uint64_t& word = words_[static_cast<std::size_t>(cell) / 64];
    word = keep ? word | bit : word & ~bit;
  }
  void set(std::int64_t row, std::int64_t col, bool keep) noexcept {
    set(row * cell_cols_ + col, keep);
  }

  /// Whether the weight of output channel `out`, input channel `in` and kernel tap `tap` is kept.
  [[nodiscard]] bool kept_weight(std::int64_t out, std::int64_t in,
                                 std::int64_t tap) const noexcept;

  /// Number of weights under a cell: less than the block's at the edges.
  [[nodiscard]] std::int64_t cell_weights(std::int64_t row, std::int64_t col) const noexcept;

  [[nodiscard]] std::int64_t kept_cells() const noexcept;
  [[nodiscard]] std::int64_t kept_weights() const noexcept;
  /// The share of weights that the mask zeroes.
  [[nodiscard]] double sparsity() const noexcept;

  /// Number of rows (columns) of the grid in which no cell is kept.
  [[nodiscard]] std::int64_t empty_rows() const;
  [[nodiscard]] std::int64_t empty_cols() const;

  /// Every masked weight of `weights` is 0 afterwards, the others are unchanged. Throws
  /// Error(input) when the shape is another.
  void apply(Tensor& weights) const;

  friend bool operator==(const Mask&, const Mask&) = default;

 private:
  Shape shape_;
  Plane plane_;
  Granularity granularity_;
  std::int64_t cell_rows_ = 0;
  std::int64_t cell_cols_ = 0;
  std::vector<std::uint64_t> words_;
};

/// The mask that keeps exactly the cells of `weights` with a non-zero weight.
[[nodiscard]] Mask mask_of_nonzeros(const Tensor& weights, Granularity granularity);

}  // namespace wbs::sparsity
