// Where the values of an integer network live: one storage per tensor, concatenations in place.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "networks/int8_network.hpp"

namespace wbs::compiler {

/// A whole activation tensor, [blocks][rows][columns][8] bytes, in DDR or spread over the Memtiles.
struct Storage {
  std::string name;
  std::int64_t blocks = 0, rows = 0, columns = 0;
  [[nodiscard]] std::int64_t block_bytes() const { return rows * columns * 8; }
  [[nodiscard]] std::int64_t bytes() const { return blocks * block_bytes(); }
};

/// Where an operation's result begins in its storage. Slices and the parts of a stack are some rows
/// of it.
struct Place {
  std::size_t storage = 0;
  std::int64_t block = 0;
  std::int64_t row = 0;
};

struct Layout {
  std::vector<Storage> storages;
  std::vector<Place> places;  ///< by operation
};

/// Storages for all results. The parts of a concatenation or stack are parts of one storage, a
/// slice is part of its input's; a sum overwrites an operand that nobody else reads afterwards.
/// Throws Error(unsupported) naming the node when a part has channels that are no multiple of 8 and
/// is not the last, is the network's input, or belongs to two concatenations.
[[nodiscard]] Layout lay_out(const networks::Int8Network& network);

/// Channels in blocks of 8.
[[nodiscard]] constexpr std::int64_t blocks_of(std::int64_t channels) {
  return (channels + 7) / 8;
}

}  // namespace wbs::compiler
