// Elementwise operators.
#include <fmt/format.h>

#include <array>
#include <limits>

#include "core/error.hpp"
#include "networks/onnx/model_reader.hpp"
#include "networks/onnx/operators.hpp"

namespace wbs::networks::onnx_io {
namespace {

struct OpName {
  std::string_view onnx;
  Op op;
};

constexpr std::array kElementwise = {
    OpName{"Relu", Op::relu}, OpName{"Sigmoid", Op::sigmoid}, OpName{"Erf", Op::erf},
    OpName{"Sqrt", Op::sqrt}, OpName{"Exp", Op::exp},         OpName{"Tanh", Op::tanh},
    OpName{"Add", Op::add},   OpName{"Sub", Op::sub},         OpName{"Mul", Op::mul},
    OpName{"Div", Op::div},   OpName{"Pow", Op::pow},         OpName{"Identity", Op::identity},
};

Op op_of(const NodeReader& node) {
  for (const OpName& entry : kElementwise) {
    if (entry.onnx == node.op()) return entry.op;
  }
  WBS_ASSERT(!"the operator table and the names agree");
  return Op::identity;
}

/// A bound of Clip: input `index`, the attribute of opset 6, or `absent`.
double bound(const NodeReader& node, std::size_t index, const char* name, double absent) {
  if (node.has_input(index)) {
    const float value = node.scalar(index, name);
    if (value != value) throw Error(ErrorKind::input, fmt::format("{} is not a number", name));
    return shortest_double(value);
  }
  return node.real(name, absent);
}

}  // namespace

void import_unary(NodeReader& node) {
  node.set_output(node.add(op_of(node), {node.activation(0)}));
}

void import_binary(NodeReader& node) {
  const NodeIndex left = node.activation(0);
  const NodeIndex right = node.activation(1);
  node.set_output(node.add(op_of(node), {left, right}));
}

void import_sum(NodeReader& node) {
  NodeIndex sum = node.activation(0);
  for (std::size_t i = 1; i < node.input_count(); ++i) {
    const bool last = i + 1 == node.input_count();
    const NodeIndex term = node.activation(i);
    sum = node.add_named(last ? node.name() : fmt::format("{}.partial", node.name()), Op::add,
                         {sum, term});
  }
  node.set_output(sum);
}

void import_clip(NodeReader& node) {
  constexpr double kLowest = -3.4028235e+38;  // the bounds of fp32, as ONNX defines the defaults
  Attributes attributes;
  attributes.minimum = bound(node, 1, "min", kLowest);
  attributes.maximum = bound(node, 2, "max", -kLowest);
  node.set_output(node.add(Op::clip, {node.activation(0)}, std::move(attributes)));
}

void import_dropout(NodeReader& node) {
  node.require_outputs(1);
  if (node.has_input(2) && node.scalar(2, "training_mode") != 0.0F) {
    throw Error(ErrorKind::unsupported, "training_mode is on; export the network for inference");
  }
  node.set_output(node.add(Op::dropout, {node.activation(0)}));
}

void import_cast(NodeReader& node) {
  using ::onnx::TensorProto;
  const std::int64_t type = node.integer("to", 0);
  if (type != TensorProto::FLOAT && type != TensorProto::DOUBLE && type != TensorProto::FLOAT16) {
    throw Error(ErrorKind::unsupported,
                fmt::format("casts an activation to type number {}; floating-point types are "
                            "supported (and computed in fp32)",
                            type));
  }
  node.alias_output(0);
}

}  // namespace wbs::networks::onnx_io
