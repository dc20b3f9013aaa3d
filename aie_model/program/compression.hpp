// Zero compression of streams (AM020 chapters 1 and 3): each 256-bit word of a memory becomes a
// 32-bit mask, bit i for byte i, and its bytes that are not zero, padded to 32 bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace wbs::aie {

/// Words of a memory that are compressed together.
inline constexpr std::uint32_t kCompressedGroup = 8;

/// Stream words of so many memory words at most: every byte kept, and the masks.
[[nodiscard]] constexpr std::uint64_t most_compressed_words(std::uint64_t words) {
  return words / kCompressedGroup * (kCompressedGroup + 1);
}

/// The words as they go through the stream; a whole number of groups.
[[nodiscard]] std::vector<std::uint32_t> compress(std::span<const std::uint32_t> words);

/// How many words compress() gives for these bytes; a whole number of groups.
[[nodiscard]] std::uint32_t compressed_words(std::span<const std::uint8_t> bytes);

/// The `words` words that were compressed to exactly `stream`; none if it is not that long.
[[nodiscard]] std::optional<std::vector<std::uint32_t>> decompress(
    std::span<const std::uint32_t> stream, std::size_t words);

}  // namespace wbs::aie
