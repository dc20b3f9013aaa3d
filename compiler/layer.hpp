// A network as the AIE2 tiler sees it: layers that move data or compute, nothing that is fused.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "aie_model/tiled_layer.hpp"

namespace wbs::compiler {

/// How full a layer's weights are. `stored` is the kept share of the weights (what is loaded);
/// `operands` is the share of 8x8 weight operands that hold at least one kept weight, halved where
/// the 2:4 mode of the MAC applies (what `corrected` and `event` charge for computing).
struct LayerDensity {
  double stored = 1.0;
  double operands = 1.0;
  bool operator==(const LayerDensity&) const = default;
};

/// One operation on the array. Extents are batch 1 with real channel counts; fully connected layers
/// are 1x1 convolutions over a row of `input.w` vectors.
struct Layer {
  std::string name;  ///< the node's name in the graph
  aie::LayerKind kind = aie::LayerKind::conv;
  std::vector<int> producers;  ///< indices of the layers that made the inputs; -1: network input
  aie::Extent input, output;
  aie::Window window;
  std::int64_t groups = 1;
  LayerDensity density;
  bool first = false;                ///< reads the network input: dense, channels padded to 8
  std::int64_t concat_channels = 0;  ///< channels of the concat it writes into, or 0
};

/// A graph without the operations that cost nothing on the array.
struct LayerList {
  std::string network;
  std::vector<Layer> layers;       ///< execution order
  std::vector<std::string> notes;  ///< what was fused or approximated, one sentence each
};

/// Dense multiply-accumulates of the layer: output volume x (cin / groups) x kernel; 0 for layers
/// without weights.
[[nodiscard]] std::int64_t dense_macs(const Layer& layer);

}  // namespace wbs::compiler
