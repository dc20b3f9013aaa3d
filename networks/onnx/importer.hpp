// ONNX files to the graph IR: opset 11 to 17, one float input, one output, static shapes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/tensor.hpp"
#include "networks/graph.hpp"

namespace wbs::networks {

struct ImportOptions {
  std::int64_t batch = 1;            ///< replaces a dynamic first dimension of the input
  std::optional<Shape> input_shape;  ///< replaces the input's whole shape, batch first
  std::string output;                ///< which output, where the file has several
  std::string name;  ///< of the graph; by default the file's, else the file name's stem
  std::size_t max_bytes = 2147483647;  ///< of the decompressed file; protobuf cannot do more
};

struct ImportedNetwork {
  Graph graph;      ///< shapes are inferred; every node contributes to the output
  Weights weights;  ///< every weight tensor of the graph, fp32
  std::int64_t opset = 0;
  std::string producer;  ///< "pytorch 1.13.0"
  std::string digest;    ///< of the decompressed file: x.onnx and x.onnx.gz have the same
};

/// The network in a .onnx or .onnx.gz file (told apart by content, not by name). Node names are the
/// module paths of PyTorch where the file has them ("layer1.0.conv1"), otherwise the ONNX names.
/// Shape subgraphs are folded, LayerNorm's and GELU's pieces become one node, unused nodes are
/// dropped. Throws Error naming file, node and operator: `input` for a file that is missing,
/// truncated or inconsistent, `unsupported` for a valid file with something that the IR does not
/// have. Peak memory is about twice the decompressed file.
[[nodiscard]] ImportedNetwork import_onnx(const std::string& path,
                                          const ImportOptions& options = {});

/// The same from memory; `label` stands for the file name in messages.
[[nodiscard]] ImportedNetwork import_onnx_bytes(std::string_view bytes, const std::string& label,
                                                const ImportOptions& options = {});

}  // namespace wbs::networks
