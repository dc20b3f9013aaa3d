#include "sparsity/mask.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "core/error.hpp"

namespace wbs::sparsity {

Granularity granularity_of(const Pattern& pattern, const Plane& plane) noexcept {
  if (const auto* block = std::get_if<BlockPattern>(&pattern)) return {block->rows, block->cols};
  if (std::holds_alternative<ChannelPattern>(pattern)) return {1, plane.cin};
  if (is_dense(pattern)) return {plane.cout, plane.cin};
  return kSingleWeights;
}

Mask::Mask(Shape shape, Granularity granularity, bool kept)
    : shape_(std::move(shape)), plane_(plane_of(shape_)), granularity_(granularity) {
  WBS_ASSERT(granularity.rows > 0 && granularity.cols > 0);
  WBS_ASSERT(!granularity.per_tap || (granularity.rows == 1 && granularity.cols == 1));
  cell_rows_ = divide_up(plane_.cout, granularity.rows);
  cell_cols_ = divide_up(plane_.cin, granularity.cols) * (granularity.per_tap ? plane_.taps : 1);
  const auto count = static_cast<std::size_t>(cells());
  words_.assign((count + 63) / 64, kept ? ~std::uint64_t{0} : 0);
  // Bits behind the last cell stay 0, so that counting and comparing need no special case.
  if (kept && count % 64 != 0) words_.back() = (std::uint64_t{1} << count % 64) - 1;
}

Mask Mask::from_words(Shape shape, Granularity granularity, std::vector<std::uint64_t> words) {
  Mask mask(std::move(shape), granularity, true);
  if (words.size() != mask.words_.size() || (words.back() & ~mask.words_.back()) != 0) {
    throw Error(
        ErrorKind::input,
        fmt::format("mask of {} words for weights of shape {}: expected {} words for {} "
                    "cells and no bit behind the last",
                    words.size(), wbs::to_string(mask.shape_), mask.words_.size(), mask.cells()));
  }
  mask.words_ = std::move(words);
  return mask;
}

bool Mask::kept_weight(std::int64_t out, std::int64_t in, std::int64_t tap) const noexcept {
  if (granularity_.per_tap) return kept(out, in * plane_.taps + tap);
  return kept(out / granularity_.rows, in / granularity_.cols);
}

std::int64_t Mask::cell_weights(std::int64_t row, std::int64_t col) const noexcept {
  if (granularity_.per_tap) return 1;
  const std::int64_t rows = std::min(granularity_.rows, plane_.cout - row * granularity_.rows);
  const std::int64_t cols = std::min(granularity_.cols, plane_.cin - col * granularity_.cols);
  return rows * cols * plane_.taps;
}

std::int64_t Mask::kept_cells() const noexcept {
  std::int64_t count = 0;
  for (const std::uint64_t word : words_) count += std::popcount(word);
  return count;
}

std::int64_t Mask::kept_weights() const noexcept {
  if (granularity_.per_tap) return kept_cells();
  std::int64_t count = 0;
  for (std::int64_t row = 0; row < cell_rows_; ++row) {
    for (std::int64_t col = 0; col < cell_cols_; ++col) {
      if (kept(row, col)) count += cell_weights(row, col);
    }
  }
  return count;
}

double Mask::sparsity() const noexcept {
  return 1.0 - static_cast<double>(kept_weights()) / static_cast<double>(plane_.elements());
}

std::int64_t Mask::empty_rows() const {
  std::int64_t empty = 0;
  for (std::int64_t row = 0; row < cell_rows_; ++row) {
    bool any = false;
    for (std::int64_t col = 0; col < cell_cols_ && !any; ++col) any = kept(row, col);
    empty += any ? 0 : 1;
  }
  return empty;
}

std::int64_t Mask::empty_cols() const {
  std::int64_t empty = 0;
  for (std::int64_t col = 0; col < cell_cols_; ++col) {
    bool any = false;
    for (std::int64_t row = 0; row < cell_rows_ && !any; ++row) any = kept(row, col);
    empty += any ? 0 : 1;
  }
  return empty;
}

void Mask::apply(Tensor& weights) const {
  if (weights.shape != shape_) {
    throw Error(ErrorKind::input,
                fmt::format("a mask for weights of shape {} does not fit weights "
                            "of shape {}",
                            wbs::to_string(shape_), wbs::to_string(weights.shape)));
  }
  float* values = weights.values.data();
  if (granularity_.per_tap) {
    for (std::int64_t cell = 0; cell < cells(); ++cell) {
      if (!kept(cell)) values[cell] = 0.0F;
    }
    return;
  }
  const std::int64_t row_size = plane_.cin * plane_.taps;
  const std::int64_t cell_size = granularity_.cols * plane_.taps;
  for (std::int64_t out = 0; out < plane_.cout; ++out) {
    for (std::int64_t col = 0; col < cell_cols_; ++col) {
      if (kept(out / granularity_.rows, col)) continue;
      std::fill(values + out * row_size + col * cell_size,
                values + out * row_size + std::min(row_size, (col + 1) * cell_size), 0.0F);
    }
  }
}

Mask mask_of_nonzeros(const Tensor& weights, Granularity granularity) {
  Mask mask(weights.shape, granularity, false);
  const float* values = weights.values.data();
  if (granularity.per_tap) {
    for (std::int64_t cell = 0; cell < mask.cells(); ++cell) {
      if (values[cell] != 0.0F) mask.set(cell, true);
    }
    return mask;
  }
  const Plane& plane = mask.plane();
  const std::int64_t row_size = plane.cin * plane.taps;
  const std::int64_t cell_size = granularity.cols * plane.taps;
  for (std::int64_t out = 0; out < plane.cout; ++out) {
    for (std::int64_t col = 0; col < mask.cell_cols(); ++col) {
      const float* begin = values + out * row_size + col * cell_size;
      const float* end = values + out * row_size + std::min(row_size, (col + 1) * cell_size);
      if (std::any_of(begin, end, [](float value) { return value != 0.0F; })) {
        mask.set(out / granularity.rows, col, true);
      }
    }
  }
  return mask;
}

}  // namespace wbs::sparsity
