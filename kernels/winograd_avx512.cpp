// Winograd's transforms for AVX-512: 16 tiles in one register.
#include "kernels/winograd_transforms.hpp"

#include <immintrin.h>

namespace wbs::kernels {
namespace {

using Float = __m512;

inline Float load(const float* from) {
  return _mm512_loadu_ps(from);
}
inline Float load_masked(const float* from, unsigned mask) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask), from);
}
inline void store(float* to, Float x) {
  _mm512_storeu_ps(to, x);
}
inline void store_masked(float* to, unsigned mask, Float x) {
  if (mask == 0xffffU) {
    _mm512_storeu_ps(to, x);
  } else {
    _mm512_mask_storeu_ps(to, static_cast<__mmask16>(mask), x);
  }
}
inline void store_first(float* to, Float x) {
  _mm_store_ss(to, _mm512_castps512_ps128(x));
}
inline Float add(Float a, Float b) {
  return _mm512_add_ps(a, b);
}
inline Float sub(Float a, Float b) {
  return _mm512_sub_ps(a, b);
}
inline Float fma(Float a, Float b, Float c) {
  return _mm512_fmadd_ps(a, b, c);
}
inline Float fnma(Float a, Float b, Float c) {
  return _mm512_fnmadd_ps(a, b, c);
}
inline Float constant(float value) {
  return _mm512_set1_ps(value);
}
// The bound comes first: min and max give their second operand when one is NaN.
inline Float clip(Float y, Float low, Float high) {
  return _mm512_min_ps(high, _mm512_max_ps(low, y));
}
inline void lane_to(float* to, Float x, int lane) {
  const __m512i all = _mm512_set1_epi32(lane);
  _mm_store_ss(to, _mm512_castps512_ps128(_mm512_permutexvar_ps(all, x)));
}
inline Float shifted(Float x, Float next) {
  return _mm512_castsi512_ps(
      _mm512_alignr_epi32(_mm512_castps_si512(next), _mm512_castps_si512(x), 1));
}
inline Float clear(Float x, unsigned mask) {
  return _mm512_maskz_mov_ps(static_cast<__mmask16>(~mask), x);
}
inline Float expand(Float x, unsigned mask, const float* from) {
  return _mm512_mask_expandloadu_ps(x, static_cast<__mmask16>(mask), from);
}

inline void split2(Float a, Float b, Float* out) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  out[0] = _mm512_permutex2var_ps(a, even, b);
  out[1] = _mm512_permutex2var_ps(a, odd, b);
}
inline void split4(Float a, Float b, Float c, Float d, Float* out) {
  const __m512i low = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
  const __m512i high =
      _mm512_setr_epi32(2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31);
  const Float ab01 = _mm512_permutex2var_ps(a, low, b);
  const Float ab23 = _mm512_permutex2var_ps(a, high, b);
  const Float cd01 = _mm512_permutex2var_ps(c, low, d);
  const Float cd23 = _mm512_permutex2var_ps(c, high, d);
  out[0] = _mm512_shuffle_f32x4(ab01, cd01, 0x44);
  out[1] = _mm512_shuffle_f32x4(ab01, cd01, 0xee);
  out[2] = _mm512_shuffle_f32x4(ab23, cd23, 0x44);
  out[3] = _mm512_shuffle_f32x4(ab23, cd23, 0xee);
}
inline void join2(Float* y) {
  const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i high =
      _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  const Float a = _mm512_permutex2var_ps(y[0], low, y[1]);
  y[1] = _mm512_permutex2var_ps(y[0], high, y[1]);
  y[0] = a;
}
inline void join4(Float* y) {
  // [y0 of tiles 0-7, y1 of tiles 0-7] and so on; then every 8th and its neighbours.
  const Float low01 = _mm512_shuffle_f32x4(y[0], y[1], 0x44);
  const Float low23 = _mm512_shuffle_f32x4(y[2], y[3], 0x44);
  const Float high01 = _mm512_shuffle_f32x4(y[0], y[1], 0xee);
  const Float high23 = _mm512_shuffle_f32x4(y[2], y[3], 0xee);
  const __m512i first = _mm512_setr_epi32(0, 8, 16, 24, 1, 9, 17, 25, 2, 10, 18, 26, 3, 11, 19, 27);
  const __m512i second =
      _mm512_setr_epi32(4, 12, 20, 28, 5, 13, 21, 29, 6, 14, 22, 30, 7, 15, 23, 31);
  y[0] = _mm512_permutex2var_ps(low01, first, low23);
  y[1] = _mm512_permutex2var_ps(low01, second, low23);
  y[2] = _mm512_permutex2var_ps(high01, first, high23);
  y[3] = _mm512_permutex2var_ps(high01, second, high23);
}

#include "kernels/winograd_body.inc"

}  // namespace

WinogradTransforms winograd_avx512(int tile) noexcept {
  if (tile == 2) return {input<2>, output<2>};
  return {input<4>, output<4>};
}

}  // namespace wbs::kernels
