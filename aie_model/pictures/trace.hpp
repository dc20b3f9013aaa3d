// A run as a trace for chrome://tracing and ui.perfetto.dev.
#pragma once

#include <string>

#include "aie_model/pictures/picture.hpp"

namespace wbs::aie {

/// JSON in the Trace Event Format: a process per column and kind of tile, a thread per core and
/// per DMA channel, a process "network" with the layers and steps. Times in microseconds at the
/// device's clock. About 100 bytes an activity.
[[nodiscard]] std::string chrome_trace(const Picture& picture);

}  // namespace wbs::aie
