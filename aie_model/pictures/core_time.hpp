// The lower part of the roofline's picture: what the cycles of the cores go into.
#pragma once

#include <string_view>

#include "aie_model/pictures/svg.hpp"
#include "aie_model/roofline/roofline.hpp"

namespace wbs::aie {

/// Groups of resources that share a panel and a colour.
enum class Bound : std::uint8_t { core, core_stream, memtile, external, reconfigure };
inline constexpr std::size_t kBounds = 5;

[[nodiscard]] Bound bound_of(Resource resource) noexcept;
[[nodiscard]] std::string_view name_of(Bound bound) noexcept;
[[nodiscard]] std::string_view colour_of(Bound bound) noexcept;

/// Draws layers side by side into `area`, each as wide as its time: a strip in the colour of its
/// bound, under it the shares of core time, from multiply-accumulates below to idle above; names
/// where they fit; legends below the area.
void draw_core_time(const Roofline& roofline, const Box& area, SvgText& svg);

}  // namespace wbs::aie
