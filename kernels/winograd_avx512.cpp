// Winograd's transforms for AVX-512: 16 tiles in one register.
#include "kernels/winograd_transforms.hpp"

#include <immintrin.h>

namespace wbs::kernels {
namespace {

using Float = __m512;
using Index = __m512i;

inline Float load(const float* from) {
  return _mm512_loadu_ps(from);
}
inline Float load_masked(const float* from, unsigned mask) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask), from);
}
inline Float keep(Float x, unsigned mask) {
  return _mm512_maskz_mov_ps(static_cast<__mmask16>(mask), x);
}
inline void store(float* to, Float x) {
  _mm512_storeu_ps(to, x);
}
inline void store_masked(float* to, unsigned mask, Float x) {
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>(mask), x);
}
inline Index load_index(const std::int32_t* from) {
  return _mm512_loadu_si512(from);
}
inline Index moved(Index index, int by) {
  return _mm512_add_epi32(index, _mm512_set1_epi32(by));
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
inline Float pick(Float a, Index index, Float b) {
  return _mm512_permutex2var_ps(a, index, b);
}
inline Float zip(Float a, __m512i index, Float b) {
  return _mm512_castpd_ps(_mm512_permutex2var_pd(_mm512_castps_pd(a), index, _mm512_castps_pd(b)));
}
inline Float zip_low(Float a, Float b) {
  return zip(a, _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11), b);
}
inline Float zip_high(Float a, Float b) {
  return zip(a, _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15), b);
}
inline void split4(const Float* strips, Float* pairs) {
  const Index low = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
  const Index high = _mm512_setr_epi32(2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31);
  pairs[0] = pick(strips[0], low, strips[1]);
  pairs[1] = pick(strips[0], high, strips[1]);
  pairs[2] = pick(strips[2], low, strips[3]);
  pairs[3] = pick(strips[2], high, strips[3]);
}

#include "kernels/winograd_body.inc"

}  // namespace

WinogradTransforms winograd_avx512(int tile) noexcept {
  if (tile == 2) return {input<2>, output<2>};
  return {input<4>, output<4>};
}

}  // namespace wbs::kernels
