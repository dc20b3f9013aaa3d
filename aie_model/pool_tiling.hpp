// How pools and element-wise layers are cut for the cores.
#pragma once

#include "aie_model/device.hpp"
#include "aie_model/tiled_layer.hpp"

namespace wbs::aie {

/// core_input, core_output, width_splits and channel_splits of a pool or an add are filled by the
/// rules derived from the logged runs; other kinds are left alone.
void tile_pool_or_add(TiledLayer& layer, const Device& device);

}  // namespace wbs::aie
