#include "core/rng.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

#include "core/digest.hpp"
#include "core/normal.hpp"

namespace wbs {
namespace {

using testing::ElementsAre;

// The known answers of the Random123 distribution (kat_vectors, philox4x32 10).
TEST(Rng, PhiloxPassesTheKnownAnswers) {
  EXPECT_THAT(philox4x32({0, 0, 0, 0}, {0, 0}),
              ElementsAre(0x6627e8d5U, 0xe169c58dU, 0xbc57ac4cU, 0x9b00dbd8U));
  constexpr std::uint32_t kOnes = 0xFFFFFFFF;
  EXPECT_THAT(philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
              ElementsAre(0x408f276dU, 0x41c83b0eU, 0xa20bc7c6U, 0x6d5451fdU));
  EXPECT_THAT(
      philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
      ElementsAre(0xd16cfe09U, 0x94fdccebU, 0x5001e420U, 0x24126ea1U));
}

TEST(Rng, SeekContinuesAtAnyPosition) {
  Rng rng(1, 2);
  std::vector<std::uint32_t> words(23);
  for (std::uint32_t& word : words) word = rng.next_u32();
  EXPECT_EQ(rng.position(), 23U);
  for (std::uint64_t at = 0; at < words.size(); ++at) {
    Rng other(1, 2);
    other.seek(at);
    EXPECT_EQ(other.position(), at);
    EXPECT_EQ(other.next_u32(), words[at]);
  }
}

TEST(Rng, PositionIsTheWholeStateAfterEveryDistribution) {
  Rng rng(5);
  static_cast<void>(rng.next_u32());
  for (int kind = 0; kind < 5; ++kind) {
    std::vector<float> values(5);
    if (kind == 0) static_cast<void>(rng.uniform());
    if (kind == 1) static_cast<void>(rng.normal());
    if (kind == 2) static_cast<void>(rng.below(6));
    if (kind == 3) static_cast<void>(rng.bernoulli(0.5));
    if (kind == 4) rng.fill_normal(values, 0.0F, 1.0F);
    Rng resumed(5);
    resumed.seek(rng.position());
    Rng copy = rng;
    EXPECT_EQ(resumed.normal(), copy.normal());
    EXPECT_EQ(resumed.next_u64(), copy.next_u64());
  }
}

TEST(Rng, SeedsAndStreamsDiffer) {
  EXPECT_NE(Rng(1, 0).next_u64(), Rng(2, 0).next_u64());
  EXPECT_NE(Rng(1, 0).next_u64(), Rng(1, 1).next_u64());
  EXPECT_NE(Rng(1, std::uint64_t{1} << 32).next_u64(), Rng(1, 0).next_u64());
  EXPECT_NE(stream_of("conv1", 5), stream_of("conv2", 5));
}

TEST(Rng, UniformHasTheMomentsOfItsDistribution) {
  Rng rng(1);
  constexpr int kCount = 200000;
  double sum = 0.0;
  double squares = 0.0;
  for (int i = 0; i < kCount; ++i) {
    const double value = rng.uniform();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / kCount, 0.5, 0.003);
  EXPECT_NEAR(squares / kCount, 1.0 / 3.0, 0.003);
}

TEST(Rng, BelowIsUniformOverItsRange) {
  Rng rng(1);
  std::vector<int> counts(7, 0);
  for (int i = 0; i < 70000; ++i) ++counts[rng.below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 400);
  EXPECT_EQ(rng.below(1), 0U);
  const std::uint64_t huge = (std::uint64_t{1} << 63) + 1;
  for (int i = 0; i < 100; ++i) EXPECT_LT(rng.below(huge), huge);
}

TEST(Rng, BernoulliFollowsItsProbability) {
  Rng rng(1);
  int hits = 0;
  for (int i = 0; i < 100000; ++i) hits += rng.bernoulli(0.3) ? 1 : 0;
  EXPECT_NEAR(hits, 30000, 600);
  EXPECT_FALSE(rng.bernoulli(0.0));
  EXPECT_TRUE(rng.bernoulli(1.0));
}

TEST(Rng, ShuffleIsAPermutationAndEveryItemComesFirst) {
  Rng rng(1);
  std::vector<int> firsts(5, 0);
  for (int round = 0; round < 5000; ++round) {
    std::vector<int> items(5);
    std::iota(items.begin(), items.end(), 0);
    rng.shuffle(std::span<int>(items));
    ++firsts[static_cast<std::size_t>(items[0])];
    std::sort(items.begin(), items.end());
    for (int i = 0; i < 5; ++i) ASSERT_EQ(items[static_cast<std::size_t>(i)], i);
  }
  for (const int count : firsts) EXPECT_NEAR(count, 1000, 150);
}

struct Powers {
  double mean, variance, skewness, kurtosis;
};

template <typename Values>
Powers powers_of(const Values& values) {
  Powers powers{};
  for (const auto value : values) {
    const auto x = static_cast<double>(value);
    powers.mean += x;
    powers.variance += x * x;
    powers.skewness += x * x * x;
    powers.kurtosis += x * x * x * x;
  }
  const auto count = static_cast<double>(values.size());
  return {powers.mean / count, powers.variance / count, powers.skewness / count,
          powers.kurtosis / count};
}

TEST(Rng, NormalsHaveTheMomentsOfTheirDistribution) {
  Rng rng(1);
  std::vector<double> single(400000);
  for (double& value : single) value = rng.normal();
  std::vector<float> bulk(4000000);
  rng.fill_normal(bulk, 0.0F, 1.0F);
  for (const Powers& powers : {powers_of(single), powers_of(bulk)}) {
    EXPECT_NEAR(powers.mean, 0.0, 0.005);
    EXPECT_NEAR(powers.variance, 1.0, 0.01);
    EXPECT_NEAR(powers.skewness, 0.0, 0.03);
    EXPECT_NEAR(powers.kurtosis, 3.0, 0.05);
  }
}

TEST(Rng, BulkNormalsFillEveryPartOfTheDistribution) {
  Rng rng(2);
  std::vector<float> values(1000000);
  rng.fill_normal(values, 0.0F, 1.0F);
  for (const double limit : {-3.0, -2.0, -1.0, -0.1, 0.0, 0.5, 1.5, 2.5}) {
    const auto below = std::count_if(values.begin(), values.end(), [&](float value) {
      return static_cast<double>(value) < limit;
    });
    EXPECT_NEAR(static_cast<double>(below) / 1e6, 0.5 * std::erfc(-limit / std::sqrt(2.0)), 0.002)
        << limit;
  }
}

TEST(Rng, BulkNormalsEqualBoxMullerOfTheSameWords) {
  constexpr std::size_t kCount = 4000;
  std::vector<float> values(kCount);
  Rng(7, 3).fill_normal(values, 0.0F, 1.0F);
  Rng words(7, 3);
  for (std::size_t i = 0; i < kCount; i += 2) {
    const std::uint32_t first = words.next_u32();
    const std::uint32_t second = words.next_u32();
    const double u = static_cast<double>(first >> 1 | 1U) * 0x1.0p-31;
    const double angle = static_cast<double>(static_cast<std::int32_t>(second) >> 1) *
                             (1.57079632679489661923 * 0x1.0p-30) +
                         ((second & 1U) != 0 ? 3.14159265358979323846 : 0.0);
    const double radius = std::sqrt(-2.0 * std::log(u));
    ASSERT_NEAR(static_cast<double>(values[i]), radius * std::cos(angle), 4e-6);
    ASSERT_NEAR(static_cast<double>(values[i + 1]), radius * std::sin(angle), 4e-6);
  }
}

TEST(Rng, SingleNormalsEqualTheLibraryFunctions) {
  for (const double u : {1.0, 0.999999, 0.5, 0.1, 1e-5, 0x1.0p-53}) {
    for (const double v : {0.0, 0.1, 0.25, 0.4999, 0.5, 0.75, 0.9, 0.999999}) {
      const double radius = std::sqrt(-2.0 * std::log(u));
      // Sine of a turn: the cosine a quarter turn earlier.
      EXPECT_NEAR(normal_of(u, v), radius * std::sin(6.28318530717958647693 * v), 1e-13)
          << u << " " << v;
    }
  }
}

TEST(Rng, FillsOfEveryLengthAgreeOnTheirCommonPart) {
  std::vector<float> all(300);
  Rng(1).fill_normal(all, 1.0F, 2.0F);
  for (const std::size_t length : {0U, 1U, 3U, 4U, 5U, 63U, 64U, 65U, 128U, 299U}) {
    std::vector<float> part(length);
    Rng rng(1);
    rng.fill_normal(part, 1.0F, 2.0F);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), all.begin())) << length;
    EXPECT_EQ(rng.position(), (length + 3) / 4 * 4);
  }
}

TEST(Rng, AFillCanBeDoneInPartsOfWholeBlocks) {
  std::vector<float> all(256);
  Rng(1).fill_normal(all, 0.0F, 1.0F);
  std::vector<float> parts(256);
  for (const std::size_t begin : {128U, 0U, 64U, 192U}) {
    Rng rng(1);
    rng.seek(begin);
    rng.fill_normal(std::span<float>(parts).subspan(begin, 64), 0.0F, 1.0F);
  }
  EXPECT_EQ(parts, all);
}

// Pinned: a change of these digits changes every seeded weight and every result computed from one.
TEST(Rng, BulkNormalsHaveTheSameBitsEverywhere) {
  std::vector<float> values(100003);
  Rng(42, 17).fill_normal(values, 0.0F, 0.05F);
  EXPECT_EQ(digest_of(std::as_bytes(std::span<const float>(values))),
            "876fbb297c34df8677b23cab7e63f178");
  std::vector<double> single(1000);
  Rng rng(42, 17);
  for (double& value : single) value = rng.normal();
  EXPECT_EQ(digest_of(std::as_bytes(std::span<const double>(single))),
            "fca7bd73b8348ee19a57811eecedfb0b");
}

}  // namespace
}  // namespace wbs
