// The loops of elementwise_rows.hpp, written for the compiler's vectoriser: included by one file
// per instruction set, which defines WBS_ROWS as the name of its table and WBS_ADD of its addition.
// No multiply-add is fused (-ffp-contract=off) but where it says so, so that all instruction sets
// give the same bits.
#include "kernels/elementwise_rows.hpp"

namespace wbs::kernels {
namespace {

using Word = std::uint32_t;

inline float clipped(float value, float low, float high) noexcept {
  const float raised = value < low ? low : value;
  return raised > high ? high : raised;
}

struct F32 {
  using Storage = float;
  static constexpr int kGroup = 1;
  static float load(float value) noexcept { return value; }
  static float store(float value) noexcept { return value; }
  static float larger(float a, float b) noexcept { return a > b ? a : b; }
  /// One channel's field of a word, and back.
  static float field(Word bits) noexcept { return __builtin_bit_cast(float, bits); }
  static Word bits(float value) noexcept { return __builtin_bit_cast(Word, value); }
};

struct Bf16 {
  using Storage = std::uint16_t;
  static constexpr int kGroup = 2;
  static float load(std::uint16_t value) noexcept {
    return __builtin_bit_cast(float, static_cast<Word>(value) << 16);
  }
  static std::uint16_t store(float value) noexcept {
    const auto bits = __builtin_bit_cast(Word, value);
    const Word rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
    const Word quiet = (bits >> 16) | 0x40U;
    return static_cast<std::uint16_t>((bits & 0x7fffffffU) > 0x7f800000U ? quiet : rounded);
  }
  static float field(Word bits) noexcept { return __builtin_bit_cast(float, bits << 16); }
  static Word bits(float value) noexcept { return store(value); }
  /// Sign and magnitude as a two's complement number of the same order; its own inverse.
  static std::int16_t key(std::uint16_t value) noexcept {
    const auto number = static_cast<std::int16_t>(value);
    return static_cast<std::int16_t>(number ^ ((number >> 15) & 0x7fff));
  }
  static std::uint16_t larger(std::uint16_t a, std::uint16_t b) noexcept {
    const std::int16_t x = key(a);
    const std::int16_t y = key(b);
    return static_cast<std::uint16_t>(key(static_cast<std::uint16_t>(x > y ? x : y)));
  }
};

struct U8 {
  using Storage = std::uint8_t;
  static constexpr int kGroup = 4;
  static float load(std::uint8_t value) noexcept { return static_cast<float>(value); }
  /// 1.5 * 2^23 leaves the nearest integer, ties to even, in the low bits of the sum.
  static std::uint8_t store(float value) noexcept {
    const float shifted = clipped(value, 0.0F, 255.0F) + 12582912.0F;
    return static_cast<std::uint8_t>(__builtin_bit_cast(Word, shifted));
  }
  static std::uint8_t larger(std::uint8_t a, std::uint8_t b) noexcept { return a > b ? a : b; }
  static float field(Word bits) noexcept { return static_cast<float>(static_cast<int>(bits)); }
  /// Of a value in [0, 255].
  static Word bits(float value) noexcept {
    return __builtin_bit_cast(Word, value + 12582912.0F) & 0xffU;
  }
};

template <typename E>
void max_rows(void* y, const void* a, const void* b, std::int64_t words) noexcept {
  auto* out = static_cast<typename E::Storage*>(y);
  const auto* left = static_cast<const typename E::Storage*>(a);
  const auto* right = static_cast<const typename E::Storage*>(b);
#pragma GCC ivdep
  for (std::int64_t i = 0; i < words * E::kGroup; ++i) out[i] = E::larger(left[i], right[i]);
}

template <typename E>
void centre_row(float* y, const void* x, std::int64_t elements, float zero_point) noexcept {
  float* __restrict__ out = y;
  const auto* __restrict__ in = static_cast<const typename E::Storage*>(x);
  for (std::int64_t i = 0; i < elements; ++i) out[i] = E::load(in[i]) - zero_point;
}

template <typename E, bool kOther>
void affine_blocks(const AffineRun& run) noexcept {
  const auto* x = static_cast<const typename E::Storage*>(run.x);
  const auto* other = static_cast<const typename E::Storage*>(run.other);
  auto* y = static_cast<typename E::Storage*>(run.y);
  for (std::int64_t first = 0; first < run.elements; first += kLanes) {
    typename E::Storage block[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) {
      float rest = run.bias[lane];
      if constexpr (kOther) rest = E::load(other[first + lane]) * run.other_scale + rest;
      const float value = E::load(x[first + lane]) * run.scale[lane] + rest;
      block[lane] = E::store(clipped(value, run.low, run.high));
    }
    for (int lane = 0; lane < kLanes; ++lane) y[first + lane] = block[lane];
  }
}

template <typename E>
void affine_rows(const AffineRun& run) noexcept {
  if (run.other != nullptr) {
    affine_blocks<E, true>(run);
  } else {
    affine_blocks<E, false>(run);
  }
}

template <typename E>
void average_row(const AverageRow& row) noexcept {
  auto* __restrict__ y = static_cast<typename E::Storage*>(row.y);
  const std::int64_t step = row.stride * E::kGroup;
  for (std::int64_t pixel = 0; pixel < row.pixels; ++pixel) {
    for (int channel = 0; channel < E::kGroup; ++channel) {
      const float value = row.sums[pixel * step + channel] * row.factor[pixel] + row.offset;
      y[pixel * E::kGroup + channel] = E::store(value);
    }
  }
}

template <typename E>
void pack_row(const PackRow& row) noexcept {
  auto* __restrict__ y = static_cast<Word*>(row.y);
  for (int channel = 0; channel < E::kGroup; ++channel) {
    constexpr int kBits = 32 / E::kGroup;
    const float* __restrict__ x = row.channels[channel];
    const int shift = channel * kBits;
    const Word nothing = E::kGroup == 4 ? static_cast<Word>(row.zero_point) << shift : 0U;
    for (std::int64_t i = 0; i < row.pixels; ++i) {
      Word part = nothing;
      if (x != nullptr) {
        if constexpr (E::kGroup == 4) {
          // Rounded before the zero point is added: ties go to even steps.
          const float steps = clipped(x[i] / row.scale, -512.0F, 512.0F) + 12582912.0F;
          part = static_cast<Word>(E::store(steps - 12582912.0F + row.zero_point)) << shift;
        } else if constexpr (E::kGroup == 2) {
          part = static_cast<Word>(E::store(x[i])) << shift;
        } else {
          part = __builtin_bit_cast(Word, x[i]);
        }
      }
      y[i] = channel == 0 ? part : y[i] | part;
    }
  }
}

template <typename E>
void sum_row(const void* x, std::int64_t words, float zero_point, float* sums) noexcept {
  const auto* in = static_cast<const typename E::Storage*>(x);
  const std::int64_t elements = words * E::kGroup;
  float lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= elements; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] += E::load(in[i + lane]) - zero_point;
  }
  for (int lane = 0; i < elements; ++i, ++lane) lanes[lane] += E::load(in[i]) - zero_point;
  for (int channel = 0; channel < E::kGroup; ++channel) sums[channel] = 0.0F;
  for (int lane = 0; lane < kLanes; ++lane) sums[lane % E::kGroup] += lanes[lane];
}

