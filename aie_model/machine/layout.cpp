#include "aie_model/machine/layout.hpp"

#include <fmt/format.h>

namespace wbs::aie {
namespace {

constexpr std::size_t kPadded = 3;  // dimensions that padding can surround

// The dimensions with the innermost one always present.
std::vector<Dimension> loops(const Descriptor& descriptor) {
  if (!descriptor.dimensions.empty()) return descriptor.dimensions;
  return {Dimension{descriptor.words, 1}};
}

std::uint64_t before(const Descriptor& descriptor, std::size_t level) {
  return level < kPadded ? descriptor.pad_before[level] : 0;
}

std::uint64_t after(const Descriptor& descriptor, std::size_t level) {
  return level < kPadded ? descriptor.pad_after[level] : 0;
}

class Expansion {
 public:
  explicit Expansion(const Descriptor& descriptor)
      : descriptor_(descriptor), loops_(loops(descriptor)) {
    std::uint64_t extent = 1;
    for (std::size_t level = 0; level < loops_.size(); ++level) {
      inner_.push_back(extent);
      extent *= before(descriptor, level) + loops_[level].count + after(descriptor, level);
    }
    expand(loops_.size() - 1, 0);
  }

  std::vector<Piece> take() { return std::move(pieces_); }

 private:
  void expand(std::size_t level, std::int64_t offset) {
    zeros(before(descriptor_, level) * inner_[level]);
    const Dimension& loop = loops_[level];
    if (level == 0) {
      words({.offset = offset, .stride = loop.stride, .count = loop.count});
    } else {
      for (std::uint32_t i = 0; i < loop.count; ++i) {
        expand(level - 1, offset + std::int64_t{i} * loop.stride);
      }
    }
    zeros(after(descriptor_, level) * inner_[level]);
  }

  void zeros(std::uint64_t count) {
    if (count == 0) return;
    if (pieces_.empty() || !pieces_.back().zero) pieces_.push_back({.zero = true});
    pieces_.back().count += static_cast<std::uint32_t>(count);
  }

  void words(Piece piece) {
    if (piece.count == 1) piece.stride = 1;
    if (pieces_.empty() || pieces_.back().zero) {
      pieces_.push_back(piece);
      return;
    }
    Piece& last = pieces_.back();
    const std::int64_t step = piece.offset - (last.offset + (last.count - 1) * last.stride);
    const bool last_fits = last.count == 1 || last.stride == step;
    const bool piece_fits = piece.count == 1 || piece.stride == step;
    if (last_fits && piece_fits) {
      last.stride = step;
      last.count += piece.count;
    } else {
      pieces_.push_back(piece);
    }
  }

  const Descriptor& descriptor_;
  std::vector<Dimension> loops_;
  std::vector<std::uint64_t> inner_;  // words of the stream in one round of each loop
  std::vector<Piece> pieces_;
};

}  // namespace

std::string layout_defect(const Descriptor& descriptor) {
  if (descriptor.words == 0) return "moves no words";
  if (descriptor.address % 4 != 0) return "has an address that is no multiple of 4";
  for (std::size_t level = descriptor.dimensions.size(); level < kPadded; ++level) {
    if (before(descriptor, level) + after(descriptor, level) > 0) {
      return "pads a dimension that it does not have";
    }
  }
  if (descriptor.iteration.count == 0) return "iterates over 0 rounds";
  if (descriptor.dimensions.empty()) return {};
  std::uint64_t product = 1;
  for (const Dimension& dimension : descriptor.dimensions) product *= dimension.count;
  if (product == descriptor.words) return {};
  return fmt::format("announces {} words, but its dimensions have {}", descriptor.words, product);
}

WordRange touched_range(const Descriptor& descriptor) {
  if (descriptor.dimensions.empty()) {
    return {.lowest = 0, .highest = std::int64_t{descriptor.words} - 1};
  }
  WordRange range;
  for (const Dimension& dimension : descriptor.dimensions) {
    const std::int64_t reach = (std::int64_t{dimension.count} - 1) * dimension.stride;
    (reach < 0 ? range.lowest : range.highest) += reach;
  }
  return range;
}

std::uint64_t contiguous_words(const Descriptor& descriptor) {
  if (descriptor.dimensions.empty()) return descriptor.words;
  std::uint64_t words = 1;
  for (const Dimension& dimension : descriptor.dimensions) {
    if (dimension.count == 1) continue;
    if (dimension.stride != static_cast<std::int64_t>(words)) break;
    words *= dimension.count;
  }
  return words;
}

std::vector<Piece> pieces_of(const Descriptor& descriptor) {
  return Expansion(descriptor).take();
}

}  // namespace wbs::aie
