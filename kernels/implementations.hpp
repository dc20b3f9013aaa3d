// The ranked table of tile kernels: fastest first, reference last.
#pragma once

#include <span>
#include <string_view>

#include "core/error.hpp"
#include "kernels/conv.hpp"
#include "kernels/elementwise_rows.hpp"
#include "kernels/tile_kernels.hpp"
#include "kernels/winograd_transforms.hpp"

namespace wbs::kernels {

struct Implementation {
  std::string_view name;
  Element element;
  std::string_view isa;              ///< what the CPU must have
  const char* (*refuse)() noexcept;  ///< why this CPU cannot run it; null when it can
  TileFunction (*tile)(TileOutput element, Packing packing) noexcept;
  EverySecondFunction every_second;
  const ElementRows* rows;  ///< by Element: loops that end compacted layers
  WinogradTransforms (*winograd)(int tile) noexcept = nullptr;  ///< null: it has none
};

/// Ranked within each element type.
[[nodiscard]] std::span<const Implementation> implementations() noexcept;

/// The first implementation of `element` that this CPU can run, or the one of that name. The
/// refusal names it and says what the CPU lacks, or which names there are.
[[nodiscard]] Result<const Implementation*> choose_implementation(Element element,
                                                                  std::string_view force);

[[nodiscard]] constexpr TileOutput tile_output(Element element) noexcept {
  return element == Element::f32    ? TileOutput::f32
         : element == Element::bf16 ? TileOutput::bf16
                                    : TileOutput::u8;
}

}  // namespace wbs::kernels
