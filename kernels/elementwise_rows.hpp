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
};

/// y[i] = a[i] + b[i]; y may be a.
using AddFloats = void (*)(float* y, const float* a, const float* b, std::int64_t count) noexcept;
extern const AddFloats kGenericAdd, kAvx2Add, kAvx512Add;

/// By Element: f32, bf16, u8.
extern const ElementRows kGenericRows[3];
extern const ElementRows kAvx2Rows[3];
extern const ElementRows kAvx512Rows[3];

}  // namespace wbs::kernels
