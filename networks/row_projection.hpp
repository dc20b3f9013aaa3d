// Which rows of a tensor an operation needs for some rows of its result: backward projection
// through windows, strides and paddings. Arithmetic only.
#pragma once

#include <cstdint>

namespace wbs::networks {

/// Rows [begin, end) of a tensor; begin may be negative and end beyond the image where a window
/// reaches into the padding.
struct RowSpan {
  std::int64_t begin = 0, end = 0;
  [[nodiscard]] std::int64_t rows() const { return end - begin; }
  [[nodiscard]] bool empty() const { return end <= begin; }
  friend bool operator==(const RowSpan&, const RowSpan&) = default;
};

/// The least span with the rows of both.
[[nodiscard]] RowSpan unite(const RowSpan& a, const RowSpan& b) noexcept;

/// How an operation slides over the rows of its input. Several in a row make one again (compose()):
/// the generalised kernel and stride of a chain (arXiv 2407.09453, depth-wise tiling).
struct RowWindow {
  std::int64_t window = 1, stride = 1, padding = 0;  ///< padding: rows above the image
  friend bool operator==(const RowWindow&, const RowWindow&) = default;
};

/// Input rows of the output rows `out`: (u - 1) * stride + window for u rows, in the input's
/// coordinates, padding included. Empty for no rows.
[[nodiscard]] RowSpan project(const RowSpan& out, const RowWindow& window) noexcept;

/// The window of `second` after `first`. Paddings between the two are taken for rows of the image:
/// true of rows that no inner padding touches.
[[nodiscard]] RowWindow compose(const RowWindow& first, const RowWindow& second) noexcept;

/// What of a projection lies in an image of `rows` rows, and how many rows of zeros around it.
struct ClippedRows {
  RowSpan inside;
  std::int64_t above = 0, below = 0;
  friend bool operator==(const ClippedRows&, const ClippedRows&) = default;
};

/// Clips to the image. A span that misses the image has an empty `inside`.
[[nodiscard]] ClippedRows clip(const RowSpan& span, std::int64_t rows) noexcept;

/// Rows of tile `index` when `rows` are shared among `tiles` as evenly as possible, larger ones
/// anywhere. 0 <= index < tiles <= rows.
[[nodiscard]] RowSpan tile_rows(std::int64_t rows, std::int64_t tiles, std::int64_t index) noexcept;

}  // namespace wbs::networks
