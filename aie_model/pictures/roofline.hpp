// The roofline of a run for people.
#pragma once

#include <string>

#include "aie_model/roofline/roofline.hpp"

namespace wbs::aie {

/// SVG: multiply-accumulates a cycle over multiply-accumulates for each byte, both logarithmic, in
/// three panels: streams of cores, of Memtiles, of external memory. A dot is a layer, its area the
/// time, its colour what bounds it (the same in all panels). Lines are what all channels of the
/// panel together allow, and the peak of the array. Dots that this panel's resource bounds are
/// full and have a line up to what the busiest channel of this program allows. Below: the cycles
/// of all cores by layer along the time, and what they go into.
[[nodiscard]] std::string roofline_svg(const Roofline& roofline);

}  // namespace wbs::aie
