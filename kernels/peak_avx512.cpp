#include "kernels/peak_isa.hpp"

#include <immintrin.h>

namespace wbs::kernels::isa {
namespace {

// GCC 12 warns about its own reduction intrinsics, so sums leave the registers here.
float sum_of(const __m512 (&sums)[kBurst]) noexcept {
  __m512 total = sums[0];
  for (long i = 1; i < kBurst; ++i) total = _mm512_add_ps(total, sums[i]);
  alignas(64) float values[16];
  _mm512_store_ps(values, total);
  float result = 0.0F;
  for (const float value : values) result += value;
  return result;
}

long long sum_of(__m512i total) noexcept {
  alignas(64) long long values[8];
  _mm512_store_si512(values, total);
  long long result = 0;
  for (const long long value : values) result ^= value;
  return result;
}

}  // namespace

float burst_f32_avx512(long rounds) noexcept {
  // Values converge to factor-independent constants: neither denormal nor infinite.
  const __m512 factor = _mm512_set1_ps(0.5F);
  const __m512 addend = _mm512_set1_ps(static_cast<float>(rounds & 3) + 1.0F);
  __m512 sums[kBurst];
#pragma GCC unroll 12
  for (long i = 0; i < kBurst; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
  for (long round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (long i = 0; i < kBurst; ++i) sums[i] = _mm512_fmadd_ps(sums[i], factor, addend);
  }
  return sum_of(sums);
}

float burst_bf16_avx512(long rounds) noexcept {
  // 0x3c00 is 2^-7: sums grow slowly enough to stay finite.
  const __m512bh left = (__m512bh)_mm512_set1_epi16(0x3c00);
  const __m512bh right = (__m512bh)_mm512_set1_epi16(static_cast<short>(0x3c00 + (rounds & 3)));
  __m512 sums[kBurst];
#pragma GCC unroll 12
  for (long i = 0; i < kBurst; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
  for (long round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (long i = 0; i < kBurst; ++i) sums[i] = _mm512_dpbf16_ps(sums[i], left, right);
  }
  return sum_of(sums);
}

int burst_int8_avx512(long rounds) noexcept {
  const __m512i left = _mm512_set1_epi8(static_cast<char>(3 + (rounds & 3)));
  const __m512i right = _mm512_set1_epi8(1);
  __m512i sums[kBurst];
#pragma GCC unroll 12
  for (long i = 0; i < kBurst; ++i) sums[i] = _mm512_set1_epi32(static_cast<int>(i));
  for (long round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (long i = 0; i < kBurst; ++i) sums[i] = _mm512_dpbusd_epi32(sums[i], left, right);
  }
  __m512i total = sums[0];
  for (long i = 1; i < kBurst; ++i) total = _mm512_add_epi32(total, sums[i]);
  return static_cast<int>(sum_of(total) & 0xffff);
}

long read_lines_avx512(const void* data, long lines) noexcept {
  const char* at = static_cast<const char*>(data);
  __m512i sums[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(),
                     _mm512_setzero_si512()};
  long line = 0;
  for (; line + 4 <= lines; line += 4, at += 256) {
#pragma GCC unroll 4
    for (long i = 0; i < 4; ++i) {
      sums[i] = _mm512_xor_si512(sums[i], _mm512_load_si512(at + 64 * i));
    }
  }
  for (; line < lines; ++line, at += 64) {
    sums[0] = _mm512_xor_si512(sums[0], _mm512_load_si512(at));
  }
  const __m512i total =
      _mm512_xor_si512(_mm512_xor_si512(sums[0], sums[1]), _mm512_xor_si512(sums[2], sums[3]));
  return static_cast<long>(sum_of(total));
}

}  // namespace wbs::kernels::isa
