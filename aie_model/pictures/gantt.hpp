// A run as a Gantt chart for people.
#pragma once

#include <string>

#include "aie_model/pictures/picture.hpp"

namespace wbs::aie {

/// SVG: layers along the time axis; below, a lane each for reconfiguration, DDR, Memtile and core
/// DMA channels by direction, and the cores of every column. The height of a bar is the share of
/// the lane's channels with a transfer under way (waiting for locks and streams included), or of
/// its cores that compute, in that part of the time; the number at the right is the mean over the
/// picture.
[[nodiscard]] std::string gantt_svg(const Picture& picture);

}  // namespace wbs::aie
