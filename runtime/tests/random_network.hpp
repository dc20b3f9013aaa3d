// Networks for tests: seeded weights that are not the identity, and random graphs.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/rng.hpp"
#include "networks/graph_builder.hpp"
#include "networks/initialise.hpp"

namespace wbs::runtime::testing {

using networks::GraphBuilder;
using networks::NodeIndex;
using networks::Op;

/// Weights whose biases and batch norms do something.
inline networks::Weights lively_weights(const networks::Graph& graph, std::uint64_t seed) {
  networks::Weights weights = networks::initialise(graph, seed);
  Rng rng(seed, 7);
  for (const networks::Node& node : graph.nodes) {
    for (const auto& [role, shape] : node.weight_shapes) {
      if (role == "weight" || role == "value") continue;
      const double centre = role == "scale" || role == "variance" ? 1.0 : 0.0;
      for (float& value : weights.at(networks::weight_key(node, role)).values) {
        value = static_cast<float>(centre + 0.5 * (rng.uniform() - 0.5));
      }
    }
  }
  return weights;
}

inline Tensor random_image(const Shape& shape, std::uint64_t seed) {
  Tensor tensor(shape);
  Rng rng(seed, 3);
  rng.fill_normal(tensor.values, 0.0F, 1.0F);
  return tensor;
}

/// A graph of convolutions, pools, additions, concatenations and activations in random order, of
/// odd sizes, ending in a classifier.
inline networks::Graph random_graph(std::uint64_t seed) {
  Rng rng(seed, 1);
  const auto pick = [&](std::uint64_t bound) {
    return static_cast<std::int64_t>(rng.below(bound));
  };
  GraphBuilder g("random", {1, 1 + pick(5), 9 + pick(9), 9 + pick(9)});
  std::vector<NodeIndex> maps{g.conv("stem", 0,
                                     {.channels = 4 + pick(9),
                                      .kernel = {3, 3},
                                      .stride = {1, 1},
                                      .padding = networks::same_padding(1),
                                      .bias = true})};
  for (int i = 0; i < 12; ++i) {
    const std::string name = "n" + std::to_string(i);
    const NodeIndex x = maps[rng.below(maps.size())];
    const Shape shape = g.shape(x);
    const auto same_size = [&](bool channels_too) {
      std::vector<NodeIndex> found;
      for (const NodeIndex other : maps) {
        const Shape& s = g.shape(other);
        if (s[2] == shape[2] && s[3] == shape[3] && (!channels_too || s[1] == shape[1])) {
          found.push_back(other);
        }
      }
      return found[rng.below(found.size())];
    };
    switch (pick(9)) {
      case 0: {
        const std::int64_t side = 1 + 2 * pick(2);
        maps.push_back(g.conv(name, x,
                              {.channels = shape[1],
                               .kernel = {side, side},
                               .padding = networks::same_padding(side / 2)}));
        break;
      }
      case 1:
        maps.push_back(g.conv(
            name, x,
            {.channels = 3 + pick(10), .kernel = {1, 3}, .padding = {0, 1, 0, 1}, .bias = true}));
        maps.push_back(g.batch_norm(name + ".bn", maps.back()));
        maps.push_back(g.relu(name + ".relu", maps.back()));
        break;
      case 2:
        if (shape[2] < 6 || shape[3] < 6) break;
        maps.push_back(g.max_pool(
            name, x, {.kernel = {3, 3}, .stride = {2, 2}, .padding = networks::same_padding(1)}));
        break;
      case 3:
        maps.push_back(g.avg_pool(name, x,
                                  {.kernel = {3, 3},
                                   .stride = {1, 1},
                                   .padding = networks::same_padding(1),
                                   .count_include_pad = pick(2) == 1}));
        break;
      case 4: {
        const NodeIndex sum = g.binary(Op::add, name, x, same_size(true));
        maps.push_back(pick(2) == 1 ? g.relu(name + ".relu", sum) : sum);
        break;
      }
      case 5: {
        const NodeIndex grown =
            g.conv(name + ".c", x,
                   {.channels = shape[1], .kernel = {3, 3}, .padding = networks::same_padding(1)});
        const NodeIndex sum = g.binary(Op::add, name, grown, same_size(true));
        maps.push_back(g.clip(name + ".clip", sum, 0.0, 6.0));
        break;
      }
      case 6: {
        if (shape[1] > 40) break;
        std::vector<NodeIndex> parts{x, g.conv(name + ".a", x, {.channels = 8})};
        parts.push_back(g.relu(name + ".r", g.conv(name + ".b", x, {.channels = 5 + pick(4)})));
        parts.push_back(same_size(false));
        maps.push_back(g.concat(name, parts));
        break;
      }
      case 7:
        maps.push_back(g.relu(name, x));
        break;
      default:
        maps.push_back(g.conv(name, x,
                              {.channels = shape[1],
                               .kernel = {3, 3},
                               .padding = networks::same_padding(1),
                               .groups = shape[1]}));
        break;
    }
  }
  NodeIndex x = maps.back();
  if (pick(2) == 1) x = g.unary(Op::global_avg_pool, "gap", x);
  x = g.flatten("flatten", x);
  x = g.relu("hidden.relu", g.linear("hidden", x, 13));
  x = g.linear("fc", x, 7);
  if (pick(2) == 1) {
    networks::Node softmax;
    softmax.name = "softmax";
    softmax.op = Op::softmax;
    softmax.inputs = {x};
    softmax.attributes.axis = 1;
    g.add(softmax);
  }
  networks::Graph graph = g.graph();
  graph.output = graph.nodes.size() - 1;
  return graph;
}

inline float largest_magnitude(const Tensor& tensor) {
  float largest = 1e-6F;
  for (const float value : tensor.values) largest = std::max(largest, std::abs(value));
  return largest;
}

inline float largest_difference(const Tensor& a, const Tensor& b) {
  float largest = 0.0F;
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    const float difference = std::abs(a.values[i] - b.values[i]);
    if (!(difference <= largest)) largest = difference;  // NaN is a difference
    if (std::isnan(largest)) break;
  }
  return largest;
}

}  // namespace wbs::runtime::testing
