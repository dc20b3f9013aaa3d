#include "networks/row_projection.hpp"

#include <algorithm>

namespace wbs::networks {

RowSpan unite(const RowSpan& a, const RowSpan& b) noexcept {
  if (a.empty()) return b;
  if (b.empty()) return a;
  return {std::min(a.begin, b.begin), std::max(a.end, b.end)};
}

RowSpan project(const RowSpan& out, const RowWindow& window) noexcept {
  if (out.empty()) return {};
  const std::int64_t begin = out.begin * window.stride - window.padding;
  return {begin, begin + (out.rows() - 1) * window.stride + window.window};
}

RowWindow compose(const RowWindow& first, const RowWindow& second) noexcept {
  return {first.window + (second.window - 1) * first.stride, first.stride * second.stride,
          first.padding + second.padding * first.stride};
}

ClippedRows clip(const RowSpan& span, std::int64_t rows) noexcept {
  ClippedRows clipped;
  clipped.inside = {std::clamp<std::int64_t>(span.begin, 0, rows),
                    std::clamp<std::int64_t>(span.end, 0, rows)};
  if (span.empty() || clipped.inside.empty()) return {};
  clipped.above = clipped.inside.begin - span.begin;
  clipped.below = span.end - clipped.inside.end;
  return clipped;
}

RowSpan tile_rows(std::int64_t rows, std::int64_t tiles, std::int64_t index) noexcept {
  return {rows * index / tiles, rows * (index + 1) / tiles};
}

}  // namespace wbs::networks
