#include "networks/fold.hpp"

#include <cmath>
#include <utility>

namespace wbs::networks {
namespace {

/// A layer and the batch norm that can be folded into it.
struct Pair {
  NodeIndex layer;
  NodeIndex norm;
};

bool takes_batch_norm(const Node& node) {
  // A linear layer's features are the channels of a batch norm only where they are axis 1.
  return node.op == Op::conv || (node.op == Op::linear && node.output_shape.size() == 2);
}

std::vector<Pair> foldable_pairs(const Graph& graph) {
  const std::vector<std::vector<NodeIndex>> readers = consumers(graph);
  std::vector<Pair> pairs;
  for (NodeIndex norm = 0; norm < graph.nodes.size(); ++norm) {
    const Node& node = graph.nodes[norm];
    if (node.op != Op::batch_norm) continue;
    const NodeIndex layer = node.inputs[0];
    const bool only_reader = readers[layer].size() == 1 && graph.output != layer;
    if (only_reader && takes_batch_norm(graph.nodes[layer])) pairs.push_back({layer, norm});
  }
  return pairs;
}

/// The graph without the nodes for which `removed` is set; who read one reads its first input.
Graph without(const Graph& graph, const std::vector<bool>& removed) {
  Graph kept;
  kept.name = graph.name;
  std::vector<NodeIndex> now_at(graph.nodes.size());
  for (NodeIndex index = 0; index < graph.nodes.size(); ++index) {
    if (removed[index]) {
      now_at[index] = now_at[graph.nodes[index].inputs[0]];
      continue;
    }
    now_at[index] = kept.nodes.size();
    Node node = graph.nodes[index];
    for (NodeIndex& input : node.inputs) input = now_at[input];
    kept.nodes.push_back(std::move(node));
  }
  kept.output = now_at[graph.output];
  return kept;
}

Graph folded(const Graph& graph, const std::vector<Pair>& pairs) {
  std::vector<bool> removed(graph.nodes.size(), false);
  for (const Pair& pair : pairs) removed[pair.norm] = true;
  Graph result = graph;
  for (const Pair& pair : pairs) {
    Node& layer = result.nodes[pair.layer];
    layer.weight_shapes["bias"] = {layer.weight_shapes.at("weight")[0]};
  }
  return without(result, removed);
}

/// y = (x - mean) factor + bias with factor = scale / sqrt(variance + epsilon).
void fold_values(const Graph& graph, const Pair& pair, Weights& weights) {
  const Node& layer = graph.nodes[pair.layer];
  const Node& norm = graph.nodes[pair.norm];
  const auto values = [&](const char* role) -> const std::vector<float>& {
    return weights.at(weight_key(norm, role)).values;
  };
  Tensor& weight = weights.at(weight_key(layer, "weight"));
  Tensor& bias = weights[weight_key(layer, "bias")];
  if (!layer.weight_shapes.contains("bias")) bias = Tensor({weight.shape[0]});
  const std::size_t channels = bias.values.size();
  const std::size_t terms = weight.values.size() / channels;
  for (std::size_t channel = 0; channel < channels; ++channel) {
    const double factor =
        values("scale")[channel] / std::sqrt(values("variance")[channel] + norm.attributes.epsilon);
    for (std::size_t term = channel * terms; term < (channel + 1) * terms; ++term) {
      weight.values[term] = static_cast<float>(weight.values[term] * factor);
    }
    const double centred = double{bias.values[channel]} - values("mean")[channel];
    bias.values[channel] = static_cast<float>(centred * factor + values("bias")[channel]);
  }
  for (const auto& [role, shape] : norm.weight_shapes) weights.erase(weight_key(norm, role));
}

}  // namespace

void fold_batch_norms(Graph& graph, Weights& weights) {
  check_structure(graph);
  check_weights(graph, weights);
  // A second batch norm behind the first one is folded in the next round.
  for (std::vector<Pair> pairs = foldable_pairs(graph); !pairs.empty();
       pairs = foldable_pairs(graph)) {
    for (const Pair& pair : pairs) fold_values(graph, pair, weights);
    graph = folded(graph, pairs);
  }
}

Graph fold_batch_norms(const Graph& graph) {
  check_structure(graph);
  Graph result = graph;
  for (std::vector<Pair> pairs = foldable_pairs(result); !pairs.empty();
       pairs = foldable_pairs(result)) {
    result = folded(result, pairs);
  }
  return result;
}

Graph remove_identities(const Graph& graph) {
  check_structure(graph);
  std::vector<bool> removed;
  for (const Node& node : graph.nodes) {
    removed.push_back(node.op == Op::identity || node.op == Op::dropout);
  }
  return without(graph, removed);
}

}  // namespace wbs::networks
