#include "aie_model/program/compression.hpp"

#include <algorithm>
#include <bit>

namespace wbs::aie {
namespace {

constexpr std::size_t kBytes = std::size_t{kCompressedGroup} * 4;

std::size_t data_words(std::uint32_t mask) {
  return (static_cast<std::size_t>(std::popcount(mask)) + 3) / 4;
}

std::uint32_t byte_of(std::span<const std::uint32_t> words, std::size_t index) {
  return words[index / 4] >> (index % 4 * 8) & 0xFFU;
}

}  // namespace

std::vector<std::uint32_t> compress(std::span<const std::uint32_t> words) {
  std::vector<std::uint32_t> stream;
  stream.reserve(words.size());
  for (; words.size() >= kCompressedGroup; words = words.subspan(kCompressedGroup)) {
    const std::size_t at = stream.size();
    stream.push_back(0);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < kBytes; ++i) {
      const std::uint32_t byte = byte_of(words, i);
      if (byte == 0) continue;
      stream[at] |= 1U << i;
      if (kept % 4 == 0) stream.push_back(0);
      stream.back() |= byte << (kept++ % 4 * 8);
    }
  }
  return stream;
}

std::uint32_t compressed_words(std::span<const std::uint8_t> bytes) {
  std::size_t words = 0;
  for (; bytes.size() >= kBytes; bytes = bytes.subspan(kBytes)) {
    const auto group = bytes.first(kBytes);
    const auto zeros = std::count(group.begin(), group.end(), std::uint8_t{0});
    words += 1 + (kBytes - static_cast<std::size_t>(zeros) + 3) / 4;
  }
  return static_cast<std::uint32_t>(words);
}

std::optional<std::vector<std::uint32_t>> decompress(std::span<const std::uint32_t> stream,
                                                     std::size_t words) {
  std::vector<std::uint32_t> result(words, 0);
  for (std::size_t at = 0; at < words; at += kCompressedGroup) {
    if (stream.empty() || at + kCompressedGroup > words) return std::nullopt;
    const std::uint32_t mask = stream[0];
    if (stream.size() < 1 + data_words(mask)) return std::nullopt;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < kBytes; ++i) {
      if ((mask >> i & 1U) == 0) continue;
      result[at + i / 4] |= byte_of(stream.subspan(1), kept++) << (i % 4 * 8);
    }
    stream = stream.subspan(1 + data_words(mask));
  }
  if (!stream.empty()) return std::nullopt;
  return result;
}

}  // namespace wbs::aie
