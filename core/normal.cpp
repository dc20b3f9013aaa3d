#include "core/normal.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

namespace wbs {
namespace {

// Sixteen Philox blocks side by side: every loop over lanes below is a plain vectorisable one.
constexpr std::size_t kLanes = 16;
using Words = std::array<std::uint32_t, kLanes>;
using Floats = std::array<float, kLanes>;

/// philox4x32 for kLanes consecutive counters.
void philox_lanes(std::array<Words, 4>& counter, std::array<std::uint32_t, 2> key) noexcept {
  constexpr std::uint64_t kMultiplier0 = 0xD2511F53;
  constexpr std::uint64_t kMultiplier1 = 0xCD9E8D57;
  for (int round = 0; round < 10; ++round) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::uint64_t product0 = kMultiplier0 * counter[0][lane];
      const std::uint64_t product1 = kMultiplier1 * counter[2][lane];
      counter[0][lane] = static_cast<std::uint32_t>(product1 >> 32) ^ counter[1][lane] ^ key[0];
      counter[1][lane] = static_cast<std::uint32_t>(product1);
      counter[2][lane] = static_cast<std::uint32_t>(product0 >> 32) ^ counter[3][lane] ^ key[1];
      counter[3][lane] = static_cast<std::uint32_t>(product0);
    }
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
}

/// sqrt(-2 log u) with u = (word | 1) / 2^32, rounded to a float, in (0, 1].
float radius_of(std::uint32_t word) noexcept {
  // Half of the word is a signed number, which converts without a branch.
  const float u = static_cast<float>(static_cast<std::int32_t>(word >> 1 | 1U)) * 0x1.0p-31F;
  // u = m * 2^e with m in [sqrt(1/2), sqrt(2)): subtracting the bits of sqrt(1/2) carries into the
  // exponent exactly when m would be below it.
  const auto bits = std::bit_cast<std::int32_t>(u) - 0x3F3504F3;
  const auto exponent = static_cast<float>(bits >> 23);
  const float m = std::bit_cast<float>((bits & 0x007FFFFF) + 0x3F3504F3);
  // log m = 2 atanh(s), s = (m - 1) / (m + 1), |s| <= 0.1716: the next term is below 2e-9.
  const float s = (m - 1.0F) / (m + 1.0F);
  const float z = s * s;
  const float series =
      s * (2.0F + z * (2.0F / 3.0F + z * (2.0F / 5.0F + z * (2.0F / 7.0F + z * (2.0F / 9.0F)))));
  const float log_u = exponent * 0.693147180559945309F + series;
  return std::sqrt(-2.0F * log_u);
}

/// (cos, sin) of a half turn's angle in [-pi/2, pi/2), both with one sign: a whole turn.
struct Direction {
  float cosine;
  float sine;
};

Direction direction_of(std::uint32_t word) noexcept {
  // The upper 31 bits are the angle, the lowest bit turns it by pi.
  const float turn = static_cast<float>(static_cast<std::int32_t>(word) >> 1);
  const float x = turn * (1.57079632679489662F * 0x1.0p-30F);
  const float z = x * x;
  // Taylor series; the next terms are below 6e-8 (sine) and 7e-9 (cosine).
  const float sine =
      x * (1.0F +
           z * (-1.0F / 6.0F +
                z * (1.0F / 120.0F +
                     z * (-1.0F / 5040.0F + z * (1.0F / 362880.0F + z * (-1.0F / 39916800.0F))))));
  const float cosine =
      1.0F + z * (-0.5F + z * (1.0F / 24.0F +
                               z * (-1.0F / 720.0F +
                                    z * (1.0F / 40320.0F +
                                         z * (-1.0F / 3628800.0F + z * (1.0F / 479001600.0F))))));
  const std::uint32_t sign = word << 31;
  return {std::bit_cast<float>(std::bit_cast<std::uint32_t>(cosine) ^ sign),
          std::bit_cast<float>(std::bit_cast<std::uint32_t>(sine) ^ sign)};
}

/// The four normal numbers of each lane's block.
void normal_lanes(const std::array<Words, 4>& words, std::array<Floats, 4>& normals) noexcept {
  for (std::size_t pair = 0; pair < 4; pair += 2) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float radius = radius_of(words[pair][lane]);
      const Direction direction = direction_of(words[pair + 1][lane]);
      normals[pair][lane] = radius * direction.cosine;
      normals[pair + 1][lane] = radius * direction.sine;
    }
  }
}

/// log(u) for u in (0, 1], error below 2 units in the last place.
double log_of(double u) noexcept {
  const auto bits = std::bit_cast<std::int64_t>(u) - 0x3FE6A09E667F3BCD;
  const auto exponent = static_cast<double>(bits >> 52);
  const double m = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD);
  const double s = (m - 1.0) / (m + 1.0);
  const double z = s * s;
  double series = 0.0;
  for (int odd = 23; odd >= 1; odd -= 2) series = series * z + 2.0 / odd;
  return exponent * 0.693147180559945309417 + s * series;
}

}  // namespace

void fill_normal_blocks(std::span<float> values, float mean, float deviation, std::uint64_t block,
                        std::uint64_t stream, std::array<std::uint32_t, 2> key) noexcept {
  std::array<Words, 4> words;
  std::array<Floats, 4> normals;
  for (std::size_t first = 0; first < values.size(); first += 4 * kLanes, block += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::uint64_t number = block + lane;
      words[0][lane] = static_cast<std::uint32_t>(number);
      words[1][lane] = static_cast<std::uint32_t>(number >> 32);
      words[2][lane] = static_cast<std::uint32_t>(stream);
      words[3][lane] = static_cast<std::uint32_t>(stream >> 32);
    }
    philox_lanes(words, key);
    normal_lanes(words, normals);
    float* out = values.data() + first;
    if (values.size() - first >= 4 * kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        for (std::size_t i = 0; i < 4; ++i) out[4 * lane + i] = mean + deviation * normals[i][lane];
      }
    } else {
      for (std::size_t k = 0; k < values.size() - first; ++k) {
        out[k] = mean + deviation * normals[k % 4][k / 4];
      }
    }
  }
}

double normal_of(double radius_uniform, double angle_uniform) noexcept {
  const double radius = std::sqrt(-2.0 * log_of(radius_uniform));
  // The angle folded to [-1/4, 1/4] turns, where the cosine is not negative.
  const double turn = angle_uniform < 0.5 ? angle_uniform - 0.25 : angle_uniform - 0.75;
  const double x = turn * 6.28318530717958647693;
  const double z = x * x;
  double cosine = 0.0;
  for (int even = 22; even >= 2; even -= 2) cosine = (1.0 + cosine) * (-z / (even * (even - 1)));
  cosine += 1.0;
  return radius * (angle_uniform < 0.5 ? cosine : -cosine);
}

}  // namespace wbs
