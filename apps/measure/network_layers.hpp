// The layers of a network that are worth measuring, each once.
#pragma once

#include <string>
#include <vector>

#include "kernels/measure/problem.hpp"
#include "networks/graph.hpp"

namespace wbs::apps {

/// Convolutions (or fully connected layers) of one shape.
struct DistinctLayer {
  kernels::measure::LayerRequest request;  ///< named after the first of them; no seed
  networks::NodeIndex node = 0;            ///< that first one
  int count = 1;                           ///< how many of this shape the network has
  bool linear = false;
  bool first = false;   ///< the network's first convolution: never pruned, not in the mean
  bool pruned = false;  ///< the pattern applies (is_pruned)
};

/// What of the network to look at.
struct LayerSelection {
  kernels::Element element = kernels::Element::f32;
  std::int64_t batch = 1;
  bool linear_too = false;
  std::string filter;  ///< only layers with this in their name; empty: all
};

/// The distinct layers of `graph` in order of execution, with what a fused kernel does behind them:
/// the ReLU or clip and the residual addition that follow. Where layers of one shape differ in
/// that, the most frequent form stands for all.
[[nodiscard]] std::vector<DistinctLayer> distinct_layers(const networks::Graph& graph,
                                                         const LayerSelection& selection);

/// "64x56x56 -> 256 1x1", with "/2" for the stride, "b8" for a batch, "g32" for groups.
[[nodiscard]] std::string shape_text(const kernels::ConvShape& shape);

}  // namespace wbs::apps
