// Tile kernels for AVX2 and FMA: 16 lanes are two registers, and 4 rows of one vector keep 8 sums
// in the 16 registers.
#include "kernels/tile_kernels.hpp"

#include <immintrin.h>

namespace wbs::kernels {
namespace {

struct Word {
  __m256i low, high;
};
struct Float {
  __m256 low, high;
};

inline __m256i lane_mask(unsigned mask) {
  const __m256i bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  const __m256i set = _mm256_and_si256(_mm256_set1_epi32(static_cast<int>(mask)), bits);
  return _mm256_cmpeq_epi32(set, bits);
}
inline __m256i load_half(const int* from, unsigned mask, __m256i fill) {
  if (mask == 0xffU) return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  const __m256i lane = lane_mask(mask);
  return _mm256_blendv_epi8(fill, _mm256_maskload_epi32(from, lane), lane);
}
inline Word load(const void* from, unsigned mask, Word fill) {
  const int* words = static_cast<const int*>(from);
  return {load_half(words, mask & 0xffU, fill.low), load_half(words + 8, mask >> 8U, fill.high)};
}
inline Word load_whole(const void* from) {
  const __m256i* halves = static_cast<const __m256i*>(from);
  return {_mm256_loadu_si256(halves), _mm256_loadu_si256(halves + 1)};
}
inline void store(void* to, unsigned mask, Word word) {
  int* words = static_cast<int*>(to);
  _mm256_maskstore_epi32(words, lane_mask(mask & 0xffU), word.low);
  _mm256_maskstore_epi32(words + 8, lane_mask(mask >> 8U), word.high);
}
inline Word broadcast(std::int32_t word) {
  const __m256i all = _mm256_set1_epi32(word);
  return {all, all};
}
inline Float broadcast_float(const float* from) {
  const __m256 all = _mm256_broadcast_ss(from);
  return {all, all};
}
inline Float fma(Float a, Float b, Float c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
inline Float clip_low(Float y, Float low) {
  return {_mm256_max_ps(low.low, y.low), _mm256_max_ps(low.high, y.high)};
}
inline Float clip_high(Float y, Float high) {
  return {_mm256_min_ps(high.low, y.low), _mm256_min_ps(high.high, y.high)};
}
inline Word to_word(Float y) {
  return {_mm256_castps_si256(y.low), _mm256_castps_si256(y.high)};
}
inline Float float_of_f32(Word word) {
  return {_mm256_castsi256_ps(word.low), _mm256_castsi256_ps(word.high)};
}
inline Float float_of_s32(Word word) {
  return {_mm256_cvtepi32_ps(word.low), _mm256_cvtepi32_ps(word.high)};
}
inline Float float_of_bf16(Word word, int position) {
  const __m256i mask = _mm256_set1_epi32(-65536);
  if (position == 0) {
    return float_of_f32({_mm256_slli_epi32(word.low, 16), _mm256_slli_epi32(word.high, 16)});
  }
  return float_of_f32({_mm256_and_si256(word.low, mask), _mm256_and_si256(word.high, mask)});
}
inline Float float_of_u8(Word word, int position) {
  const __m128i count = _mm_cvtsi32_si128(8 * position);
  const __m256i mask = _mm256_set1_epi32(255);
  return float_of_s32({_mm256_and_si256(_mm256_srl_epi32(word.low, count), mask),
                       _mm256_and_si256(_mm256_srl_epi32(word.high, count), mask)});
}
inline __m256i half_bits(__m256 y) {
  const __m256i bits = _mm256_castps_si256(y);
  const __m256i tie = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), tie);
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(y, y, _CMP_UNORD_Q));
  return _mm256_blendv_epi8(rounded, _mm256_or_si256(bits, _mm256_set1_epi32(0x400000)), nan);
}
inline __m256i pack_half(__m256 even, __m256 odd) {
  return _mm256_or_si256(_mm256_srli_epi32(half_bits(even), 16),
                         _mm256_and_si256(half_bits(odd), _mm256_set1_epi32(-65536)));
}
inline Word pack_bf16(Float even, Float odd) {
  return {pack_half(even.low, odd.low), pack_half(even.high, odd.high)};
}
inline __m256i pack_bytes(__m256 a, __m256 b, __m256 c, __m256 d) {
  const __m256i ab = _mm256_packus_epi32(_mm256_cvtps_epi32(a), _mm256_cvtps_epi32(b));
  const __m256i cd = _mm256_packus_epi32(_mm256_cvtps_epi32(c), _mm256_cvtps_epi32(d));
  const __m256i order = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  return _mm256_shuffle_epi8(_mm256_packus_epi16(ab, cd), order);
}
inline Word pack_u8(Float a, Float b, Float c, Float d) {
  return {pack_bytes(a.low, b.low, c.low, d.low), pack_bytes(a.high, b.high, c.high, d.high)};
}
inline __m256i products_u8(__m256i sum, __m256i x, __m256i w) {
  const __m256i even = _mm256_madd_epi16(_mm256_and_si256(x, _mm256_set1_epi16(255)),
                                         _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8));
  const __m256i odd = _mm256_madd_epi16(_mm256_srli_epi16(x, 8), _mm256_srai_epi16(w, 8));
  return _mm256_add_epi32(sum, _mm256_add_epi32(even, odd));
}
inline Word add_products_u8(Word sum, Word x, Word w) {
  return {products_u8(sum.low, x.low, w.low), products_u8(sum.high, x.high, w.high)};
}

