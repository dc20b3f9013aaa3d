// Rewrites that leave a network's function unchanged and its graph smaller.
#pragma once

#include "networks/graph.hpp"

namespace wbs::networks {

/// Every batch norm that alone reads a conv, or a linear layer with [n][c] output, is folded into
/// it: the layer keeps its name and gains a bias where it had none, its weights and bias take over
/// the batch norm's scale and offset, and who read the batch norm (the graph's output included)
/// reads the layer. A batch norm behind anything else stays, and so does one behind a layer whose
/// result is also used elsewhere. `weights` loses the tensors of the removed nodes. The graph's
/// shapes must be inferred; throws Error(input) when a weight is missing or has another shape, and
/// then changes nothing.
void fold_batch_norms(Graph& graph, Weights& weights);

/// The same for the graph alone, for whoever needs no values (the compiler).
[[nodiscard]] Graph fold_batch_norms(const Graph& graph);

/// The graph without identity and dropout nodes; their readers read what they read. The order of
/// the other nodes, and their names, stay.
[[nodiscard]] Graph remove_identities(const Graph& graph);

}  // namespace wbs::networks
