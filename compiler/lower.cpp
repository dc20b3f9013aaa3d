#include "compiler/lower.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "core/error.hpp"

namespace wbs::compiler {
namespace {

using networks::Node;
using networks::Op;

constexpr int kNetworkInput = -1;
constexpr int kConstant = -2;

/// Image [n][c][h][w] -> h x w x c; tokens [n][t][c] -> 1 x t x c; vector [n][c] -> 1 x 1 x c.
aie::Extent extent_of(const Shape& shape) {
  aie::Extent extent{1, 1, 1};
  if (shape.size() >= 4) {
    extent = {shape[shape.size() - 2], shape[shape.size() - 1], shape[1]};
  } else if (shape.size() == 3) {
    extent = {1, shape[1], shape[2]};
  } else if (shape.size() == 2) {
    extent = {1, 1, shape[1]};
  }
  return extent;
}

class Lowering {
 public:
  Lowering(const networks::Graph& graph, const Densities& densities)
      : graph_(graph), densities_(densities), made_by_(graph.nodes.size(), kNetworkInput) {
    list_.network = graph.name;
  }

  LayerList run() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) made_by_[i] = place(graph_.nodes[i]);
    shortcuts_first();
    mark_concats();
    for (const std::string& op : approximated_)
      list_.notes.push_back(fmt::format("{} runs fused with its producer, at no cost", op));
    return std::move(list_);
  }

 private:
  /// Appends the layer of `node`, or finds the layer it is fused into; returns that layer's index.
  int place(const Node& node) {
    switch (node.op) {
      case Op::input:
        return kNetworkInput;
      case Op::constant:
        return kConstant;
      case Op::conv:
        return place_conv(node);
      case Op::linear:
        return place_linear(node);
      case Op::matmul:
        return place_matmul(node);
      case Op::max_pool:
        return place_pool(node, aie::LayerKind::max_pool);
      case Op::avg_pool:
        return place_pool(node, aie::LayerKind::avg_pool);
      case Op::global_avg_pool:
        return place_global_pool(node);
      case Op::reduce_mean:
        return is_spatial_mean(node) ? place_global_pool(node) : fuse(node);
      case Op::add:
      case Op::sub:
      case Op::mul:
      case Op::div:
        return place_elementwise(node);
      case Op::concat:
        return place_concat(node);
      case Op::softmax:
        approximated_.insert("softmax");
        return fuse(node);
      case Op::layer_norm:
        approximated_.insert("layer normalisation");
        return fuse(node);
      default:
        return fuse(node);
    }
  }

  int producer(const Node& node, std::size_t operand) const {
    return made_by_[node.inputs[operand]];
  }

  const Shape& input_shape(const Node& node, std::size_t operand = 0) const {
    return graph_.nodes[node.inputs[operand]].output_shape;
  }

  /// The first operand that is not a constant: the layer that `node` is fused into.
  int fuse(const Node& node) const {
    for (std::size_t i = 0; i < node.inputs.size(); ++i)
      if (producer(node, i) != kConstant) return producer(node, i);
    return kConstant;
  }

  int append(Layer layer) {
    list_.layers.push_back(std::move(layer));
    return static_cast<int>(list_.layers.size()) - 1;
  }

  Layer start(const Node& node, aie::LayerKind kind) const {
    Layer layer;
    layer.name = node.name;
    layer.kind = kind;
    layer.producers = {fuse(node)};
    layer.input = extent_of(input_shape(node));
    layer.output = extent_of(node.output_shape);
    return layer;
  }

  static aie::Window window_of(const networks::Attributes& a) {
    return {a.kernel[0], a.kernel[1], a.stride[0], a.stride[1], a.padding.top, a.padding.left};
  }

  LayerDensity density_of(const Layer& layer) const {
    const auto named = densities_.by_layer.find(layer.name);
    if (named != densities_.by_layer.end()) return named->second;
    if (layer.kind == aie::LayerKind::conv && layer.groups == 1) return densities_.convolutions;
    return {};
  }

  int place_conv(const Node& node) {
    const networks::Attributes& a = node.attributes;
    if (a.dilation != std::array<std::int64_t, 2>{1, 1})
      throw Error(ErrorKind::unsupported,
                  fmt::format("node '{}': the AIE2 tiler has no dilated convolution", node.name));
    if (node.output_shape.size() != 4)
      throw Error(
          ErrorKind::unsupported,
          fmt::format("node '{}': a convolution over an image was expected, its output is {}",
                      node.name, to_string(node.output_shape)));
    Layer layer = start(node, aie::LayerKind::conv);
    layer.window = window_of(a);
    layer.groups = a.groups;
    layer.first = layer.producers.front() == kNetworkInput;
    if (!layer.first) layer.density = density_of(layer);
    return append(std::move(layer));
  }

  int place_linear(const Node& node) {
    Layer layer = start(node, aie::LayerKind::fully_connected);
    const Shape& in = input_shape(node);
    const std::int64_t features = in.back();
    const std::int64_t vectors = element_count(in) / std::max<std::int64_t>(features, 1);
    layer.input = {1, vectors, features};
    layer.output = {1, vectors, node.output_shape.back()};
    layer.density = density_of(layer);
    return append(std::move(layer));
  }

