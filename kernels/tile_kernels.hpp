// The tile kernels, one function per instruction set that gives the kernel of an element type (its
// TileOutput) and a packing.
#pragma once

#include "kernels/tile.hpp"

namespace wbs::kernels {

[[nodiscard]] TileFunction tile_avx512_bf16(TileOutput element, Packing packing) noexcept;
[[nodiscard]] TileFunction tile_avx512_vnni(TileOutput element, Packing packing) noexcept;
[[nodiscard]] TileFunction tile_avx512(TileOutput element, Packing packing) noexcept;
[[nodiscard]] TileFunction tile_avx2(TileOutput element, Packing packing) noexcept;
[[nodiscard]] TileFunction tile_reference(TileOutput element, Packing packing) noexcept;

}  // namespace wbs::kernels
