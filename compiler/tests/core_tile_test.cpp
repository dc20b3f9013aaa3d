#include "compiler/core_tile.hpp"

#include <gtest/gtest.h>

#include "compiler/coverage.hpp"

namespace wbs::compiler {
namespace {

struct Shapes {
  std::int64_t size, cin, out, cout, kernel, stride, padding;
};

Layer conv(const Shapes& s, double density = 1.0, std::int64_t groups = 1) {
  Layer layer;
  layer.name = "conv";
  layer.input = {s.size, s.size, s.cin};
  layer.output = {s.out, s.out, s.cout};
  layer.window = {s.kernel, s.kernel, s.stride, s.stride, s.padding, s.padding};
  layer.density = {density, density};
  layer.groups = groups;
  return layer;
}

CoreTile choose(const Layer& layer, std::int64_t side, CinSplit split = CinSplit::last_resort) {
  return choose_core_tile(layer, {side, side}, {}, split);
}

void expect_tile(const CoreTile& tile, const aie::WeightBlock& weight, const aie::Extent& input,
                 const aie::Extent& output) {
  EXPECT_EQ(tile.weight, weight);
  EXPECT_EQ(tile.input, input);
  EXPECT_EQ(tile.output, output);
}

// Rows of the authors' logs (published/wbs_subvolumes.csv), picked so that each rule decides one.

TEST(CoreTile, FirstConvolutionPadsItsChannelsToEight) {
  expect_tile(choose(conv({224, 3, 112, 64, 7, 2, 3}), 2), {32, 7, 7, 8}, {7, 117, 8}, {1, 56, 64});
  expect_tile(choose(conv({224, 3, 112, 64, 7, 2, 3}), 8), {8, 7, 7, 8}, {13, 33, 8}, {4, 14, 64});
}

TEST(CoreTile, RowsFillTheOutputBufferAtThePaddedWidth) {
  expect_tile(choose(conv({56, 64, 56, 64, 1, 1, 0}), 8, CinSplit::authors), {8, 1, 1, 64},
              {16, 7, 64}, {16, 7, 64});
  expect_tile(choose(conv({73, 64, 73, 80, 1, 1, 0}), 4, CinSplit::authors), {24, 1, 1, 64},
              {4, 19, 64}, {4, 19, 80});
}

TEST(CoreTile, RowsFillTheInputBufferAtThePaddedWidth) {
  expect_tile(choose(conv({56, 64, 56, 64, 3, 1, 1}), 8), {8, 3, 3, 64}, {8, 9, 64}, {6, 7, 64});
}

TEST(CoreTile, SparseWeightsAllowMoreOutputChannelsAtATime) {
  expect_tile(choose(conv({28, 128, 28, 128, 3, 1, 1}), 4), {8, 3, 3, 128}, {4, 9, 128},
              {2, 7, 128});
  expect_tile(choose(conv({28, 128, 28, 128, 3, 1, 1}, 0.5), 4), {16, 3, 3, 128}, {4, 9, 128},
              {2, 7, 128});
}

TEST(CoreTile, WideInputsAreStreamedInPiecesOfChannelsWithoutHalo) {
  expect_tile(choose(conv({224, 64, 224, 64, 3, 1, 1}), 4), {16, 3, 3, 64}, {4, 56, 32},
              {2, 56, 64});
  expect_tile(choose(conv({14, 512, 14, 512, 3, 1, 1}), 8), {8, 3, 3, 128}, {4, 2, 256},
              {2, 2, 512});
}

TEST(CoreTile, WeightsAreCutAlongInputChannelsOnlyWhereEightOutputChannelsDoNotFit) {
  const CoreTile tile = choose(conv({14, 256, 14, 256, 3, 1, 1}), 2);
  expect_tile(tile, {8, 3, 3, 128}, {4, 7, 256}, {2, 7, 256});
  EXPECT_NE(tile.notes & kCinWeightPieces, 0U);
  expect_tile(choose(conv({14, 256, 14, 256, 3, 1, 1}, 0.5), 2), {8, 3, 3, 256}, {4, 7, 256},
              {2, 7, 256});
}

TEST(CoreTile, OutputIsWrittenInPiecesWhereOneRowIsTooLarge) {
  expect_tile(choose(conv({7, 512, 7, 2048, 1, 1, 0}), 2), {16, 1, 1, 512}, {1, 4, 512},
              {1, 4, 1024});
  expect_tile(choose(conv({28, 512, 14, 1024, 1, 2, 0}), 2), {16, 1, 1, 512}, {1, 14, 512},
              {1, 7, 512});
}

TEST(CoreTile, AuthorsCutInputChannelsWhereAShareIsNoMultipleOfEight) {
  const Layer layer = conv({17, 768, 17, 160, 1, 1, 0});
  expect_tile(choose(layer, 8, CinSplit::authors), {24, 1, 1, 384}, {1, 3, 768}, {1, 3, 160});
  const CoreTile ours = choose(layer, 8, CinSplit::last_resort);
  EXPECT_EQ(ours.weight.cin, 768);
  EXPECT_EQ(ours.notes & kCinWeightPieces, 0U);
  expect_tile(choose(layer, 8, CinSplit::even_shares), {24, 1, 1, 384}, {1, 3, 768}, {1, 3, 160});
}

TEST(CoreTile, UnevenSharesAreCutAlongInputChannelsByTheAuthorsOnly) {
  const Layer layer = conv({28, 128, 28, 128, 3, 1, 1});
  EXPECT_EQ(choose(layer, 3, CinSplit::authors).weight, (aie::WeightBlock{48, 3, 3, 32}));
  EXPECT_EQ(choose(layer, 3, CinSplit::even_shares).weight, (aie::WeightBlock{8, 3, 3, 128}));
}

TEST(CoreTile, StridedConvolutionExceedsTheInputBufferAsLoggedAndSaysSo) {
  const CoreTile tile = choose(conv({28, 256, 14, 256, 3, 2, 1}), 2);
  expect_tile(tile, {8, 3, 3, 128}, {3, 15, 256}, {1, 7, 256});
  EXPECT_NE(tile.notes & kOverInputLimit, 0U);
}

TEST(CoreTile, KernelTooLargeForEightChannelsTakesFewerOutputChannels) {
  const CoreTile tile = choose(conv({224, 3, 14, 192, 16, 16, 0}), 4);
  EXPECT_EQ(tile.weight.cout, 4);
  EXPECT_EQ(tile.notes & kOverWeightLimit, 0U);
}

TEST(CoreTile, NotesHaveNamesThatReadBack) {
  for (unsigned bit = 0; bit < 16; ++bit) {
    const std::vector<std::string> names = note_names(1U << bit);
    ASSERT_EQ(names.size(), 1U);
    EXPECT_EQ(note_bit(names.front()), 1U << bit);
  }
  EXPECT_EQ(note_bit("no such note"), 0U);
}

// Properties over sizes and arrays that divide nothing.

aie::TiledLayer tiled(const Layer& layer, const CoreTile& tile) {
  aie::TiledLayer result;
  result.kind = layer.kind;
  result.input = layer.input;
  result.output = layer.output;
  result.window = layer.window;
  result.groups = layer.groups;
  result.core_weight = tile.weight;
  result.core_input = tile.input;
  result.core_output = tile.output;
  return result;
}

void expect_partition(std::vector<Interval> pieces, std::int64_t whole) {
  std::int64_t at = 0;
  for (const Interval& piece : pieces) {
    EXPECT_EQ(piece.begin, at);
    EXPECT_GT(piece.end, piece.begin);
    at = piece.end;
  }
  EXPECT_EQ(at, whole);
}

std::vector<Interval> flat(const std::vector<std::vector<Interval>>& groups) {
  std::vector<Interval> all;
  for (const auto& group : groups) all.insert(all.end(), group.begin(), group.end());
  return all;
}

void expect_sound(const Layer& layer, const ArrayShape& array, CinSplit split) {
  SCOPED_TRACE(testing::Message() << array.columns << "x" << array.rows << " " << layer.input.h
                                  << "x" << layer.input.c << " -> " << layer.output.h << "x"
                                  << layer.output.c << " k" << layer.window.kh);
  const CoreLimits limits;
  const CoreTile tile = choose_core_tile(layer, array, limits, split);
  const Coverage pieces = coverage(tiled(layer, tile), array);
  expect_partition(flat(pieces.columns), layer.output.w);
  expect_partition(flat(pieces.rows), layer.output.c);
  expect_partition(pieces.heights, layer.output.h);
  expect_partition(pieces.cins, layer.input.c / layer.groups);
  EXPECT_EQ(covered_macs(pieces, layer.window), dense_macs(layer));
  if ((tile.notes & kOverWeightLimit) == 0) {
    EXPECT_LE(unified_bytes(tile.weight, layer.density.stored), limits.weights);
  }
  if ((tile.notes & kOverInputLimit) == 0) {
    EXPECT_LE(tile.input.h * tile.input.w * tile.input.c, limits.input);
  }
  if ((tile.notes & kOverOutputLimit) == 0) {
    EXPECT_LE(tile.output.h * tile.output.w * tile.output.c, limits.output);
  }
  EXPECT_EQ(tile.notes & kOverOutputLimit, 0U);
  if (layer.window.stride_h == 1) {
    EXPECT_EQ(tile.notes & kOverInputLimit, 0U);
  }
}

TEST(CoreTile, PrimeSizesOnEveryArrayAreCoveredExactlyOnce) {
  for (std::int64_t columns = 1; columns <= 9; ++columns) {
    for (std::int64_t rows = 1; rows <= 9; ++rows) {
      for (const std::int64_t size : {1, 2, 3, 5, 7, 11, 13, 17, 31, 71, 149}) {
        for (const std::int64_t channels : {1, 3, 8, 13, 64, 127, 160, 1021}) {
          const Shapes same{size, channels, size, channels + 7, 3, 1, 1};
          expect_sound(conv(same), {columns, rows}, CinSplit::last_resort);
          expect_sound(conv(same, 0.5), {columns, rows}, CinSplit::authors);
          const Shapes strided{2 * size + 1, channels, size, 64, 3, 2, 0};
          expect_sound(conv(strided), {columns, rows}, CinSplit::even_shares);
        }
      }
    }
  }
}

TEST(CoreTile, DepthwiseAndVectorLayersAreCoveredExactlyOnce) {
  for (std::int64_t side = 1; side <= 16; ++side) {
    for (const std::int64_t channels : {16, 24, 96, 144, 960}) {
      const Layer depthwise = conv({28, channels, 28, channels, 3, 1, 1}, 1.0, channels);
      expect_sound(depthwise, {side, side}, CinSplit::last_resort);
      EXPECT_EQ(choose(depthwise, side).weight.cin, 1);
    }
    Layer vector = conv({1, 25088, 1, 4096, 1, 1, 0});
    vector.kind = aie::LayerKind::fully_connected;
    expect_sound(vector, {side, side}, CinSplit::last_resort);
    Layer tokens = vector;
    tokens.input = {1, 197, 192};
    tokens.output = {1, 197, 576};
    expect_sound(tokens, {side, side}, CinSplit::last_resort);
  }
}

TEST(CoreTile, ImagesTooWideForTheInputBufferAreTakenInPiecesOfWidth) {
  const CoreTile tile = choose(conv({4096, 8, 4096, 8, 7, 1, 3}), 1);
  EXPECT_GT(tile.width_pieces, 1);
  EXPECT_NE(tile.notes & kWidthPieces, 0U);
  expect_sound(conv({4096, 8, 4096, 8, 7, 1, 3}), {1, 1}, CinSplit::last_resort);
}

}  // namespace
}  // namespace wbs::compiler
