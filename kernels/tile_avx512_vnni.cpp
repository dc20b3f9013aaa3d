// Tile kernels for AVX-512 VNNI: vpdpbusd adds four products of bytes.
#include "kernels/tile_kernels.hpp"

#include <immintrin.h>

namespace wbs::kernels {
namespace {

#include "kernels/simd_avx512.inc"
#include "kernels/simd_tail.inc"

inline Word pack_bf16(Float, Float) = delete;  // bytes in, bytes or fp32 out

struct U8 {
  using Sum = Word;
  using Weight = Word;
  using TailSum = __m256i;
  using TailStored = TailU8;
  static constexpr TileOutput kOutput = TileOutput::u8;
  static Sum begin(const std::int32_t* start) { return broadcast(*start); }
  static Weight weight(const unsigned char* w) {
    std::int32_t word = 0;
    __builtin_memcpy(&word, w, 4);
    return broadcast(word);
  }
  static Sum dot(Sum sum, Word x, Weight w) { return _mm512_dpbusd_epi32(sum, x, w); }
  static Float to_float(Sum sum) { return _mm512_cvtepi32_ps(sum); }
  static TailSum tail_begin(const std::int32_t* start) {
    return tail_weights(reinterpret_cast<const unsigned char*>(start));
  }
  static TailSum tail_dot(TailSum sum, const unsigned char* x, const unsigned char* w) {
    return _mm256_dpbusd_epi32(sum, tail_input(x), tail_weights(w));
  }
  static TailSum tail_add(TailSum a, TailSum b) { return _mm256_add_epi32(a, b); }
  static __m256 tail_to_float(TailSum sum) { return _mm256_cvtepi32_ps(sum); }
};

#include "kernels/tile_body.inc"
#include "kernels/tile_select.inc"

#include "kernels/tile_blocks.inc"

#include "kernels/tile_pairs.inc"

}  // namespace

TileFunction tile_avx512_vnni(TileOutput /*element*/, Packing packing) noexcept {
  if (packing == Packing::blocks) return block_tile_any<U8>;
  if (packing == Packing::pairs4) return pair_tile<4>;
  if (packing == Packing::pairs8) return pair_tile<8>;
  return select_tile<U8>(packing);
}

}  // namespace wbs::kernels
