#include "aie_model/program/program.hpp"

#include <gtest/gtest.h>

namespace wbs::aie {
namespace {

TEST(Program, TilesAreNamedByColumnAndRow) {
  EXPECT_EQ(to_string(TileId{TileKind::core, 2, 1}), "core(2,1)");
  EXPECT_EQ(to_string(TileId{TileKind::core, 3, 0}), "core(3,0)");
  EXPECT_EQ(to_string(TileId{TileKind::memtile, 2, 0}), "memtile(2)");
  EXPECT_EQ(to_string(TileId{TileKind::memtile, 2, 1}), "memtile(2,1)");
  EXPECT_EQ(to_string(TileId{TileKind::shim, 0, 0}), "shim(0)");
}

TEST(Program, StreamWordsCountThePadding) {
  Descriptor descriptor;
  descriptor.words = 12;
  EXPECT_EQ(stream_words(descriptor), 12U);
  descriptor.dimensions = {{2, 1}, {3, 2}, {2, 6}};
  EXPECT_EQ(stream_words(descriptor), 12U);
  descriptor.pad_before = {0, 1, 0};
  descriptor.pad_after = {0, 1, 0};
  EXPECT_EQ(stream_words(descriptor), 20U);  // 2 words, 3 + 2 rows, twice
  descriptor.pad_before[2] = 1;
  EXPECT_EQ(stream_words(descriptor), 30U);
}

TEST(Program, LoopsOutsideThePaddedOnesRepeatThePadding) {
  Descriptor descriptor;
  descriptor.words = 24;
  descriptor.dimensions = {{2, 1}, {3, 2}, {2, 6}, {2, 12}};
  descriptor.pad_after = {1, 0, 0};
  EXPECT_EQ(stream_words(descriptor), 36U);
}

}  // namespace
}  // namespace wbs::aie
