#include "networks/depth_tiles.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "networks/int8_random.hpp"

namespace wbs::networks {
namespace {

using Kind = Int8Op::Kind;

RowWindow random_window(Rng& rng) {
  RowWindow window;
  window.window = 1 + static_cast<std::int64_t>(rng.below(7));
  window.stride = 1 + static_cast<std::int64_t>(rng.below(4));
  window.padding = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(window.window)));
  return window;
}

RowSpan random_span(Rng& rng, std::int64_t rows) {
  const auto begin = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(rows)));
  const auto count = 1 + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(rows)));
  return {begin, std::min(rows, begin + count)};
}

/// First and last row that any window of the output rows touches, one window after the other.
RowSpan touched(const RowSpan& out, const RowWindow& window) {
  std::set<std::int64_t> rows;
  for (std::int64_t y = out.begin; y < out.end; ++y) {
    for (std::int64_t r = 0; r < window.window; ++r) {
      rows.insert(y * window.stride - window.padding + r);
    }
  }
  return {*rows.begin(), *rows.rbegin() + 1};
}

TEST(RowProjection, CoversWhatTheWindowsTouchAndNoMore) {
  Rng rng(1, 0);
  for (int i = 0; i < 2000; ++i) {
    const RowWindow window = random_window(rng);
    const RowSpan out = random_span(rng, 30);
    EXPECT_EQ(project(out, window), touched(out, window));
  }
}

TEST(RowProjection, UnitsNeedStridesAndOneWindowAndNeighboursOverlap) {
  const RowWindow window{3, 1, 1};
  EXPECT_EQ(project(RowSpan{10, 14}, window).rows(), 4 - 1 + 3);
  const std::int64_t overlap =
      project(RowSpan{10, 14}, window).end - project(RowSpan{14, 18}, window).begin;
  EXPECT_EQ(overlap, window.window - 1);
}

TEST(RowProjection, AChainProjectsLikeItsGeneralisedWindow) {
  Rng rng(2, 0);
  for (int i = 0; i < 500; ++i) {
    const RowWindow a = random_window(rng), b = random_window(rng), c = random_window(rng);
    const RowSpan out = random_span(rng, 20);
    EXPECT_EQ(project(out, compose(compose(a, b), c)), project(project(project(out, c), b), a));
    EXPECT_EQ(compose(compose(a, b), c), compose(a, compose(b, c)));
  }
}

TEST(RowProjection, ClippingKeepsEveryRowEitherInsideOrAsPadding) {
  Rng rng(3, 0);
  for (int i = 0; i < 2000; ++i) {
    const RowWindow window = random_window(rng);
    const std::int64_t rows = window.window + static_cast<std::int64_t>(rng.below(30));
    const std::int64_t outputs = (rows + window.padding - window.window) / window.stride + 1;
    const RowSpan span = project(random_span(rng, outputs), window);
    const ClippedRows clipped = clip(span, rows);
    EXPECT_EQ(clipped.above + clipped.inside.rows() + clipped.below, span.rows());
    EXPECT_EQ(clipped.above, std::max<std::int64_t>(0, -span.begin));
    EXPECT_EQ(clipped.below, std::max<std::int64_t>(0, span.end - rows));
  }
  EXPECT_TRUE(clip({-4, -1}, 5).inside.empty());
  EXPECT_TRUE(clip({5, 8}, 5).inside.empty());
}

TEST(RowProjection, TilesShareRowsEvenlyAndInOrder) {
  for (std::int64_t rows = 1; rows < 20; ++rows) {
    for (std::int64_t tiles = 1; tiles <= rows; ++tiles) {
      std::int64_t next = 0;
      for (std::int64_t t = 0; t < tiles; ++t) {
        const RowSpan span = tile_rows(rows, tiles, t);
        EXPECT_EQ(span.begin, next);
        EXPECT_GE(span.rows(), rows / tiles);
        EXPECT_LE(span.rows(), rows / tiles + 1);
        next = span.end;
      }
      EXPECT_EQ(next, rows);
    }
  }
}

Int8Op window_op(Kind kind, const std::string& name, std::vector<std::size_t> inputs,
                 std::int64_t rows, std::int64_t window) {
  Int8Op op;
  op.kind = kind;
  op.name = op.result = name;
  op.inputs = std::move(inputs);
  op.window = {window, window};
  op.padding = {window / 2, window / 2, window / 2, window / 2};
  op.output = {8, rows, 4};
  return op;
}

/// input -> a (3x3) -> b (3x3) -> sum of a and b -> pool 2x2 by 2, of 16 rows.
Int8Network residual() {
  Int8Network network{"residual", {window_op(Kind::input, "input", {}, 16, 1)}, 4};
  network.operations.push_back(window_op(Kind::conv, "a", {0}, 16, 3));
  network.operations.push_back(window_op(Kind::conv, "b", {1}, 16, 3));
  network.operations.push_back(window_op(Kind::add, "sum", {1, 2}, 16, 1));
  Int8Op pool = window_op(Kind::max_pool, "pool", {3}, 8, 2);
  pool.padding = {};
  pool.stride = {2, 2};
  network.operations.push_back(pool);
  return network;
}

