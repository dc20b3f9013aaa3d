#include "networks/onnx/patterns.hpp"

#include <cmath>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "networks/onnx/names.hpp"

namespace wbs::networks::onnx_io {
namespace {

constexpr double kRootOfTwo = 1.4142135623730951;

bool close(double value, double expected) {
  return std::abs(value - expected) <= 1e-5 * std::abs(expected);
}

class Recogniser {
 public:
  Recogniser(Graph& graph, Weights& weights, bool keep_names)
      : graph_(graph), weights_(weights), keep_names_(keep_names), uses_(graph.nodes.size(), 0) {
    for (const Node& node : graph_.nodes) {
      names_.insert(node.name);
      for (const NodeIndex input : node.inputs) ++uses_[input];
    }
    ++uses_[graph_.output];
  }

  void run() {
    for (NodeIndex index = 0; index < graph_.nodes.size(); ++index) {
      const Op op = graph_.nodes[index].op;
      if (op == Op::add && !match_layer_norm(index)) match_linear_bias(index);
      if (op == Op::mul) match_gelu(index);
    }
  }

 private:
  using Pair = std::pair<NodeIndex, NodeIndex>;

  const Node& at(NodeIndex index) const { return graph_.nodes[index]; }
  bool is(NodeIndex index, Op op) const { return at(index).op == op; }
  /// `index` computes `op` and is read `uses` times.
  bool inner(NodeIndex index, Op op, int uses = 1) const {
    return is(index, op) && uses_[index] == uses;
  }

  /// In our own files the pieces of a group are named after it; other groups stay apart there.
  bool is_piece(NodeIndex index, NodeIndex last, const char* word) const {
    return !keep_names_ || at(index).name == at(last).name + word;
  }

  /// The inputs of the two-input node `index` as (other, constant), whichever side has it.
  std::optional<Pair> with_constant(NodeIndex index) const {
    const std::vector<NodeIndex>& inputs = at(index).inputs;
    if (is(inputs[1], Op::constant)) return Pair{inputs[0], inputs[1]};
    if (is(inputs[0], Op::constant)) return Pair{inputs[1], inputs[0]};
    return std::nullopt;
  }

  std::optional<double> scalar(NodeIndex index) const {
    const Node& node = at(index);
    if (node.op != Op::constant) return std::nullopt;
    if (node.weight_shapes.empty()) return node.attributes.value;
    const Tensor& tensor = weights_.at(weight_key(node, "value"));
    if (tensor.values.size() != 1) return std::nullopt;
    return static_cast<double>(tensor.values[0]);
  }

  bool is_vector(NodeIndex index, std::int64_t extent) const {
    return is(index, Op::constant) && at(index).output_shape == Shape{extent};
  }

  /// The input of a mean over the last axis that keeps it.
  std::optional<NodeIndex> last_axis_mean(NodeIndex index) const {
    if (!inner(index, Op::reduce_mean)) return std::nullopt;
    const NodeIndex x = at(index).inputs[0];
    const auto last = static_cast<std::int64_t>(at(x).output_shape.size()) - 1;
    const Attributes& attributes = at(index).attributes;
    if (!attributes.keep_dims || attributes.axes != std::vector<std::int64_t>{last}) {
      return std::nullopt;
    }
    return x;
  }

  /// The input of (square of `index`'s input), where that input is read `uses` times in all.
  std::optional<NodeIndex> squared(NodeIndex index) const {
    const std::vector<NodeIndex>& inputs = at(index).inputs;
    if (inner(index, Op::pow) && scalar(inputs[1]) == 2.0 && uses_[inputs[0]] == 2) {
      return inputs[0];
    }
    if (inner(index, Op::mul) && inputs[0] == inputs[1] && uses_[inputs[0]] == 3) return inputs[0];
    return std::nullopt;
  }

  /// (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon) * scale + bias, ending at `last`.
  bool match_layer_norm(NodeIndex last) {
    const auto sum = with_constant(last);
    if (!sum || !inner(sum->first, Op::mul)) return false;
    const auto product = with_constant(sum->first);
    if (!product || !inner(product->first, Op::div)) return false;
    if (!is_piece(sum->first, last, ".scaled")) return false;
    const NodeIndex centred = at(product->first).inputs[0];
    const NodeIndex deviation = at(product->first).inputs[1];
    if (!is(centred, Op::sub) || !inner(deviation, Op::sqrt)) return false;
    const NodeIndex shifted = at(deviation).inputs[0];
    if (!inner(shifted, Op::add)) return false;
    const auto variance = with_constant(shifted);
    if (!variance || !scalar(variance->second)) return false;
    const auto square = last_axis_mean(variance->first);
    if (!square || squared(*square) != centred) return false;
    const NodeIndex x = at(centred).inputs[0];
    if (last_axis_mean(at(centred).inputs[1]) != x) return false;
    const std::int64_t extent = at(x).output_shape.back();
    if (!is_vector(product->second, extent) || !is_vector(sum->second, extent)) return false;

    Node node;
    node.op = Op::layer_norm;
    node.inputs = {x};
    node.attributes.epsilon = *scalar(variance->second);
    node.weight_shapes = {{"scale", {extent}}, {"bias", {extent}}};
    node.name = better_name(last, product->second);
    weights_[weight_key(node, "scale")] = weights_.at(weight_key(at(product->second), "value"));
    weights_[weight_key(node, "bias")] = weights_.at(weight_key(at(sum->second), "value"));
    replace(last, std::move(node));
    return true;
  }

