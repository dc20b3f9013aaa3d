#include "aie_model/program/compression.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "core/rng.hpp"

namespace wbs::aie {
namespace {

std::span<const std::uint8_t> bytes_of(const std::vector<std::uint32_t>& words) {
  return {reinterpret_cast<const std::uint8_t*>(words.data()), words.size() * 4};
}

TEST(Compression, KeepsMaskAndBytesThatAreNotZero) {
  std::vector<std::uint32_t> words(8, 0);
  words[0] = 0x00AB0000;  // byte 2
  words[2] = 0x11002233;  // bytes 8, 9, 11
  words[7] = 0xFF000000;  // byte 31
  const std::vector<std::uint32_t> expected{0x80000B04, 0x112233AB, 0x000000FF};
  EXPECT_EQ(compress(words), expected);
  EXPECT_EQ(compressed_words(bytes_of(words)), 3U);
  EXPECT_EQ(decompress(expected, 8), words);
}

TEST(Compression, NeedsAMaskForZerosAndOneMoreWordWithoutAny) {
  EXPECT_EQ(compress(std::vector<std::uint32_t>(16, 0)).size(), 2U);
  EXPECT_EQ(compress(std::vector<std::uint32_t>(16, 0x01010101)).size(), most_compressed_words(16));
}

TEST(Compression, ComesBackFromRandomBytes) {
  Rng rng(7);
  for (const std::uint64_t density : {1, 2, 8, 15, 16}) {
    std::vector<std::uint32_t> words(64);
    for (std::uint32_t& word : words) {
      for (int byte = 0; byte < 4; ++byte) {
        const bool kept = rng.below(16) < density;
        word = word << 8U | (kept ? 1 + static_cast<std::uint32_t>(rng.below(255)) : 0);
      }
    }
    const std::vector<std::uint32_t> stream = compress(words);
    EXPECT_EQ(stream.size(), compressed_words(bytes_of(words)));
    EXPECT_EQ(decompress(stream, words.size()), words);
  }
}

TEST(Compression, RefusesStreamsOfAnotherLength) {
  const std::vector<std::uint32_t> stream = compress(std::vector<std::uint32_t>(16, 0x00010001));
  EXPECT_FALSE(decompress(stream, 8));
  EXPECT_FALSE(decompress(stream, 24));
  EXPECT_FALSE(decompress(std::span(stream).first(stream.size() - 1), 16));
  EXPECT_FALSE(decompress(stream, 12));
}

}  // namespace
}  // namespace wbs::aie
