#include "kernels/winograd_geometry.hpp"

#include <algorithm>

#include "kernels/tile.hpp"

namespace wbs::kernels {
namespace {

constexpr std::int32_t kSlots = 16;

std::uint32_t low_bits(std::int64_t count) noexcept {
  return (std::uint32_t{1} << count) - 1;
}

/// Bits [-first, extent - first) of a mask of `count` bits: which of the places first, first + 1,
/// ... lie in [0, extent).
std::uint32_t inside(std::int64_t first, std::int64_t extent, std::int64_t count) noexcept {
  std::uint32_t mask = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    if (first + i >= 0 && first + i < extent) mask |= std::uint32_t{1} << i;
  }
  return mask;
}

/// Tiles and steps of one layer. Tile rows count through all images.
class Cutter {
 public:
  Cutter(const ConvShape& shape, const WinogradGeometry& geometry)
      : shape_(shape),
        tile_(geometry.tile),
        rows_(geometry.tile_rows),
        columns_(geometry.tile_columns),
        overflows_(shape.width + shape.pad_left > geometry.tile * geometry.tile_columns) {}

  [[nodiscard]] WinogradTile tile(std::int64_t index) const noexcept {
    const std::int64_t row = index / columns_;
    const std::int64_t image = row / rows_;
    const std::int64_t y = row % rows_ * tile_;
    const std::int64_t x = index % columns_ * tile_;
    WinogradTile tile;
    tile.in_word =
        (image * shape_.height + y - shape_.pad_top) * shape_.width + x - shape_.pad_left;
    tile.out_word = (image * shape_.out_height() + y) * shape_.out_width() + x;
    tile.in_rows = inside(y - shape_.pad_top, shape_.height, tile_ + 2);
    tile.in_columns = inside(x - shape_.pad_left, shape_.width, tile_ + 2);
    tile.out_rows =
        static_cast<std::int32_t>(std::min<std::int64_t>(tile_, shape_.out_height() - y));
    tile.out_columns =
        static_cast<std::int32_t>(std::min<std::int64_t>(tile_, shape_.out_width() - x));
    return tile;
  }

  /// Steps for the tiles [first, end).
  [[nodiscard]] std::vector<WinogradStep> steps(std::int64_t first, std::int64_t end) const {
    std::vector<WinogradStep> steps;
    std::int32_t used = kSlots;
    for (std::int64_t at = first; at < end;) {
      const std::int64_t row_end = std::min((at / columns_ + 1) * columns_, end);
      std::int64_t count = fitting(at, row_end, kSlots - used);
      if (count == 0) {
        steps.emplace_back();
        steps.back().lane = static_cast<std::int32_t>(at - first);
        steps.back().whole_rows = true;
        used = 0;
        count = fitting(at, row_end, kSlots);
      }
      add(steps.back(), at, count, used);
      const std::int64_t slots = count + (needs_next(at + count - 1) ? 1 : 0);
      const std::int64_t per_strip = kSlots / tile_;
      used += static_cast<std::int32_t>((slots + per_strip - 1) / per_strip * per_strip);
      at += count;
    }
    return steps;
  }

 private:
  /// Whether the columns behind a tile may lie in the image.
  [[nodiscard]] bool needs_next(std::int64_t index) const noexcept {
    return overflows_ || index % columns_ != columns_ - 1;
  }

  /// How many of the tiles [at, row_end) go into `slots` slots with what they need behind them.
  [[nodiscard]] std::int64_t fitting(std::int64_t at, std::int64_t row_end,
                                     std::int64_t slots) const noexcept {
    const std::int64_t left = row_end - at;
    if (left <= slots && !needs_next(row_end - 1)) return left;
    return std::max<std::int64_t>(std::min(left, slots - 1), 0);
  }

  /// Tiles [at, at + count) of one row, from slot `slot` on, become the step's next lanes.
  void add(WinogradStep& step, std::int64_t at, std::int64_t count, std::int32_t slot) const {
    const std::int32_t per_strip = kSlots / tile_;
    std::int32_t lane = 0;
    while ((step.exists >> lane & 1U) != 0) ++lane;
    for (std::int64_t i = 0; i < count; ++i, ++lane, ++slot) {
      step.exists |= std::uint32_t{1} << lane;
      if (needs_next(at + i)) step.has_next |= std::uint32_t{1} << lane;
      step.own[lane] = source(slot);
      step.next[lane] = source(slot + 1);
      for (std::int32_t column = 0; column < tile_; ++column) set_back(step, slot, lane, column);
      const WinogradTile tile = this->tile(at + i);
      WinogradStrip& strip = step.strips[slot / per_strip];
      const std::int32_t first = slot % per_strip * tile_;
      if (first == 0) begin_strip(step, strip, tile, at + i);
      strip.out_columns |= low_bits(tile.out_columns) << first;
    }
    // The next slot of the last tile may be the first of a strip without tiles.
    if (slot < kSlots && slot % per_strip == 0 && needs_next(at + count - 1)) {
      WinogradTile tile = this->tile(at + count - 1);
      tile.in_word += tile_;
      tile.out_rows = 0;
      begin_strip(step, step.strips[slot / per_strip], tile, at + count);
    }
  }

