// The reference: runs a network in plain fp32, one node after the other.
#pragma once

#include <functional>

#include "networks/graph.hpp"

namespace wbs::networks {

/// Is called with every node and its output, in execution order.
using Observer = std::function<void(const Node& node, const Tensor& output)>;

/// The network's output for `input`. Its shape is the graph's input shape, where the batch may be
/// another one as long as the graph's reshapes allow it. Everything is fp32: sums of products run
/// in the order of the weights' elements, means and normalisations are accumulated in double; the
/// same arguments give the same bits. Activations live until their last reader has run. Throws
/// Error(input) when input and graph do not agree or a weight is missing or has another shape.
[[nodiscard]] Tensor interpret(const Graph& graph, const Weights& weights, const Tensor& input,
                               const Observer& observer = {});

}  // namespace wbs::networks
