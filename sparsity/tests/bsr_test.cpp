#include "sparsity/bsr.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "core/error.hpp"
#include "sparsity/prune.hpp"
#include "sparsity/tests/fixtures.hpp"

namespace wbs::sparsity {
namespace {

Mask random_mask(const Shape& shape, Granularity granularity, double kept, std::uint64_t seed = 1) {
  Mask mask(shape, granularity);
  Rng rng(seed);
  for (std::int64_t cell = 0; cell < mask.cells(); ++cell) mask.set(cell, rng.bernoulli(kept));
  return mask;
}

TEST(Bsr, UnpackingGivesTheMaskedWeightsBitForBit) {
  for (const Shape& shape : {Shape{17, 9, 3, 3}, Shape{64, 64, 1, 1}, Shape{1, 1}, Shape{7, 100}}) {
    for (const Granularity granularity : {Granularity{8, 8}, Granularity{4, 16}, Granularity{1, 1},
                                          Granularity{5, 3}, Granularity{32, 32}}) {
      for (const double kept : {0.0, 0.5, 1.0}) {
        const Mask mask = random_mask(shape, granularity, kept);
        Tensor weights = random_weights(shape);
        mask.apply(weights);
        const Bsr packed = pack_bsr(weights, mask);
        const Tensor unpacked = unpack_bsr(packed);
        ASSERT_EQ(unpacked.shape, weights.shape);
        ASSERT_EQ(std::memcmp(unpacked.values.data(), weights.values.data(),
                              weights.values.size() * sizeof(float)),
                  0);
        EXPECT_EQ(mask_of(packed), mask);
        EXPECT_EQ(packed.blocks(), mask.kept_cells());
      }
    }
  }
}

TEST(Bsr, ValuesLieTapByTapAndRowByRowWithPaddedEdges) {
  // 3 x 2 channels, 2 taps, blocks of 2x2: the second block row has one channel.
  Tensor weights({3, 2, 1, 2});
  for (std::size_t i = 0; i < weights.values.size(); ++i) {
    weights.values[i] = static_cast<float>(i + 1);
  }
  const Bsr packed = pack_bsr(weights, Mask(weights.shape, {2, 2}));
  EXPECT_THAT(packed.values,
              testing::ElementsAre(1, 3, 5, 7, 2, 4, 6, 8, 9, 11, 0, 0, 10, 12, 0, 0));
  EXPECT_THAT(packed.row_begin, testing::ElementsAre(0, 1, 2));
}

TEST(Bsr, AnEmptyBlockRowHasNoBlocks) {
  Mask mask({24, 16}, {8, 8});
  mask.set(1, 0, false);
  mask.set(1, 1, false);
  mask.set(2, 0, false);
  Tensor weights = random_weights({24, 16});
  mask.apply(weights);
  const Bsr packed = pack_bsr(weights, mask);
  EXPECT_THAT(packed.row_begin, testing::ElementsAre(0, 2, 2, 3));
  EXPECT_THAT(packed.column_index, testing::ElementsAre(0, 1, 1));
  EXPECT_THAT(block_coordinates(packed),
              testing::ElementsAre(testing::Pair(0, 0), testing::Pair(0, 1), testing::Pair(2, 1)));
}

void expect_error(const Tensor& weights, const Mask& mask, const char* text) {
  try {
    static_cast<void>(pack_bsr(weights, mask));
    FAIL() << text;
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr(text));
  }
}

TEST(Bsr, PackingRefusesWhatItWouldLoseOrNotUnderstand) {
  const Shape shape{16, 16};
  Mask mask(shape, {8, 8});
  mask.set(0, 1, false);
  Tensor weights = random_weights(shape);
  expect_error(weights, mask, "weight 8 is masked but not zero");
  mask.apply(weights);
  expect_error(weights, Mask({16, 8}, {8, 8}), "does not fit");
  expect_error(weights, Mask(shape, kSingleWeights), "single weights");
  weights.values[3] = std::numeric_limits<float>::infinity();
  expect_error(weights, mask, "weight 3 is not finite");
  expect_error(Tensor({1, 65537}), Mask({1, 65537}, {1, 1}), "16-bit");
}

TEST(Bsr, DamagedPacksAreErrors) {
  Tensor weights = random_weights({16, 16});
  const Bsr good = pack_bsr(weights, Mask(weights.shape, {8, 8}));
  const auto damaged = [&](auto change) {
    Bsr bad = good;
    change(bad);
    EXPECT_THROW(static_cast<void>(unpack_bsr(bad)), Error);
    EXPECT_THROW(static_cast<void>(mask_of(bad)), Error);
  };
  damaged([](Bsr& bad) { bad.column_index[1] = 2; });
  damaged([](Bsr& bad) { bad.column_index[1] = 0; });
  damaged([](Bsr& bad) { bad.row_begin[1] = 5; });
  damaged([](Bsr& bad) { bad.row_begin = {0, 4, 3}; });
  damaged([](Bsr& bad) { bad.row_begin.pop_back(); });
  damaged([](Bsr& bad) { bad.values.pop_back(); });
  damaged([](Bsr& bad) { bad.shape = {32, 16}; });
}

TEST(Bsr, UnifiedBytesFollowThePaper) {
  // 128 x 1 x 1 x 64 at 50%: 4096 values, 4 * 128 bias, 2 * 16 * 8 mask.
  EXPECT_EQ(unified_bytes({128, 64, 1}, 4096), 4096 + 512 + 256);
  EXPECT_EQ(unified_bytes({17, 9, 9}, 0), 4 * 17 + 2 * 3 * 2);
}

}  // namespace
}  // namespace wbs::sparsity
