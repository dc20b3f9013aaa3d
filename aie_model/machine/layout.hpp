// What a buffer descriptor touches, word by word.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "aie_model/program/program.hpp"

namespace wbs::aie {

/// Consecutive words of a stream: `count` words of a memory, `stride` words apart, the first
/// `offset` words after the descriptor's address; or, with `zero`, padding.
struct Piece {
  std::int64_t offset = 0;
  std::int64_t stride = 1;
  std::uint32_t count = 0;
  bool zero = false;
  friend bool operator==(const Piece&, const Piece&) = default;
};

/// The lowest and the highest word that a run without iteration touches, from its address.
struct WordRange {
  std::int64_t lowest = 0, highest = 0;
};

/// What makes the descriptor's loops meaningless; empty when nothing does.
[[nodiscard]] std::string layout_defect(const Descriptor& descriptor);

[[nodiscard]] WordRange touched_range(const Descriptor& descriptor);

/// Words that one run of the descriptor touches one behind the other before it jumps.
[[nodiscard]] std::uint64_t contiguous_words(const Descriptor& descriptor);

/// The pieces of one run in the order of the stream, neighbours merged where they continue.
[[nodiscard]] std::vector<Piece> pieces_of(const Descriptor& descriptor);

}  // namespace wbs::aie
