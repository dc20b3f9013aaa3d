#include "networks/cost.hpp"

#include <fmt/format.h>

#include "core/error.hpp"

namespace wbs::networks {
namespace {

std::int64_t checked_sum(std::int64_t left, std::int64_t right) {
  if (__builtin_add_overflow(left, right, &left)) {
    throw Error(ErrorKind::input, "the network's cost does not fit into 64 bits");
  }
  return left;
}

std::int64_t checked_product(std::int64_t left, std::int64_t right) {
  if (__builtin_mul_overflow(left, right, &left)) {
    throw Error(ErrorKind::input, "the network's cost does not fit into 64 bits");
  }
  return left;
}

std::int64_t macs_of(const Graph& graph, const Node& node) {
  const std::int64_t outputs = element_count(node.output_shape);
  switch (node.op) {
    case Op::conv: {
      const Shape& weight = node.weight_shapes.at("weight");
      return checked_product(outputs, element_count({weight[1], weight[2], weight[3]}));
    }
    case Op::linear:
      return checked_product(outputs, node.weight_shapes.at("weight")[1]);
    case Op::matmul:
      return checked_product(outputs, graph.nodes[node.inputs[0]].output_shape.back());
    default:
      return 0;
  }
}

bool is_parameter(const Node& node, const std::string& role) {
  if (node.op == Op::constant) return node.attributes.learned;
  return role == "weight" || role == "bias" || role == "scale";
}

NodeCost node_cost(const Graph& graph, const Node& node, const ElementSizes& sizes) {
  NodeCost cost;
  cost.macs = macs_of(graph, node);
  for (const auto& [role, shape] : node.weight_shapes) {
    const std::int64_t count = element_count(shape);
    if (is_parameter(node, role)) cost.parameters = checked_sum(cost.parameters, count);
    cost.weight_bytes = checked_sum(cost.weight_bytes, checked_product(count, sizes.weight_bytes));
  }
  for (const NodeIndex input : node.inputs) {
    const std::int64_t count = element_count(graph.nodes[input].output_shape);
    cost.input_bytes =
        checked_sum(cost.input_bytes, checked_product(count, sizes.activation_bytes));
  }
  cost.output_bytes = checked_product(element_count(node.output_shape), sizes.activation_bytes);
  return cost;
}

}  // namespace

NodeCost& NodeCost::operator+=(const NodeCost& other) {
  macs = checked_sum(macs, other.macs);
  parameters = checked_sum(parameters, other.parameters);
  weight_bytes = checked_sum(weight_bytes, other.weight_bytes);
  input_bytes = checked_sum(input_bytes, other.input_bytes);
  output_bytes = checked_sum(output_bytes, other.output_bytes);
  return *this;
}

Cost cost_of(const Graph& graph, const ElementSizes& sizes) {
  Cost cost;
  cost.nodes.reserve(graph.nodes.size());
  for (const Node& node : graph.nodes) {
    cost.nodes.push_back(node_cost(graph, node, sizes));
    cost.total += cost.nodes.back();
  }
  return cost;
}

}  // namespace wbs::networks
