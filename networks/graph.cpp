#include "networks/graph.hpp"

#include <fmt/format.h>

#include <array>
#include <set>
#include <utility>

#include "core/error.hpp"

namespace wbs::networks {
namespace {

constexpr std::array<std::pair<Op, std::string_view>, 33> kOpNames{{
    {Op::input, "input"},
    {Op::conv, "conv"},
    {Op::linear, "linear"},
    {Op::batch_norm, "batch_norm"},
    {Op::relu, "relu"},
    {Op::clip, "clip"},
    {Op::sigmoid, "sigmoid"},
    {Op::erf, "erf"},
    {Op::sqrt, "sqrt"},
    {Op::exp, "exp"},
    {Op::tanh, "tanh"},
    {Op::max_pool, "max_pool"},
    {Op::avg_pool, "avg_pool"},
    {Op::global_avg_pool, "global_avg_pool"},
    {Op::add, "add"},
    {Op::sub, "sub"},
    {Op::mul, "mul"},
    {Op::div, "div"},
    {Op::pow, "pow"},
    {Op::matmul, "matmul"},
    {Op::concat, "concat"},
    {Op::flatten, "flatten"},
    {Op::reshape, "reshape"},
    {Op::transpose, "transpose"},
    {Op::softmax, "softmax"},
    {Op::reduce_mean, "reduce_mean"},
    {Op::pad, "pad"},
    {Op::slice, "slice"},
    {Op::layer_norm, "layer_norm"},
    {Op::gelu, "gelu"},
    {Op::constant, "constant"},
    {Op::identity, "identity"},
    {Op::dropout, "dropout"},
}};

}  // namespace

std::string weight_key(const Node& node, std::string_view role) {
  return fmt::format("{}/{}", node.name, role);
}

std::string_view op_name(Op op) noexcept {
  for (const auto& [known, name] : kOpNames) {
    if (known == op) return name;
  }
  return "unknown";
}

std::optional<Op> op_from_name(std::string_view name) noexcept {
  for (const auto& [op, known] : kOpNames) {
    if (known == name) return op;
  }
  return std::nullopt;
}

std::optional<NodeIndex> find_node(const Graph& graph, std::string_view name) {
  for (NodeIndex index = 0; index < graph.nodes.size(); ++index) {
    if (graph.nodes[index].name == name) return index;
  }
  return std::nullopt;
}

std::vector<std::vector<NodeIndex>> consumers(const Graph& graph) {
  std::vector<std::vector<NodeIndex>> readers(graph.nodes.size());
  for (NodeIndex index = 0; index < graph.nodes.size(); ++index) {
    for (const NodeIndex input : graph.nodes[index].inputs) readers[input].push_back(index);
  }
  return readers;
}

void check_structure(const Graph& graph) {
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorKind::input, fmt::format("network '{}': {}", graph.name, what));
  };
  if (graph.nodes.empty() || graph.nodes[0].op != Op::input) {
    fail("the first node must be the input");
  }
  if (graph.output >= graph.nodes.size()) fail("the output is not one of the nodes");
  std::set<std::string_view> names;
  for (NodeIndex index = 0; index < graph.nodes.size(); ++index) {
    const Node& node = graph.nodes[index];
    if (node.name.empty()) fail(fmt::format("node {} has no name", index));
    if (!names.insert(node.name).second) {
      fail(fmt::format("two nodes are called '{}'; names must be unique", node.name));
    }
    if (index > 0 && node.op == Op::input) {
      fail(fmt::format("'{}' is a second input; one is expected", node.name));
    }
    for (const NodeIndex input : node.inputs) {
      if (input >= index) {
        fail(fmt::format("'{}' reads node {}, which does not come before it", node.name, input));
      }
    }
  }
}

void check_weights(const Graph& graph, const Weights& weights) {
  for (const Node& node : graph.nodes) {
    for (const auto& [role, shape] : node.weight_shapes) {
      const std::string key = weight_key(node, role);
      const auto found = weights.find(key);
      if (found == weights.end()) {
        throw Error(ErrorKind::input,
                    fmt::format("network '{}': the weights have no tensor '{}' ({})", graph.name,
                                key, to_string(shape)));
      }
      if (found->second.shape != shape) {
        throw Error(ErrorKind::input,
                    fmt::format("network '{}': weight '{}' is {}, expected {}", graph.name, key,
                                to_string(found->second.shape), to_string(shape)));
      }
    }
  }
}

}  // namespace wbs::networks