#include "kernels/simd_tail.inc"

#include "kernels/elements_avx2.inc"
#include "kernels/tile_body.inc"

template <class T, int kPanelRows>
void panel_tile(const TileArgs& args) noexcept {
  for (int panel = args.panel_begin; panel < args.panel_end; ++panel) {
    for (int row = 0; row < kPanelRows; row += 4) {
      for (int v = 0; v < args.vectors; ++v) {
        panel_pass<T, 4, 1, false, true>(args, {panel, kPanelRows, row, v});
      }
      if (args.tail != 0)
        panel_pass<T, 4, 0, true, true>(args, {panel, kPanelRows, row, args.vectors});
    }
  }
}

template <class T>
void row_tile(const TileArgs& args) noexcept {
  for (int panel = args.panel_begin; panel < args.panel_end; ++panel) {
    for (int v = 0; v < args.vectors; ++v) row_pass<T, 1, true>(args, {panel, 4, 0, v});
  }
}

template <class T>
TileFunction select_tile(Packing packing) {
  switch (packing) {
    case Packing::panel8:
      return panel_tile<T, 8>;
    case Packing::panel4:
      return panel_tile<T, 4>;
    case Packing::rows:
      return row_tile<T>;
    case Packing::blocks:
    case Packing::pairs4:
    case Packing::pairs8:
      break;
  }
  return nullptr;
}

}  // namespace

TileFunction tile_avx2(TileOutput element, Packing packing) noexcept {
  switch (element) {
    case TileOutput::f32:
      return select_tile<F32>(packing);
    case TileOutput::bf16:
      return select_tile<Bf16>(packing);
    case TileOutput::u8:
      return select_tile<U8>(packing);
  }
  return nullptr;
}

void every_second_avx2(const std::uint32_t* from, std::uint32_t* to, std::int64_t count) noexcept {
  std::int64_t i = 0;
  // The second load ends one word before the last one read by plain code.
  for (; i + 8 < count; i += 8) {
    const auto* words = reinterpret_cast<const float*>(from + 2 * i);
    const __m256 low = _mm256_loadu_ps(words);
    const __m256 high = _mm256_loadu_ps(words + 8);
    const __m256d even = _mm256_castps_pd(_mm256_shuffle_ps(low, high, _MM_SHUFFLE(2, 0, 2, 0)));
    _mm256_storeu_pd(reinterpret_cast<double*>(to + i),
                     _mm256_permute4x64_pd(even, _MM_SHUFFLE(3, 1, 2, 0)));
  }
  for (; i < count; ++i) to[i] = from[2 * i];
}

}  // namespace wbs::kernels
