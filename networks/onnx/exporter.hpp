// The graph IR to ONNX files that other tools read, and that import_onnx gives back as they were.
#pragma once

#include <cstdint>
#include <string>

#include "networks/graph.hpp"

namespace wbs::networks {

struct ExportOptions {
  std::int64_t opset = 13;  ///< 11 to 17
};

/// The model file of `graph`. Nodes keep their names; weights are called by PyTorch's words
/// ("layer1.0.bn1.running_mean"); layer_norm and gelu become pieces (layer_norm one node from opset
/// 17 on). The batch is fixed to the graph's. Throws Error(input) when a weight is missing or has
/// another shape than the graph says, and Error(unsupported), naming the node, for what the opset
/// cannot say (average pooling with dilation, softmax over an inner axis before opset 13, an opset
/// outside 11 to 17) and for models of 2 GiB and more.
[[nodiscard]] std::string export_onnx_bytes(const Graph& graph, const Weights& weights,
                                            const ExportOptions& options = {});

/// Writes it to `path` (not compressed). The file appears complete or not at all; throws Error(io)
/// naming the path as well.
void export_onnx(const Graph& graph, const Weights& weights, const std::string& path,
                 const ExportOptions& options = {});

}  // namespace wbs::networks
