// Inner loops of the element-wise operations, compiled once per instruction set. Private to
// kernels/; nothing here includes a standard-library template (those files have their own flags).
#pragma once

#include <cstdint>

namespace wbs::kernels {

/// Lanes of a parameter pattern: 16 elements, a multiple of every channels_per_word.
inline constexpr int kLanes = 16;

/// y = clip(x * scale + bias), or clip(x * scale + (other * other_scale + bias)), for whole blocks
/// of 16 elements; element i uses lane i % 16 of the patterns.
struct AffineRun {
  const void* x;
  const void* other;  ///< null, or the second operand of an addition
  void* y;
  std::int64_t elements;  ///< multiple of 16
  float scale[kLanes];
  float bias[kLanes];
  float other_scale;
  float low, high;
};

/// One row of output pixels of an average: y = h[x * stride] * factor[x] + offset, per channel.
struct AverageRow {
  const float* sums;    ///< elements: `group` per pixel
  const float* factor;  ///< one per output pixel
  float offset;
  void* y;
  std::int64_t pixels;
  std::int64_t stride;  ///< in pixels
};

/// Packs up to four rows of fp32 channels into words.
struct PackRow {
  const float* channels[4];  ///< null: a channel that does not exist
  void* y;
  std::int64_t pixels;
  float scale;
  float zero_point;
};

/// Places of one row of sums.
inline constexpr int kSumPitch = 64;

/// How one plane of outputs is made of rows of sums. Channels without sums are constants.
struct FinishWord {
  std::int32_t kept;       ///< channels that have sums: the first ones listed here
  std::uint32_t constant;  ///< the word of the others where nothing is added
  std::int32_t row[4];     ///< of the sums; without sums: a row of zeros
  std::int32_t shift[4];   ///< bits, in the word
  float scale[4];
  float bias[4];
};

/// y = clip(fma(other, other_scale, fma(sum, scale, bias))) for up to kSumPitch pixels of `count`
/// planes.
struct FinishRun {
  const FinishWord* words;
  std::int64_t count;
  const float* sums;  ///< rows, kSumPitch apart
  const void* other;  ///< null, or what is added, laid out as y
  void* y;
  std::int64_t plane_words;  ///< from plane to plane of y
  std::int64_t pixels;
  float other_scale;
  float low, high;
};

/// The loops of one element type on one instruction set. Same arguments, same bits on all of them.
struct ElementRows {
  /// y[i] = the larger of a[i] and b[i]; y may be a.
  void (*max)(void* y, const void* a, const void* b, std::int64_t words) noexcept;
  /// y[i] = x[i] - zero_point over elements.
  void (*centre)(float* y, const void* x, std::int64_t elements, float zero_point) noexcept;
  void (*affine)(const AffineRun& run) noexcept;
  void (*average)(const AverageRow& row) noexcept;
  void (*pack)(const PackRow& row) noexcept;
  /// Sums of x - zero_point per channel of the word into sums[0 ... group).
  void (*sum)(const void* x, std::int64_t words, float zero_point, float* sums) noexcept;
  /// bf16 and u8 are rounded to nearest, ties to even. y may be other.
  void (*finish)(const FinishRun& run) noexcept;
};

/// y[i] = a[i] + b[i]; y may be a.
using AddFloats = void (*)(float* y, const float* a, const float* b, std::int64_t count) noexcept;
void add_generic(float* y, const float* a, const float* b, std::int64_t count) noexcept;
void add_avx2(float* y, const float* a, const float* b, std::int64_t count) noexcept;
void add_avx512(float* y, const float* a, const float* b, std::int64_t count) noexcept;

/// By Element: f32, bf16, u8.
extern const ElementRows kGenericRows[3];
extern const ElementRows kAvx2Rows[3];
extern const ElementRows kAvx512Rows[3];

}  // namespace wbs::kernels
