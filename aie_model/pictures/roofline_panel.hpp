// One panel of the roofline's picture.
#pragma once

#include <array>

#include "aie_model/pictures/core_time.hpp"
#include "aie_model/pictures/svg.hpp"
#include "aie_model/roofline/roofline.hpp"

namespace wbs::aie {

/// A panel: resources of which each layer shows the one that it uses most.
struct PanelOf {
  Bound bound;
  std::array<Resource, 2> resources;  ///< in and out, with the same peak
  const char* title;
  const char* axis;
};

/// Draws axes, ceilings, dots and names into `frame`; texts of the axes stand outside of it.
void draw_panel(const Roofline& roofline, const PanelOf& panel, const Box& frame, bool name_rates,
                SvgText& svg);

}  // namespace wbs::aie
