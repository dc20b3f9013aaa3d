#include "aie_model/program/program.hpp"

#include <fmt/format.h>

#include "aie_model/program/compression.hpp"

namespace wbs::aie {

std::string to_string(TileId tile) {
  const bool has_row = tile.kind == TileKind::core || tile.row != 0;
  constexpr std::array<const char*, 3> kNames{"shim", "memtile", "core"};
  const char* name = kNames.at(static_cast<std::size_t>(tile.kind));
  if (!has_row) return fmt::format("{}({})", name, tile.column);
  return fmt::format("{}({},{})", name, tile.column, tile.row);
}

std::uint64_t stream_words(const Descriptor& descriptor) {
  if (descriptor.dimensions.empty()) return descriptor.words;
  // Padding of a loop repeats everything inside it, so the enlarged counts simply multiply.
  std::uint64_t words = 1;
  for (std::size_t d = 0; d < descriptor.dimensions.size(); ++d) {
    std::uint64_t count = descriptor.dimensions[d].count;
    if (d < descriptor.pad_before.size()) {
      count += std::uint64_t{descriptor.pad_before[d]} + descriptor.pad_after[d];
    }
    words *= count;
  }
  return words;
}

std::uint64_t stream_words(const Descriptor& descriptor, std::uint64_t run) {
  if (!descriptor.compress) return stream_words(descriptor);
  if (descriptor.sizes.empty()) return most_compressed_words(descriptor.words);
  return descriptor.sizes[run % descriptor.sizes.size()];
}

}  // namespace wbs::aie
