// The three published networks as bare layer lists, for tests that replay logged runs.
#pragma once

#include <string_view>
#include <vector>

#include "aie_model/tiled_layer.hpp"

namespace wbs::aie::testing {

/// Shapes, windows, names and producers of "resnet50", "vgg16" or "inception_v3" as torchvision
/// orders them (the logs run downsample first); empty for other names.
std::vector<TiledLayer> network_layers(std::string_view name);

}  // namespace wbs::aie::testing
