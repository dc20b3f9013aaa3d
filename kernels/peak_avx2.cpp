#include "kernels/peak_isa.hpp"

#include <immintrin.h>

namespace wbs::kernels::isa {

float burst_f32_avx2(long rounds) noexcept {
  const __m256 factor = _mm256_set1_ps(0.5F);
  const __m256 addend = _mm256_set1_ps(static_cast<float>(rounds & 3) + 1.0F);
  __m256 sums[kBurst];
#pragma GCC unroll 12
  for (long i = 0; i < kBurst; ++i) sums[i] = _mm256_set1_ps(static_cast<float>(i));
  for (long round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (long i = 0; i < kBurst; ++i) sums[i] = _mm256_fmadd_ps(sums[i], factor, addend);
  }
  __m256 total = sums[0];
  for (long i = 1; i < kBurst; ++i) total = _mm256_add_ps(total, sums[i]);
  alignas(32) float values[8];
  _mm256_store_ps(values, total);
  float result = 0.0F;
  for (const float value : values) result += value;
  return result;
}

int burst_int8_avx2(long rounds) noexcept {
  const __m256i left = _mm256_set1_epi8(static_cast<char>(3 + (rounds & 3)));
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sums[kBurst];
#pragma GCC unroll 12
  for (long i = 0; i < kBurst; ++i) sums[i] = _mm256_set1_epi32(static_cast<int>(i));
  for (long round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (long i = 0; i < kBurst; ++i) {
      // The sum is one operand, so that no product can be taken out of the loop.
      const __m256i pairs = _mm256_maddubs_epi16(left, sums[i]);
      sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(pairs, ones));
    }
  }
  __m256i total = sums[0];
  for (long i = 1; i < kBurst; ++i) total = _mm256_add_epi32(total, sums[i]);
  alignas(32) int values[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(values), total);
  unsigned result = 0;
  for (const int value : values) result += static_cast<unsigned>(value);
  return static_cast<int>(result);
}

long read_lines_avx2(const void* data, long lines) noexcept {
  const auto* at = static_cast<const __m256i*>(data);
  __m256i sums[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
  for (long line = 0; line < lines; ++line, at += 2) {
    sums[0] = _mm256_xor_si256(sums[0], _mm256_load_si256(at));
    sums[1] = _mm256_xor_si256(sums[1], _mm256_load_si256(at + 1));
  }
  alignas(32) long long values[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(values), _mm256_xor_si256(sums[0], sums[1]));
  return static_cast<long>(values[0] ^ values[1] ^ values[2] ^ values[3]);
}

}  // namespace wbs::kernels::isa
