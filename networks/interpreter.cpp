#include "networks/interpreter.hpp"

#include <fmt/format.h>

#include <utility>

#include "core/error.hpp"
#include "networks/reference_ops.hpp"
#include "networks/shape_inference.hpp"

namespace wbs::networks {
namespace {

/// The activations of one run and how many readers each still has.
class Run {
 public:
  Run(const Graph& graph, const Weights& weights, const Tensor& input)
      : graph_(graph), weights_(weights), input_(input), values_(graph.nodes.size()) {
    for (const std::vector<NodeIndex>& readers : consumers(graph)) {
      readers_left_.push_back(readers.size());
    }
    ++readers_left_[graph.output];  // the caller
  }

  Tensor all(const Observer& observer) {
    for (NodeIndex index = 0; index < graph_.nodes.size(); ++index) {
      const Node& node = graph_.nodes[index];
      values_[index] = result_of(node);
      WBS_ASSERT(values_[index].shape == node.output_shape);
      if (observer) observer(node, values_[index]);
      for (const NodeIndex input : node.inputs) release(input);
      if (readers_left_[index] == 0) values_[index] = {};
    }
    return std::move(values_[graph_.output]);
  }

 private:
  void release(NodeIndex index) {
    if (--readers_left_[index] == 0) values_[index] = {};
  }
  [[nodiscard]] const Tensor& input(const Node& node, std::size_t index) const {
    return values_[node.inputs[index]];
  }
  /// The first input for an operator that works in place: its memory when nobody else reads it.
  [[nodiscard]] Tensor taken(const Node& node) {
    Tensor& value = values_[node.inputs[0]];
    return readers_left_[node.inputs[0]] == 1 ? std::move(value) : value;
  }
  [[nodiscard]] Tensor reshaped(const Node& node) {
    Tensor value = taken(node);
    value.shape = node.output_shape;
    return value;
  }
  [[nodiscard]] Tensor constant(const Node& node) const {
    if (node.weight_shapes.contains("value")) return weights_.at(weight_key(node, "value"));
    return Tensor(node.output_shape, static_cast<float>(node.attributes.value));
  }
  [[nodiscard]] Tensor concatenated(const Node& node) const {
    std::vector<const Tensor*> parts;
    for (std::size_t part = 0; part < node.inputs.size(); ++part) {
      parts.push_back(&input(node, part));
    }
    return reference::concat(node, parts);
  }

  [[nodiscard]] Tensor result_of(const Node& node) {
    switch (node.op) {
      case Op::input:
        return input_;
      case Op::constant:
        return constant(node);
      case Op::conv:
        return reference::conv(node, input(node, 0), weights_);
      case Op::linear:
        return reference::linear(node, input(node, 0), weights_);
      case Op::batch_norm:
        return reference::batch_norm(node, taken(node), weights_);
      case Op::layer_norm:
        return reference::layer_norm(node, taken(node), weights_);
      case Op::max_pool:
        return reference::max_pool(node, input(node, 0));
      case Op::avg_pool:
        return reference::avg_pool(node, input(node, 0));
      case Op::global_avg_pool:
        return reference::global_avg_pool(node, input(node, 0));
      case Op::relu:
      case Op::clip:
      case Op::sigmoid:
      case Op::erf:
      case Op::sqrt:
      case Op::exp:
      case Op::tanh:
      case Op::gelu:
        return reference::activation(node, taken(node));
      case Op::add:
      case Op::sub:
      case Op::mul:
      case Op::div:
      case Op::pow:
        return reference::elementwise(node, input(node, 0), input(node, 1));
      case Op::matmul:
        return reference::matmul(node, input(node, 0), input(node, 1));
      case Op::concat:
        return concatenated(node);
      case Op::transpose:
        return reference::transpose(node, input(node, 0));
      case Op::softmax:
        return reference::softmax(node, taken(node));
      case Op::reduce_mean:
        return reference::reduce_mean(node, input(node, 0));
      case Op::pad:
        return reference::pad(node, input(node, 0));
      case Op::slice:
        return reference::slice(node, input(node, 0));
      case Op::flatten:
      case Op::reshape:
      case Op::identity:
      case Op::dropout:
        return reshaped(node);
    }
    throw Error(ErrorKind::internal, fmt::format("'{}' has no known operator", node.name));
  }

  const Graph& graph_;
  const Weights& weights_;
  const Tensor& input_;
  std::vector<Tensor> values_;
  std::vector<std::size_t> readers_left_;
};

}  // namespace

Tensor interpret(const Graph& graph, const Weights& weights, const Tensor& input,
                 const Observer& observer) {
  check_structure(graph);
  const Shape& usual = graph.nodes[0].attributes.shape;
  Shape expected = usual;
  if (!expected.empty() && !input.shape.empty()) expected[0] = input.shape[0];
  if (input.shape != expected ||
      element_count(input.shape) != static_cast<std::int64_t>(input.values.size())) {
    throw Error(
        ErrorKind::input,
        fmt::format("network '{}': the input is {} with {} values, expected {} (any batch)",
                    graph.name, to_string(input.shape), input.values.size(), to_string(usual)));
  }
  Graph shaped = graph;
  infer_shapes(shaped, input.shape);
  check_weights(shaped, weights);
  return Run(shaped, weights, input).all(observer);
}

}  // namespace wbs::networks
