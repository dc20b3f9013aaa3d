// Tile kernels for AVX-512 without VNNI or BF16: fp32 at full speed, the others by emulation.
#include "kernels/tile_kernels.hpp"

#include <immintrin.h>

namespace wbs::kernels {
namespace {

#include "kernels/simd_avx512.inc"
#include "kernels/simd_tail.inc"

inline Word pack_bf16(Float even, Float odd) {
  const auto half = [](Float y) {
    const Word bits = _mm512_castps_si512(y);
    const Word tie = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const Word rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), tie);
    const __mmask16 nan = _mm512_cmp_ps_mask(y, y, _CMP_UNORD_Q);
    return _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x400000));
  };
  return _mm512_or_si512(_mm512_srli_epi32(half(even), 16),
                         _mm512_and_si512(half(odd), _mm512_set1_epi32(-65536)));
}
inline Float float_of_s32(Word word) {
  return _mm512_cvtepi32_ps(word);
}
inline Word add_products_u8(Word sum, Word x, Word w) {
  const Word even = _mm512_madd_epi16(_mm512_and_si512(x, _mm512_set1_epi16(255)),
                                      _mm512_srai_epi16(_mm512_slli_epi16(w, 8), 8));
  const Word odd = _mm512_madd_epi16(_mm512_srli_epi16(x, 8), _mm512_srai_epi16(w, 8));
  return _mm512_add_epi32(sum, _mm512_add_epi32(even, odd));
}

#include "kernels/elements_avx2.inc"
#include "kernels/tile_body.inc"
#include "kernels/tile_select.inc"

#include "kernels/tile_blocks.inc"

}  // namespace

TileFunction tile_avx512(TileOutput element, Packing packing) noexcept {
  switch (element) {
    case TileOutput::f32:
      return packing == Packing::blocks ? block_tile_any<F32> : select_tile<F32>(packing);
    case TileOutput::bf16:
      return select_tile<Bf16>(packing);
    case TileOutput::u8:
      return select_tile<U8>(packing);
  }
  return nullptr;
}

}  // namespace wbs::kernels