  /// `index`: of the tile in the strip's first slot, or one more than its row's last.
  void begin_strip(WinogradStep& step, WinogradStrip& strip, const WinogradTile& tile,
                   std::int64_t index) const {
    const std::int64_t row = (index - 1) / columns_;
    const bool behind = tile.out_rows == 0;
    const std::int64_t x = behind ? (index - row * columns_) * tile_ : index % columns_ * tile_;
    strip.in_word = tile.in_word;
    strip.out_word = tile.out_word;
    strip.in_rows = tile.in_rows;
    strip.in_columns = inside(x - shape_.pad_left, shape_.width, kSlots);
    strip.out_rows = tile.out_rows;
    if (strip.in_rows != low_bits(tile_ + 2)) step.whole_rows = false;
  }

  /// Where the first column of a slot is, after the strips' vectors are permuted in pairs: see
  /// split2 and split4 in winograd_avx512.cpp.
  [[nodiscard]] std::int32_t source(std::int32_t slot) const noexcept {
    slot %= kSlots;
    if (tile_ == 2) return 2 * slot;
    return slot < 8 ? slot : 8 + slot;
  }

  /// Where an output column goes: into vectors of the pairs (y0, y1) and (y2, y3), see join2 and
  /// join4.
  void set_back(WinogradStep& step, std::int32_t slot, std::int32_t lane,
                std::int32_t column) const noexcept {
    std::int32_t* table = slot < 8 ? step.back_low : step.back_high;
    if (column < 2) table[2 * (slot % 8) + column] = 16 * column + lane;
  }

  const ConvShape& shape_;
  int tile_;
  std::int64_t rows_;
  std::int64_t columns_;
  bool overflows_;  ///< tile rows need input columns beyond those of their outputs
};

}  // namespace

WinogradGeometry winograd_geometry(const ConvShape& shape, int tile, std::int32_t max_vectors,
                                   bool tails) {
  WinogradGeometry geometry;
  geometry.tile = tile;
  geometry.tile_rows = (shape.out_height() + tile - 1) / tile;
  geometry.tile_columns = (shape.out_width() + tile - 1) / tile;
  const Cutter cutter(shape, geometry);
  const std::int64_t count = shape.images * geometry.tile_rows * geometry.tile_columns;
  const auto groups_of = [&](std::int64_t vectors) {
    return std::max<std::int64_t>((vectors + max_vectors - 1) / max_vectors, 1);
  };
  // Tiles beyond whole vectors ride as tails when there are enough groups.
  std::int64_t tail_count = count % kVectorPixels;
  if (!tails || tail_count > groups_of(count / kVectorPixels)) tail_count = 0;
  std::int64_t vectors = (count - tail_count + kVectorPixels - 1) / kVectorPixels;
  const std::int64_t group_count = groups_of(vectors);
  std::int64_t first = 0;
  for (std::int64_t g = 0; g < group_count; ++g) {
    WinogradGroup group;
    // As even as can be: two groups of two vectors are faster than three and one.
    const std::int64_t share = (vectors + group_count - g - 1) / (group_count - g);
    group.vectors = static_cast<std::int32_t>(share);
    group.tail = tail_count > 0 ? 1 : 0;
    const std::int64_t end = first + std::min(count - first, share * kVectorPixels + group.tail);
    for (std::int64_t index = first; index < end; ++index) {
      group.tiles.push_back(cutter.tile(index));
    }
    group.steps = cutter.steps(first, end);
    first = end;
    vectors -= share;
    tail_count -= group.tail;
    geometry.max_vectors = std::max(geometry.max_vectors, group.vectors);
    geometry.max_tail = std::max(geometry.max_tail, group.tail);
    geometry.groups.push_back(std::move(group));
  }
  return geometry;
}

}  // namespace wbs::kernels
