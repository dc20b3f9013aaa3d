// Groups of nodes that exporters write for one operator of the IR.
#pragma once

#include "networks/graph.hpp"

namespace wbs::networks::onnx_io {

/// Replaces, wherever nothing else reads the inner values: LayerNorm's pieces by layer_norm, GELU's
/// (erf form) by gelu, and linear followed by the addition of a learned vector by linear with bias.
/// The result keeps the last node's place, and the module path of its parameters as its name where
/// the constants have one. `keep_names`: the file is our exporter's, where the last node of a group
/// has the group's name and the inner ones begin with it; other groups stay as they are.
void recognise_patterns(Graph& graph, Weights& weights, bool keep_names);

/// Removes the nodes that do not contribute to the output, and their weights. The input stays.
void remove_unused_nodes(Graph& graph, Weights& weights);

}  // namespace wbs::networks::onnx_io