  /// x * 0.5 * (1 + erf(x / sqrt(2))) with the factors in any order, ending at `last`.
  bool match_gelu(NodeIndex last) {
    const std::vector<NodeIndex>& ends = at(last).inputs;
    for (std::size_t side = 0; side < 2; ++side) {
      if (!inner(ends[side], Op::mul) || !is_piece(ends[side], last, ".product")) continue;
      const std::vector<NodeIndex>& ins = at(ends[side]).inputs;
      for (const auto& [half, x, bell] :
           {std::array{ins[0], ins[1], ends[1 - side]}, std::array{ins[1], ins[0], ends[1 - side]},
            std::array{ends[1 - side], ins[0], ins[1]}, std::array{ends[1 - side], ins[1], ins[0]},
            std::array{ins[0], ends[1 - side], ins[1]},
            std::array{ins[1], ends[1 - side], ins[0]}}) {
        if (scalar(half) != 0.5 || !is_one_plus_erf(bell, x)) continue;
        Node node;
        node.op = Op::gelu;
        node.inputs = {x};
        node.name = at(last).name;
        replace(last, std::move(node));
        return true;
      }
    }
    return false;
  }

  bool is_one_plus_erf(NodeIndex index, NodeIndex x) const {
    if (!inner(index, Op::add)) return false;
    const auto sum = with_constant(index);
    if (!sum || scalar(sum->second) != 1.0 || !inner(sum->first, Op::erf)) return false;
    const NodeIndex scaled = at(sum->first).inputs[0];
    if (!inner(scaled, Op::div) && !inner(scaled, Op::mul)) return false;
    const bool divides = is(scaled, Op::div);
    const auto operands = with_constant(scaled);
    if (!operands || operands->first != x || (divides && at(scaled).inputs[0] != x)) return false;
    const auto factor = scalar(operands->second);
    return factor && close(*factor, divides ? kRootOfTwo : 1.0 / kRootOfTwo);
  }

  bool match_linear_bias(NodeIndex last) {
    const auto sum = with_constant(last);
    if (!sum || !inner(sum->first, Op::linear)) return false;
    const Node& linear = at(sum->first);
    const Node& constant = at(sum->second);
    if (linear.weight_shapes.contains("bias") || !constant.attributes.learned) return false;
    const std::int64_t features = linear.weight_shapes.at("weight")[0];
    if (!is_vector(sum->second, features)) return false;
    if (!is_piece(sum->first, last, ".product")) return false;

    Node node = linear;
    node.name = better_name(last, sum->second);
    node.weight_shapes["bias"] = {features};
    auto weight = weights_.extract(weight_key(linear, "weight"));
    weight.key() = weight_key(node, "weight");
    Tensor bias = weights_.at(weight_key(constant, "value"));
    weights_.insert(std::move(weight));
    weights_[weight_key(node, "bias")] = std::move(bias);
    replace(last, std::move(node));
    return true;
  }

  /// The module path in the name of constant `parameter`, if free; else the name of node `last`.
  std::string better_name(NodeIndex last, NodeIndex parameter) const {
    const std::string path(parameter_prefix(at(parameter).name));
    const bool use = !keep_names_ && !path.empty() && !names_.contains(path);
    return use ? path : at(last).name;
  }

  void replace(NodeIndex index, Node node) {
    node.output_shape = at(index).output_shape;
    names_.erase(at(index).name);
    names_.insert(node.name);
    graph_.nodes[index] = std::move(node);
  }

  Graph& graph_;
  Weights& weights_;
  bool keep_names_;
  std::vector<int> uses_;
  std::set<std::string> names_;
};

}  // namespace

void recognise_patterns(Graph& graph, Weights& weights, bool keep_names) {
  Recogniser(graph, weights, keep_names).run();
}

void remove_unused_nodes(Graph& graph, Weights& weights) {
  std::vector<bool> used(graph.nodes.size(), false);
  used[0] = true;
  used[graph.output] = true;
  for (NodeIndex index = graph.nodes.size(); index-- > 0;) {
    if (!used[index]) continue;
    for (const NodeIndex input : graph.nodes[index].inputs) used[input] = true;
  }
  std::vector<NodeIndex> moved(graph.nodes.size(), 0);
  std::vector<Node> kept;
  for (NodeIndex index = 0; index < graph.nodes.size(); ++index) {
    Node& node = graph.nodes[index];
    if (!used[index]) {
      for (const auto& [role, shape] : node.weight_shapes) weights.erase(weight_key(node, role));
      continue;
    }
    for (NodeIndex& input : node.inputs) input = moved[input];
    moved[index] = kept.size();
    kept.push_back(std::move(node));
  }
  graph.output = moved[graph.output];
  graph.nodes = std::move(kept);
}

}  // namespace wbs::networks::onnx_io
