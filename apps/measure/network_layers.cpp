#include "apps/measure/network_layers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "apps/network_source.hpp"
#include "networks/fold.hpp"

namespace wbs::apps {
namespace {

using kernels::ConvShape;
using networks::Graph;
using networks::Node;
using networks::NodeIndex;
using networks::Op;

ConvShape conv_shape(const Graph& graph, const Node& node, std::int64_t batch) {
  const Shape& in = graph.nodes[node.inputs[0]].output_shape;
  const networks::Attributes& a = node.attributes;
  ConvShape s;
  s.images = in[0] * batch;
  s.in_channels = in[1];
  s.height = in[2];
  s.width = in[3];
  s.out_channels = node.output_shape[1];
  s.kernel = a.kernel;
  s.stride = a.stride;
  s.dilation = a.dilation;
  s.pad_top = a.padding.top;
  s.pad_left = a.padding.left;
  s.pad_bottom = a.padding.bottom;
  s.pad_right = a.padding.right;
  s.groups = a.groups;
  return s;
}

/// A linear layer on rows of its last dimension.
ConvShape linear_shape(const Node& node, std::int64_t batch) {
  const Shape& weight = node.weight_shapes.at("weight");
  ConvShape s;
  s.images = element_count(node.output_shape) / weight[0] * batch;
  s.in_channels = weight[1];
  s.out_channels = weight[0];
  return s;
}

auto key_of(const ConvShape& s) {
  return std::tuple(s.images, s.in_channels, s.height, s.width, s.out_channels, s.kernel, s.stride,
                    s.dilation, s.pad_top, s.pad_left, s.pad_bottom, s.pad_right, s.groups);
}

/// What follows a layer and can run in its epilogue.
struct Follow {
  bool residual = false;
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
  friend auto operator<=>(const Follow&, const Follow&) = default;
};

Follow follow_of(const Graph& graph, const std::vector<std::vector<NodeIndex>>& readers,
                 NodeIndex index) {
  Follow follow;
  while (readers[index].size() == 1) {
    const NodeIndex next = readers[index].front();
    const Node& node = graph.nodes[next];
    if (node.op == Op::relu) {
      follow.low = 0.0F;
      return follow;
    }
    if (node.op == Op::clip) {
      follow.low = static_cast<float>(node.attributes.minimum);
      follow.high = static_cast<float>(node.attributes.maximum);
      return follow;
    }
    // The later operand takes the addition; the other one waits in memory.
    const bool adds =
        node.op == Op::add && !follow.residual &&
        index == std::max(node.inputs[0], node.inputs[1]) &&
        graph.nodes[node.inputs[0]].output_shape == graph.nodes[node.inputs[1]].output_shape;
    if (!adds) return follow;
    follow.residual = true;
    index = next;
  }
  return follow;
}

/// A layer while others of its shape are still counted.
struct Counted {
  DistinctLayer layer;
  std::map<Follow, int> follows;
};

void choose_follow(Counted& counted) {
  const auto most =
      std::max_element(counted.follows.begin(), counted.follows.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  counted.layer.request.residual = most->first.residual;
  counted.layer.request.low = most->first.low;
  counted.layer.request.high = most->first.high;
}

}  // namespace

std::vector<DistinctLayer> distinct_layers(const Graph& original, const LayerSelection& selection) {
  const Graph graph = networks::remove_identities(networks::fold_batch_norms(original));
  const auto readers = networks::consumers(graph);
  std::vector<Counted> found;
  bool first = true;
  for (NodeIndex index = 0; index < graph.nodes.size(); ++index) {
    const Node& node = graph.nodes[index];
    const bool linear = node.op == Op::linear;
    if (node.op != Op::conv && !linear) continue;
    const bool is_first = !linear && std::exchange(first, false);
    if (linear && !selection.linear_too) continue;
    if (node.name.find(selection.filter) == std::string::npos) continue;
    const ConvShape shape =
        linear ? linear_shape(node, selection.batch) : conv_shape(graph, node, selection.batch);
    auto same = std::find_if(found.begin(), found.end(), [&](const Counted& other) {
      return other.layer.linear == linear && !other.layer.first &&
             key_of(other.layer.request.shape) == key_of(shape);
    });
    if (same == found.end()) {
      DistinctLayer layer;
      layer.request.name = node.name;
      layer.request.shape = shape;
      layer.request.element = selection.element;
      layer.node = *networks::find_node(original, node.name);
      layer.linear = linear;
      layer.first = is_first;
      layer.count = 0;
      layer.pruned = is_pruned(original, original.nodes[layer.node], selection.linear_too);
      same = found.insert(found.end(), {std::move(layer), {}});
    }
    ++same->layer.count;
    ++same->follows[follow_of(graph, readers, index)];
  }
  std::vector<DistinctLayer> layers;
  for (Counted& counted : found) {
    choose_follow(counted);
    layers.push_back(std::move(counted.layer));
  }
  return layers;
}

std::string shape_text(const ConvShape& s) {
  std::string text = fmt::format("{}x{}x{} -> {} {}x{}", s.in_channels, s.height, s.width,
                                 s.out_channels, s.kernel[0], s.kernel[1]);
  if (s.stride[0] != 1 || s.stride[1] != 1) text += fmt::format("/{}", s.stride[0]);
  if (s.groups != 1) text += fmt::format(" g{}", s.groups);
  if (s.images != 1) text += fmt::format(" b{}", s.images);
  return text;
}

}  // namespace wbs::apps
