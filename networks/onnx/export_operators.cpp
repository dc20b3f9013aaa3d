// One function per group of IR operators: the ONNX nodes that compute them.
#include <fmt/format.h>

#include <limits>
#include <optional>

#include "core/error.hpp"
#include "networks/onnx/model_writer.hpp"

namespace wbs::networks::onnx_io {
namespace {

using Integers = std::vector<std::int64_t>;

Integers list(const std::array<std::int64_t, 2>& pair) {
  return {pair[0], pair[1]};
}

Integers list(const Padding& padding) {
  return {padding.top, padding.left, padding.bottom, padding.right};
}

[[noreturn]] void refuse(const Node& node, std::string_view what) {
  throw Error(ErrorKind::unsupported, fmt::format("{} '{}' cannot be written as ONNX: {}",
                                                  op_name(node.op), node.name, what));
}

/// The names of the inputs, which are names of nodes.
std::vector<std::string> input_names(const ModelWriter& writer, const Node& node) {
  std::vector<std::string> names;
  names.reserve(node.inputs.size());
  for (const NodeIndex input : node.inputs) names.push_back(writer.name_of(input));
  return names;
}

/// Operators that are the same in ONNX and need no attributes.
const char* plain_name(Op op) {
  switch (op) {
    case Op::relu:
      return "Relu";
    case Op::sigmoid:
      return "Sigmoid";
    case Op::erf:
      return "Erf";
    case Op::sqrt:
      return "Sqrt";
    case Op::exp:
      return "Exp";
    case Op::tanh:
      return "Tanh";
    case Op::global_avg_pool:
      return "GlobalAveragePool";
    case Op::add:
      return "Add";
    case Op::sub:
      return "Sub";
    case Op::mul:
      return "Mul";
    case Op::div:
      return "Div";
    case Op::pow:
      return "Pow";
    case Op::matmul:
      return "MatMul";
    case Op::identity:
      return "Identity";
    case Op::dropout:
      return "Dropout";
    default:
      return nullptr;
  }
}

void export_conv(ModelWriter& writer, const Node& node) {
  std::vector<std::string> inputs = input_names(writer, node);
  inputs.push_back(writer.add_weight(node, "weight", node.name + ".weight"));
  if (node.weight_shapes.contains("bias")) {
    inputs.push_back(writer.add_weight(node, "bias", node.name + ".bias"));
  }
  auto& proto = writer.add_node("Conv", node.name, inputs);
  set_attribute(proto, "dilations", list(node.attributes.dilation));
  set_attribute(proto, "group", node.attributes.groups);
  set_attribute(proto, "kernel_shape", list(node.attributes.kernel));
  set_attribute(proto, "pads", list(node.attributes.padding));
  set_attribute(proto, "strides", list(node.attributes.stride));
}

/// Gemm for matrices; MatMul and Add for inputs of more dimensions, which Gemm does not take.
void export_linear(ModelWriter& writer, const Node& node) {
  std::vector<std::string> inputs = input_names(writer, node);
  const bool with_bias = node.weight_shapes.contains("bias");
  if (writer.shape_of(node.inputs[0]).size() == 2) {
    inputs.push_back(writer.add_weight(node, "weight", node.name + ".weight"));
    if (with_bias) inputs.push_back(writer.add_weight(node, "bias", node.name + ".bias"));
    set_attribute(writer.add_node("Gemm", node.name, inputs), "transB", std::int64_t{1});
    return;
  }
  inputs.push_back(writer.add_transposed_weight(node, "weight", node.name + ".weight_transposed"));
  if (!with_bias) {
    writer.add_node("MatMul", node.name, inputs);
    return;
  }
  const std::string product = writer.free_name(node.name + ".product");
  writer.add_node("MatMul", product, inputs);
  writer.add_node("Add", node.name,
                  {product, writer.add_weight(node, "bias", node.name + ".bias")});
}

void export_batch_norm(ModelWriter& writer, const Node& node) {
  std::vector<std::string> inputs = input_names(writer, node);
  inputs.push_back(writer.add_weight(node, "scale", node.name + ".weight"));
  inputs.push_back(writer.add_weight(node, "bias", node.name + ".bias"));
  inputs.push_back(writer.add_weight(node, "mean", node.name + ".running_mean"));
  inputs.push_back(writer.add_weight(node, "variance", node.name + ".running_var"));
  set_attribute(writer.add_node("BatchNormalization", node.name, inputs), "epsilon",
                node.attributes.epsilon);
}

void export_pool(ModelWriter& writer, const Node& node) {
  const bool is_max = node.op == Op::max_pool;
  const bool dilated = node.attributes.dilation != std::array<std::int64_t, 2>{1, 1};
  if (!is_max && dilated) refuse(node, "AveragePool has no dilation until opset 19");
  auto& proto =
      writer.add_node(is_max ? "MaxPool" : "AveragePool", node.name, input_names(writer, node));
  set_attribute(proto, "ceil_mode", std::int64_t{node.attributes.ceil_mode});
  if (!is_max) {
    set_attribute(proto, "count_include_pad", std::int64_t{node.attributes.count_include_pad});
  }
  if (dilated) set_attribute(proto, "dilations", list(node.attributes.dilation));
  set_attribute(proto, "kernel_shape", list(node.attributes.kernel));
  set_attribute(proto, "pads", list(node.attributes.padding));
  set_attribute(proto, "strides", list(node.attributes.stride));
}

void export_clip(ModelWriter& writer, const Node& node) {
  std::vector<std::string> inputs = input_names(writer, node);
  inputs.push_back(
      writer.add_floats(node.name + ".min", {}, {static_cast<float>(node.attributes.minimum)}));
  inputs.push_back(
      writer.add_floats(node.name + ".max", {}, {static_cast<float>(node.attributes.maximum)}));
  writer.add_node("Clip", node.name, inputs);
}

void export_softmax(ModelWriter& writer, const Node& node) {
  const auto last = static_cast<std::int64_t>(node.output_shape.size()) - 1;
  if (writer.opset() < 13 && node.attributes.axis != last) {
    refuse(node, "softmax over an inner axis needs opset 13");
  }
  set_attribute(writer.add_node("Softmax", node.name, input_names(writer, node)), "axis",
                node.attributes.axis);
}

void export_reduce_mean(ModelWriter& writer, const Node& node) {
  auto& proto = writer.add_node("ReduceMean", node.name, input_names(writer, node));
  set_attribute(proto, "axes", node.attributes.axes);
  set_attribute(proto, "keepdims", std::int64_t{node.attributes.keep_dims});
}

void export_slice(ModelWriter& writer, const Node& node) {
  std::vector<std::string> inputs = input_names(writer, node);
  const Attributes& attributes = node.attributes;
  inputs.push_back(writer.add_integers(node.name + ".starts", {attributes.begin}));
  inputs.push_back(writer.add_integers(node.name + ".ends", {attributes.end}));
  inputs.push_back(writer.add_integers(node.name + ".axes", {attributes.axis}));
  inputs.push_back(writer.add_integers(node.name + ".steps", {attributes.step}));
  writer.add_node("Slice", node.name, inputs);
}

/// A node with one list of integers as its second input: Reshape and Pad.
void export_with_list(ModelWriter& writer, const Node& node, const char* op, const char* role,
                      const Integers& values) {
  std::vector<std::string> inputs = input_names(writer, node);
  inputs.push_back(writer.add_integers(fmt::format("{}.{}", node.name, role), values));
  writer.add_node(op, node.name, inputs);
}

/// Learned constants are initialisers behind the node's own name; the others are Constant nodes.
void export_constant(ModelWriter& writer, const Node& node) {
  const bool is_tensor = node.weight_shapes.contains("value");
  if (is_tensor && node.attributes.learned) {
    const std::string stored = writer.add_weight(node, "value", node.name + ".value");
    writer.add_node("Identity", node.name, {stored});
    return;
  }
  auto& attribute = *writer.add_node("Constant", node.name, {}).add_attribute();
  attribute.set_name("value");
  attribute.set_type(::onnx::AttributeProto::TENSOR);
  if (is_tensor) {
    const Tensor& tensor = writer.weight(node, "value");
    fill_tensor(*attribute.mutable_t(), tensor.shape, tensor.values);
  } else {
    fill_tensor(*attribute.mutable_t(), {}, {static_cast<float>(node.attributes.value)});
  }
}

/// An inner node of a group: named after the group, as its value is.
std::string piece(ModelWriter& writer, const Node& node, const char* op, const char* word,
                  const std::vector<std::string>& inputs, const Integers& axes = {}) {
  const std::string name = writer.free_name(fmt::format("{}.{}", node.name, word));
  auto& proto = writer.add_node(op, name, inputs);
  if (!axes.empty()) set_attribute(proto, "axes", axes);
  return name;
}

std::string scalar(ModelWriter& writer, const Node& node, const char* word, double value) {
  return writer.add_floats(fmt::format("{}.{}", node.name, word), {}, {static_cast<float>(value)});
}

void export_layer_norm(ModelWriter& writer, const Node& node) {
  const std::string x = writer.name_of(node.inputs[0]);
  const std::string scale = writer.add_weight(node, "scale", node.name + ".weight");
  const std::string bias = writer.add_weight(node, "bias", node.name + ".bias");
  if (writer.opset() >= 17) {
    auto& proto = writer.add_node("LayerNormalization", node.name, {x, scale, bias});
    set_attribute(proto, "axis", std::int64_t{-1});
    set_attribute(proto, "epsilon", node.attributes.epsilon);
    return;
  }
  const auto last = static_cast<std::int64_t>(node.output_shape.size()) - 1;
  const std::string mean = piece(writer, node, "ReduceMean", "mean", {x}, {last});
  const std::string centred = piece(writer, node, "Sub", "centred", {x, mean});
  const std::string square =
      piece(writer, node, "Pow", "square", {centred, scalar(writer, node, "two", 2.0)});
  const std::string variance = piece(writer, node, "ReduceMean", "variance", {square}, {last});
  const std::string shifted =
      piece(writer, node, "Add", "shifted",
            {variance, scalar(writer, node, "epsilon", node.attributes.epsilon)});
  const std::string deviation = piece(writer, node, "Sqrt", "deviation", {shifted});
  const std::string normal = piece(writer, node, "Div", "normal", {centred, deviation});
  const std::string scaled = piece(writer, node, "Mul", "scaled", {normal, scale});
  writer.add_node("Add", node.name, {scaled, bias});
}

void export_gelu(ModelWriter& writer, const Node& node) {
  const std::string x = writer.name_of(node.inputs[0]);
  const std::string scaled =
      piece(writer, node, "Div", "scaled", {x, scalar(writer, node, "root", 1.4142135623730951)});
  const std::string error = piece(writer, node, "Erf", "erf", {scaled});
  const std::string bell =
      piece(writer, node, "Add", "bell", {error, scalar(writer, node, "one", 1.0)});
  const std::string product = piece(writer, node, "Mul", "product", {x, bell});
  writer.add_node("Mul", node.name, {product, scalar(writer, node, "half", 0.5)});
}

void export_with_attributes(ModelWriter& writer, const Node& node) {
  const Attributes& attributes = node.attributes;
  const std::vector<std::string> inputs = input_names(writer, node);
  switch (node.op) {
    case Op::concat:
      set_attribute(writer.add_node("Concat", node.name, inputs), "axis", attributes.axis);
      break;
    case Op::flatten:
      set_attribute(writer.add_node("Flatten", node.name, inputs), "axis", attributes.axis);
      break;
    case Op::transpose:
      set_attribute(writer.add_node("Transpose", node.name, inputs), "perm",
                    attributes.permutation);
      break;
    case Op::reshape:
      export_with_list(writer, node, "Reshape", "shape", attributes.shape);
      break;
    case Op::pad:
      export_with_list(writer, node, "Pad", "pads", attributes.pads);
      break;
    default:
      refuse(node, "the operator is not known to the exporter");
  }
}

}  // namespace

void export_node(ModelWriter& writer, const Node& node) {
  if (const char* plain = plain_name(node.op)) {
    writer.add_node(plain, node.name, input_names(writer, node));
    return;
  }
  switch (node.op) {
    case Op::input:
      break;
    case Op::conv:
      export_conv(writer, node);
      break;
    case Op::linear:
      export_linear(writer, node);
      break;
    case Op::batch_norm:
      export_batch_norm(writer, node);
      break;
    case Op::max_pool:
    case Op::avg_pool:
      export_pool(writer, node);
      break;
    case Op::clip:
      export_clip(writer, node);
      break;
    case Op::softmax:
      export_softmax(writer, node);
      break;
    case Op::reduce_mean:
      export_reduce_mean(writer, node);
      break;
    case Op::slice:
      export_slice(writer, node);
      break;
    case Op::constant:
      export_constant(writer, node);
      break;
    case Op::layer_norm:
      export_layer_norm(writer, node);
      break;
    case Op::gelu:
      export_gelu(writer, node);
      break;
    default:
      export_with_attributes(writer, node);
      break;
  }
}

}  // namespace wbs::networks::onnx_io
