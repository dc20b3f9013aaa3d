// The tile kernels, one function per instruction set that gives the kernel of an element type (its
// TileOutput) and a packing; null where there is none (blocks: AVX-512
// only; pairs: VNNI only).
#pragma once

#include "kernels/tile.hpp"

namespace wbs::kernels {

[[nodiscard]] TileFunction tile_avx512_bf16(TileOutput element, Packing packing) noexcept;
[[nodiscard]] TileFunction tile_avx512_vnni(TileOutput element, Packing packing) noexcept;
[[nodiscard]] TileFunction tile_avx512(TileOutput element, Packing packing) noexcept;
[[nodiscard]] TileFunction tile_avx2(TileOutput element, Packing packing) noexcept;
[[nodiscard]] TileFunction tile_reference(TileOutput element, Packing packing) noexcept;

/// to[i] = from[2 * i] for i < count: the copies of layers with stride 2.
using EverySecondFunction = void (*)(const std::uint32_t* from, std::uint32_t* to,
                                     std::int64_t count) noexcept;
void every_second_avx2(const std::uint32_t* from, std::uint32_t* to, std::int64_t count) noexcept;
void every_second_reference(const std::uint32_t* from, std::uint32_t* to,
                            std::int64_t count) noexcept;

}  // namespace wbs::kernels
