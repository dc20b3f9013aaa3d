// From the graph IR to the layers that the AIE2 array executes.
#pragma once

#include <map>
#include <string>

#include "compiler/layer.hpp"
#include "networks/graph.hpp"

namespace wbs::compiler {

/// Densities of the weighted layers. A layer named in `by_layer` has that one; any other
/// convolution (not grouped, not the first) has `convolutions`; the rest is dense.
struct Densities {
  LayerDensity convolutions;
  std::map<std::string, LayerDensity> by_layer;
};

/// The layers of `graph`, whose shapes have been inferred, in its order. Batch normalisation,
/// activations, dropout, identity, reshapes and operations with a constant operand are fused into
/// their producer and cost nothing; softmax and layer normalisation too, which a note says. The
/// first convolution is dense whatever `densities` says. Throws Error (unsupported) that names node
/// and operator where a node has no place on the array.
[[nodiscard]] LayerList lower(const networks::Graph& graph, const Densities& densities);

}  // namespace wbs::compiler
