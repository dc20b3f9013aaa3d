// What a network costs: multiply-accumulates, parameters and bytes, per node and in total.
#pragma once

#include <cstdint>
#include <vector>

#include "networks/graph.hpp"

namespace wbs::networks {

/// Bytes of one element, by use.
struct ElementSizes {
  std::int64_t weight_bytes = 4;
  std::int64_t activation_bytes = 4;
};

/// Costs of one node for the batch that its shapes contain.
struct NodeCost {
  /// Multiply-accumulates of conv, linear and matmul, dense, one per product: outputs times the
  /// length of the sum (cin/groups x kh x kw, in, k); products with padding zeros count. Biases,
  /// normalisation, pooling, activations and elementwise operators count as 0. This is the count in
  /// which ResNet-50 has 4.09 G.
  std::int64_t macs = 0;
  /// Trained values: weight, bias and scale, and learned constants; not the mean and variance of a
  /// batch norm, and not other constants.
  std::int64_t parameters = 0;
  std::int64_t weight_bytes = 0;  ///< all stored tensors, mean and variance included
  std::int64_t input_bytes = 0;   ///< activations read: every input once
  std::int64_t output_bytes = 0;

  NodeCost& operator+=(const NodeCost& other);
};

struct Cost {
  std::vector<NodeCost> nodes;  ///< one for each node of the graph
  NodeCost total;
};

/// Costs of a graph whose shapes are inferred. Throws Error(input) when a count does not fit into
/// 64 bits.
[[nodiscard]] Cost cost_of(const Graph& graph, const ElementSizes& sizes = {});

}  // namespace wbs::networks
