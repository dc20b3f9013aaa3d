// Tile kernels for AVX-512 BF16: vdpbf16ps adds two products. It flushes denormals, and rounds
// after each of the two.
#include "kernels/tile_kernels.hpp"

#include <immintrin.h>

namespace wbs::kernels {
namespace {

#include "kernels/simd_avx512.inc"
#include "kernels/simd_tail.inc"

inline __m512bh halves(Word word) {
  return reinterpret_cast<__m512bh>(word);
}
inline __m256bh tail_halves(__m256i word) {
  return reinterpret_cast<__m256bh>(word);
}

inline Word pack_bf16(Float even, Float odd) {
  // 16 halves of `even`, then 16 of `odd`: interleave.
  const Word both = reinterpret_cast<Word>(_mm512_cvtne2ps_pbh(odd, even));
  const Word order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,
                                      23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(order, both);
}

struct Bf16 {
  using Sum = Float;
  using Weight = Word;
  using TailSum = __m256;
  using TailStored = TailBf16;
  static constexpr TileOutput kOutput = TileOutput::bf16;
  static Sum begin(const std::int32_t* start) { return float_of_f32(broadcast(*start)); }
  static Weight weight(const unsigned char* w) {
    std::int32_t word = 0;
    __builtin_memcpy(&word, w, 4);
    return broadcast(word);
  }
  static Sum dot(Sum sum, Word x, Weight w) { return _mm512_dpbf16_ps(sum, halves(x), halves(w)); }
  static Float to_float(Sum sum) { return sum; }
  static TailSum tail_begin(const std::int32_t* start) {
    return _mm256_loadu_ps(reinterpret_cast<const float*>(start));
  }
  static TailSum tail_dot(TailSum sum, const unsigned char* x, const unsigned char* w) {
    return _mm256_dpbf16_ps(sum, tail_halves(tail_input(x)), tail_halves(tail_weights(w)));
  }
  static TailSum tail_add(TailSum a, TailSum b) { return _mm256_add_ps(a, b); }
  static __m256 tail_to_float(TailSum sum) { return sum; }
};

#include "kernels/tile_body.inc"
#include "kernels/tile_select.inc"

#include "kernels/tile_blocks.inc"

}  // namespace

TileFunction tile_avx512_bf16(TileOutput /*element*/, Packing packing) noexcept {
  if (packing == Packing::blocks) return block_tile_any<Bf16>;
  return select_tile<Bf16>(packing);
}

}  // namespace wbs::kernels
