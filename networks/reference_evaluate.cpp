// Any node by itself.
#include <fmt/format.h>

#include <utility>

#include "core/error.hpp"
#include "networks/reference_ops.hpp"

namespace wbs::networks::reference {
namespace {

/// The first input for an operator that works in place.
Tensor first(std::span<Tensor* const> inputs, bool take_first) {
  return take_first ? std::move(*inputs[0]) : *inputs[0];
}

Tensor reshaped(const Node& node, Tensor value) {
  value.shape = node.output_shape;
  return value;
}

Tensor constant(const Node& node, const Weights& weights) {
  if (node.weight_shapes.contains("value")) return weights.at(weight_key(node, "value"));
  return Tensor(node.output_shape, static_cast<float>(node.attributes.value));
}

}  // namespace

Tensor evaluate(const Node& node, std::span<Tensor* const> inputs, bool take_first,
                const Weights& weights) {
  switch (node.op) {
    case Op::input:
      break;
    case Op::constant:
      return constant(node, weights);
    case Op::conv:
      return conv(node, *inputs[0], weights);
    case Op::linear:
      return linear(node, *inputs[0], weights);
    case Op::batch_norm:
      return batch_norm(node, first(inputs, take_first), weights);
    case Op::layer_norm:
      return layer_norm(node, first(inputs, take_first), weights);
    case Op::max_pool:
      return max_pool(node, *inputs[0]);
    case Op::avg_pool:
      return avg_pool(node, *inputs[0]);
    case Op::global_avg_pool:
      return global_avg_pool(node, *inputs[0]);
    case Op::relu:
    case Op::clip:
    case Op::sigmoid:
    case Op::erf:
    case Op::sqrt:
    case Op::exp:
    case Op::tanh:
    case Op::gelu:
      return activation(node, first(inputs, take_first));
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::div:
    case Op::pow:
      return elementwise(node, *inputs[0], *inputs[1]);
    case Op::matmul:
      return matmul(node, *inputs[0], *inputs[1]);
    case Op::concat:
      return concat(node, {inputs.begin(), inputs.end()});
    case Op::transpose:
      return transpose(node, *inputs[0]);
    case Op::softmax:
      return softmax(node, first(inputs, take_first));
    case Op::reduce_mean:
      return reduce_mean(node, *inputs[0]);
    case Op::pad:
      return pad(node, *inputs[0]);
    case Op::slice:
      return slice(node, *inputs[0]);
    case Op::flatten:
    case Op::reshape:
    case Op::identity:
    case Op::dropout:
      return reshaped(node, first(inputs, take_first));
  }
  throw Error(ErrorKind::internal, fmt::format("'{}' has no value by itself", node.name));
}

}  // namespace wbs::networks::reference
