#include "networks/interpreter.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

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
  [[nodiscard]] Tensor result_of(const Node& node) {
    if (node.op == Op::input) return input_;
    std::vector<Tensor*> inputs;
    for (const NodeIndex input : node.inputs) inputs.push_back(&values_[input]);
    const bool last_reader = !node.inputs.empty() && readers_left_[node.inputs[0]] == 1;
    return reference::evaluate(node, inputs, last_reader, weights_);
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