  /// A product of two activations: the second operand is loaded as weights, one group per matrix.
  int place_matmul(const Node& node) {
    const Shape& a = input_shape(node, 0);
    const Shape& b = input_shape(node, 1);
    if (a.size() < 2 || b.size() < 2)
      throw Error(
          ErrorKind::unsupported,
          fmt::format("node '{}': matmul of a vector has no place on the array", node.name));
    const std::int64_t k = a.back();
    const std::int64_t m = a[a.size() - 2];
    const std::int64_t n = b.back();
    const bool batched = b.size() > 2 && element_count(b) > k * n;
    const std::int64_t matrices = batched ? element_count(b) / (k * n) : 1;
    const std::int64_t rows = element_count(a) / (k * matrices);
    Layer layer = start(node, aie::LayerKind::fully_connected);
    if (producer(node, 0) != kConstant && producer(node, 1) != kConstant)
      layer.producers = {producer(node, 0), producer(node, 1)};
    layer.groups = matrices;
    layer.input = {1, batched ? m : rows, k * matrices};
    layer.output = {1, batched ? m : rows, n * matrices};
    layer.density = density_of(layer);
    return append(std::move(layer));
  }

  int place_pool(const Node& node, aie::LayerKind kind) {
    Layer layer = start(node, kind);
    layer.window = window_of(node.attributes);
    const bool whole = layer.window.kh >= layer.input.h && layer.window.kw >= layer.input.w &&
                       layer.output.h == 1 && layer.output.w == 1;
    if (kind == aie::LayerKind::avg_pool && whole) return place_global_pool(node);
    return append(std::move(layer));
  }

  int place_global_pool(const Node& node) {
    Layer layer = start(node, aie::LayerKind::global_avg_pool);
    layer.window = {layer.input.h, layer.input.w, 1, 1, 0, 0};
    layer.output = {1, 1, layer.input.c};
    return append(std::move(layer));
  }

  bool is_spatial_mean(const Node& node) const {
    std::vector<std::int64_t> axes = node.attributes.axes;
    for (std::int64_t& axis : axes)
      if (axis < 0) axis += static_cast<std::int64_t>(input_shape(node).size());
    std::sort(axes.begin(), axes.end());
    return input_shape(node).size() == 4 && axes == std::vector<std::int64_t>{2, 3};
  }

  int place_elementwise(const Node& node) {
    std::vector<int> producers;
    for (std::size_t i = 0; i < node.inputs.size(); ++i)
      if (producer(node, i) != kConstant) producers.push_back(producer(node, i));
    if (producers.size() < 2) return fuse(node);
    Layer layer = start(node, aie::LayerKind::add);
    layer.producers = std::move(producers);
    layer.input = layer.output;
    return append(std::move(layer));
  }

  int place_concat(const Node& node) {
    Layer layer = start(node, aie::LayerKind::concat);
    layer.producers.clear();
    for (std::size_t i = 0; i < node.inputs.size(); ++i)
      if (producer(node, i) != kConstant) layer.producers.push_back(producer(node, i));
    if (layer.producers.empty()) return kConstant;
    layer.input = layer.output;
    return append(std::move(layer));
  }

  /// A convolution on the shortcut of a residual block runs before the main path, as in the
  /// authors' logs: what stays in the memtiles, and so the time, depends on the order.
  void shortcuts_first() {
    const std::size_t count = list_.layers.size();
    std::vector<std::vector<std::size_t>> consumers(count);
    for (std::size_t i = 0; i < count; ++i)
      for (const int p : list_.layers[i].producers)
        if (p >= 0) consumers[static_cast<std::size_t>(p)].push_back(i);
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (std::size_t i = 0; i < count; ++i) {
      const Layer& layer = list_.layers[i];
      if (layer.kind != aie::LayerKind::conv || layer.producers.front() < 0 ||
          consumers[i].size() != 1 ||
          list_.layers[consumers[i].front()].kind != aie::LayerKind::add)
        continue;
      const std::size_t main_path =
          consumers[static_cast<std::size_t>(layer.producers.front())].front();
      if (main_path < i) move_before(order, i, main_path);
    }
    reorder(order);
  }

  static void move_before(std::vector<std::size_t>& order, std::size_t moved, std::size_t target) {
    const auto from = std::find(order.begin(), order.end(), moved);
    const auto to = std::find(order.begin(), from, target);
    std::rotate(to, from, from + 1);
  }

  void reorder(const std::vector<std::size_t>& order) {
    std::vector<int> place(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = static_cast<int>(i);
    std::vector<Layer> layers;
    layers.reserve(order.size());
    for (const std::size_t i : order) layers.push_back(std::move(list_.layers[i]));
    for (Layer& layer : layers)
      for (int& p : layer.producers)
        if (p >= 0) p = place[static_cast<std::size_t>(p)];
    list_.layers = std::move(layers);
  }

  /// Tells every layer whose output is a part of a channel concat how many channels that has.
  void mark_concats() {
    for (const Layer& concat : list_.layers) {
      if (concat.kind != aie::LayerKind::concat) continue;
      for (const int p : concat.producers) {
        if (p < 0) continue;
        std::int64_t& channels = list_.layers[static_cast<std::size_t>(p)].concat_channels;
        channels = std::max(channels, concat.output.c);
      }
    }
  }

  const networks::Graph& graph_;
  const Densities& densities_;
  std::vector<int> made_by_;
  std::set<std::string> approximated_;
  LayerList list_;
};

}  // namespace

std::int64_t dense_macs(const Layer& layer) {
  if (layer.kind != aie::LayerKind::conv && layer.kind != aie::LayerKind::fully_connected) return 0;
  return layer.output.h * layer.output.w * layer.output.c * (layer.input.c / layer.groups) *
         layer.window.kh * layer.window.kw;
}

LayerList lower(const networks::Graph& graph, const Densities& densities) {
  return Lowering(graph, densities).run();
}

}  // namespace wbs::compiler
