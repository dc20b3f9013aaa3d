// A network cut into the pieces that an AIE2 array works on: what the tiler makes, the estimators
// read and the compile stage stores.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "aie_model/tiled_layer.hpp"
#include "compiler/core_tile.hpp"

namespace wbs::compiler {

/// Layers in execution order. `notes[i]` holds the TileNote bits of `layers[i]`.
struct TiledNetwork {
  std::string network;
  std::string device;   ///< name of the device it was tiled for
  std::string weights;  ///< what the weights are, for example "block:8x8@0.5"
  ArrayShape array;
  std::vector<aie::TiledLayer> layers;
  std::vector<unsigned> notes;
  std::vector<std::string> remarks;  ///< of the whole network: what was fused or approximated
};

/// A table for people: one line per layer with its sub-volumes, passes and notes.
[[nodiscard]] std::string to_text(const TiledNetwork& network);

/// JSON that from_json reads back to the same value; one line per layer.
[[nodiscard]] std::string to_json(const TiledNetwork& network);

/// The network that to_json wrote. Throws Error (input) that names the layer and the key when the
/// text is malformed, a key is missing, unknown or of the wrong type, or a size is not positive.
[[nodiscard]] TiledNetwork from_json(std::string_view text);

}  // namespace wbs::compiler