TEST(DepthTiles, BranchesNeedTheUnionOfTheirRows) {
  const Int8Network network = residual();
  const std::vector<RowSpan> spans = project(network, {1, 4, 2}, {4, 6});
  const std::vector<RowSpan> expected{{7, 13}, {8, 12}, {8, 12}, {4, 6}};
  EXPECT_EQ(spans, expected);
}

TEST(DepthTiles, OnlyTilesAtTheBorderKeepItsPadding) {
  const std::vector<DepthCut> cuts{{1, 4, 4}};
  const Int8Network tiled = tile_by_depth(residual(), cuts);
  for (const Int8Op& op : tiled.operations) {
    if (untiled_name(op.name) != "a" && untiled_name(op.name) != "b") continue;
    EXPECT_EQ(op.padding.top, op.name.back() == '0' ? 1 : 0) << op.name;
    EXPECT_EQ(op.padding.bottom, op.name.back() == '3' ? 1 : 0) << op.name;
    EXPECT_EQ(op.padding.left, 1) << op.name;
  }
  EXPECT_EQ(tiled.operations[tiled.output].name, "pool");
  EXPECT_EQ(tiled.operations[tiled.output].kind, Kind::stack);
}

TEST(DepthTiles, CutsThatCannotBeAreRefusedWithTheReason) {
  const Int8Network network = residual();
  EXPECT_NE(why_not_cut(network, {0, 2, 2}), "");
  EXPECT_NE(why_not_cut(network, {2, 5, 2}), "");
  EXPECT_EQ(why_not_cut(network, {1, 1, 17}), "'a' has 16 rows, fewer than 17 tiles");
  EXPECT_EQ(why_not_cut(network, {1, 2, 2}),
            "'a' is read outside of the tiled operations, by 'sum'");
  EXPECT_EQ(why_not_cut(network, {2, 4, 2}), "");
  const std::vector<DepthCut> overlapping{{1, 3, 2}, {3, 4, 2}};
  EXPECT_THROW((void)tile_by_depth(network, overlapping), Error);
}

TEST(DepthTiles, NamesLoseTheTileOnly) {
  EXPECT_EQ(untiled_name("conv#12"), "conv");
  EXPECT_EQ(untiled_name("conv#"), "conv#");
  EXPECT_EQ(untiled_name("conv#1a"), "conv#1a");
  EXPECT_EQ(untiled_name("conv"), "conv");
}

/// Cuts of random places and numbers of tiles, in order, as many as fit.
std::vector<DepthCut> random_cuts(const Int8Network& network, Rng& rng) {
  std::vector<DepthCut> cuts;
  std::size_t next = 1;
  while (next < network.operations.size()) {
    const std::size_t left = network.operations.size() - next;
    DepthCut cut{next, next + static_cast<std::size_t>(rng.below(left)),
                 2 + static_cast<std::int64_t>(rng.below(4))};
    while (cut.last > cut.first && !why_not_cut(network, cut).empty()) --cut.last;
    if (rng.bernoulli(0.8) && why_not_cut(network, cut).empty()) cuts.push_back(cut);
    next = cut.last + 1;
  }
  return cuts;
}

/// Rows [first, first + rows) of [channels][rows][columns].
std::vector<std::uint8_t> rows_of(const std::vector<std::uint8_t>& bytes, const Int8Shape& shape,
                                  std::int64_t first, std::int64_t rows) {
  std::vector<std::uint8_t> result;
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    const auto from = bytes.begin() + (channel * shape.rows + first) * shape.columns;
    result.insert(result.end(), from, from + rows * shape.columns);
  }
  return result;
}

TEST(DepthTiles, RandomNetworksKeepEveryBit) {
  Rng rng(4, 0);
  int cut_operations = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const Int8Network network = random_int8_network(seed);
    const std::vector<DepthCut> cuts = random_cuts(network, rng);
    const Int8Network tiled = tile_by_depth(network, cuts);
    const std::vector<std::uint8_t> image = random_int8_image(network, seed);
    const auto reference = interpret(network, image);
    const auto results = interpret(tiled, image);
    EXPECT_EQ(results[tiled.output], reference[network.output]) << "seed " << seed;
    for (const DepthCut& cut : cuts) {
      cut_operations += static_cast<int>(cut.last - cut.first + 1);
      for (std::int64_t t = 0; t < cut.tiles; ++t) {
        const RowSpan wanted = tile_rows(network.operations[cut.last].output.rows, cut.tiles, t);
        const std::vector<RowSpan> spans = project(network, cut, wanted);
        for (std::size_t i = cut.first; i <= cut.last; ++i) {
          const Int8Op& op = network.operations[i];
          const std::string name = op.name + "#" + std::to_string(t);
          const auto tile = std::find_if(tiled.operations.begin(), tiled.operations.end(),
                                         [&](const Int8Op& o) { return o.name == name; });
          ASSERT_NE(tile, tiled.operations.end()) << name;
          const RowSpan span = spans[i - cut.first];
          EXPECT_EQ(results[static_cast<std::size_t>(tile - tiled.operations.begin())],
                    rows_of(reference[i], op.output, span.begin, span.rows()))
              << "seed " << seed << " " << name;
        }
      }
    }
  }
  EXPECT_GT(cut_operations, 200);
}

}  // namespace
}  // namespace wbs::networks