/// kPixels pixels of one plane from kChannels rows of sums. Arguments are copies: what `y` points
/// to may alias nothing of them.
template <typename E, bool kOther, int kChannels, int kPixels>
inline __attribute__((always_inline)) void finish_pixels(FinishRun run, FinishWord word,
                                                         const Word* other, Word* y) noexcept {
  constexpr auto kField = static_cast<Word>((std::uint64_t{1} << (32 / E::kGroup)) - 1);
  Word out[kPixels];
  for (int i = 0; i < kPixels; ++i) {
    Word bits = kOther ? 0 : word.constant;
    for (int c = 0; c < kChannels; ++c) {
      const int shift = E::kGroup == 1 ? 0 : word.shift[c];
      float value =
          __builtin_fmaf(run.sums[word.row[c] * kSumPitch + i], word.scale[c], word.bias[c]);
      if constexpr (kOther) {
        value = __builtin_fmaf(E::field(other[i] >> shift & kField), run.other_scale, value);
      }
      bits |= E::bits(clipped(value, run.low, run.high)) << shift;
    }
    out[i] = bits;
  }
  __builtin_memcpy(y, out, sizeof out);
}

template <typename E, bool kOther, int kChannels>
void finish_plane(FinishRun run, FinishWord word, const Word* other, Word* y) noexcept {
  const Word* const end = y + run.pixels;
  for (; end - y >= 16; y += 16, other += kOther ? 16 : 0, run.sums += 16) {
    finish_pixels<E, kOther, kChannels, 16>(run, word, other, y);
  }
  for (; y < end; ++y, other += kOther ? 1 : 0, ++run.sums) {
    finish_pixels<E, kOther, kChannels, 1>(run, word, other, y);
  }
}

template <typename E>
void finish_rows(const FinishRun& run) noexcept {
  const auto* other = static_cast<const Word*>(run.other);
  auto* y = static_cast<Word*>(run.y);
  for (std::int64_t w = 0; w < run.count; ++w, y += run.plane_words) {
    const FinishWord& word = run.words[w];
    if (other != nullptr) {
      finish_plane<E, true, E::kGroup>(run, word, other + w * run.plane_words, y);
    } else if (word.kept == 0) {
      finish_plane<E, false, 0>(run, word, nullptr, y);
    } else if (E::kGroup == 1 || word.kept == 1) {
      finish_plane<E, false, 1>(run, word, nullptr, y);
    } else if (E::kGroup == 2 || word.kept == 2) {
      finish_plane<E, false, 2>(run, word, nullptr, y);
    } else if (word.kept == 3) {
      finish_plane<E, false, 3>(run, word, nullptr, y);
    } else {
      finish_plane<E, false, 4>(run, word, nullptr, y);
    }
  }
}

template <typename E>
constexpr ElementRows rows_of() noexcept {
  return {max_rows<E>, centre_row<E>, affine_rows<E>, average_row<E>,
          pack_row<E>, sum_row<E>,    finish_rows<E>};
}

}  // namespace

void WBS_ADD(float* y, const float* a, const float* b, std::int64_t count) noexcept {
#pragma GCC ivdep
  for (std::int64_t i = 0; i < count; ++i) y[i] = a[i] + b[i];
}

const ElementRows WBS_ROWS[3] = {rows_of<F32>(), rows_of<Bf16>(), rows_of<U8>()};

}  // namespace wbs::kernels
