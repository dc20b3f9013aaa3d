// A ModelProto under construction: what the operator exporters write with.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "networks/graph.hpp"
#include "networks/onnx/proto.hpp"

namespace wbs::networks::onnx_io {

/// Appends nodes and initialisers to a graph. A node's output value has the node's name.
class ModelWriter {
 public:
  ModelWriter(const Graph& graph, const Weights& weights, std::int64_t opset);

  [[nodiscard]] std::int64_t opset() const noexcept { return opset_; }
  [[nodiscard]] const std::string& name_of(NodeIndex node) const { return graph_.nodes[node].name; }
  [[nodiscard]] const Shape& shape_of(NodeIndex node) const {
    return graph_.nodes[node].output_shape;
  }

  /// A node called `name` whose only output is called the same.
  ::onnx::NodeProto& add_node(std::string_view op, const std::string& name,
                              const std::vector<std::string>& inputs);

  /// Tensors of the file. Each returns the value's name, which is `wanted` unless that is taken.
  std::string add_weight(const Node& node, std::string_view role, const std::string& wanted);
  std::string add_transposed_weight(const Node& node, std::string_view role,
                                    const std::string& wanted);
  std::string add_floats(const std::string& wanted, const Shape& shape,
                         const std::vector<float>& values);
  std::string add_integers(const std::string& wanted, const std::vector<std::int64_t>& values);

  [[nodiscard]] const Tensor& weight(const Node& node, std::string_view role) const;
  [[nodiscard]] std::string free_name(const std::string& wanted);

  /// The finished file. Throws Error(unsupported) from 2 GiB on.
  [[nodiscard]] std::string finish();

 private:
  const Graph& graph_;
  const Weights& weights_;
  std::int64_t opset_;
  ::onnx::ModelProto model_;
  std::set<std::string, std::less<>> names_;
};

void set_attribute(::onnx::NodeProto& node, const char* name, std::int64_t value);
void set_attribute(::onnx::NodeProto& node, const char* name, double value);
void set_attribute(::onnx::NodeProto& node, const char* name,
                   const std::vector<std::int64_t>& values);

/// Float values into `tensor`, as raw little-endian bytes.
void fill_tensor(::onnx::TensorProto& tensor, const Shape& shape, const std::vector<float>& values);

/// Appends the ONNX nodes of `node`. Throws Error(unsupported) naming it for what the opset lacks.
void export_node(ModelWriter& writer, const Node& node);

}  // namespace wbs::networks::onnx_io
