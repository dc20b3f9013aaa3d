#include "networks/onnx/model_writer.hpp"

#include <fmt/format.h>

#include <limits>

#include "core/error.hpp"

namespace wbs::networks::onnx_io {
namespace {

/// The file format version that came with the opset.
std::int64_t ir_version(std::int64_t opset) {
  if (opset <= 11) return 6;
  return opset <= 14 ? 7 : 8;
}

void describe_value(::onnx::ValueInfoProto& value, const std::string& name, const Shape& shape) {
  value.set_name(name);
  auto& type = *value.mutable_type()->mutable_tensor_type();
  type.set_elem_type(::onnx::TensorProto::FLOAT);
  for (const std::int64_t extent : shape) type.mutable_shape()->add_dim()->set_dim_value(extent);
}

}  // namespace

void set_attribute(::onnx::NodeProto& node, const char* name, std::int64_t value) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(::onnx::AttributeProto::INT);
  attribute.set_i(value);
}

void set_attribute(::onnx::NodeProto& node, const char* name, double value) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(::onnx::AttributeProto::FLOAT);
  attribute.set_f(static_cast<float>(value));
}

void set_attribute(::onnx::NodeProto& node, const char* name,
                   const std::vector<std::int64_t>& values) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(::onnx::AttributeProto::INTS);
  for (const std::int64_t value : values) attribute.add_ints(value);
}

void fill_tensor(::onnx::TensorProto& tensor, const Shape& shape,
                 const std::vector<float>& values) {
  tensor.set_data_type(::onnx::TensorProto::FLOAT);
  for (const std::int64_t extent : shape) tensor.add_dims(extent);
  tensor.set_raw_data(values.data(), values.size() * sizeof(float));
}

ModelWriter::ModelWriter(const Graph& graph, const Weights& weights, std::int64_t opset)
    : graph_(graph), weights_(weights), opset_(opset) {
  model_.set_ir_version(ir_version(opset));
  model_.set_producer_name("wbs");
  model_.add_opset_import()->set_version(opset);
  auto& proto = *model_.mutable_graph();
  proto.set_name(graph.name);
  for (const Node& node : graph.nodes) names_.insert(node.name);
  describe_value(*proto.add_input(), graph.nodes[0].name, graph.nodes[0].output_shape);
  const Node& output = graph.nodes[graph.output];
  describe_value(*proto.add_output(), output.name, output.output_shape);
}

::onnx::NodeProto& ModelWriter::add_node(std::string_view op, const std::string& name,
                                         const std::vector<std::string>& inputs) {
  auto& node = *model_.mutable_graph()->add_node();
  node.set_op_type(std::string(op));
  node.set_name(name);
  for (const std::string& input : inputs) node.add_input(input);
  node.add_output(name);
  return node;
}

const Tensor& ModelWriter::weight(const Node& node, std::string_view role) const {
  return weights_.at(weight_key(node, role));
}

std::string ModelWriter::free_name(const std::string& wanted) {
  std::string name = wanted;
  for (int suffix = 1; !names_.insert(name).second; ++suffix) {
    name = fmt::format("{}_{}", wanted, suffix);
  }
  return name;
}

std::string ModelWriter::add_weight(const Node& node, std::string_view role,
                                    const std::string& wanted) {
  const Tensor& tensor = weight(node, role);
  return add_floats(wanted, tensor.shape, tensor.values);
}

std::string ModelWriter::add_transposed_weight(const Node& node, std::string_view role,
                                               const std::string& wanted) {
  const Tensor& tensor = weight(node, role);
  const auto rows = static_cast<std::size_t>(tensor.shape[0]);
  const auto columns = static_cast<std::size_t>(tensor.shape[1]);
  std::vector<float> turned(tensor.values.size());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) turned[c * rows + r] = tensor.values[r * columns + c];
  }
  return add_floats(wanted, {tensor.shape[1], tensor.shape[0]}, turned);
}

std::string ModelWriter::add_floats(const std::string& wanted, const Shape& shape,
                                    const std::vector<float>& values) {
  auto& tensor = *model_.mutable_graph()->add_initializer();
  tensor.set_name(free_name(wanted));
  fill_tensor(tensor, shape, values);
  return tensor.name();
}

std::string ModelWriter::add_integers(const std::string& wanted,
                                      const std::vector<std::int64_t>& values) {
  auto& tensor = *model_.mutable_graph()->add_initializer();
  tensor.set_name(free_name(wanted));
  tensor.set_data_type(::onnx::TensorProto::INT64);
  tensor.add_dims(static_cast<std::int64_t>(values.size()));
  for (const std::int64_t value : values) tensor.add_int64_data(value);
  return tensor.name();
}

std::string ModelWriter::finish() {
  if (model_.ByteSizeLong() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw Error(ErrorKind::unsupported,
                fmt::format("network '{}': {} bytes as an ONNX file; they end at 2 GiB",
                            graph_.name, model_.ByteSizeLong()));
  }
  return model_.SerializeAsString();
}

}  // namespace wbs::networks::onnx_io
