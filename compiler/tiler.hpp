// From a list of layers to the pieces that an array works on.
#pragma once

#include <string>
#include <vector>

#include "aie_model/device.hpp"
#include "compiler/lower.hpp"
#include "compiler/tiled_network.hpp"

namespace wbs::compiler {

/// What to compile and how. `weights` only names the weights in the result.
struct CompileOptions {
  Densities densities;
  std::string weights = "dense";
  CinSplit cin_split = CinSplit::even_shares;
};

/// The tiling of `list` for `device`: the width over the columns, output channels over the rows,
/// height in steps through ping/pong buffers; then splits through DDR, of output channels and,
/// last, of input channels. Works for every size and every array; where a size does not divide, the
/// last columns or rows do less and a note says so. Throws Error (input) when the device is
/// invalid.
[[nodiscard]] TiledNetwork tile(const LayerList& list, const aie::Device& device,
                                const CompileOptions& options);

/// The layers of `list` without any pieces: what aie::replay needs to know of a network.
[[nodiscard]] std::vector<aie::TiledLayer> untiled(const LayerList& list);

/// lower() and tile() in one.
[[nodiscard]] TiledNetwork compile(const networks::Graph& graph, const aie::Device& device,
                                   const CompileOptions& options);

}  // namespace wbs::compiler
