// Networks and weights that the tests of this folder share.
#pragma once

#include <cstdint>
#include <utility>

#include "core/rng.hpp"
#include "networks/graph_builder.hpp"

namespace wbs::networks {

/// Seeded values for every weight tensor of `graph`; variances are positive.
inline Weights seeded_weights(const Graph& graph, std::uint64_t seed = 1) {
  Weights weights;
  Rng rng(seed);
  for (const Node& node : graph.nodes) {
    for (const auto& [role, shape] : node.weight_shapes) {
      Tensor tensor(shape);
      for (float& value : tensor.values) {
        value = static_cast<float>(role == "variance" ? 0.5 + rng.uniform() : rng.normal() * 0.2);
      }
      weights[weight_key(node, role)] = std::move(tensor);
    }
  }
  return weights;
}

/// Every image operator of the IR once, from 1x4x9x9 to 1x5.
inline Graph image_operators() {
  GraphBuilder g("images", {1, 4, 9, 9}, "image");
  NodeIndex x = g.conv(
      "stem.conv", g.input(),
      {.channels = 8, .kernel = {3, 2}, .stride = {1, 1}, .padding = {1, 0, 1, 1}, .bias = true});
  x = g.batch_norm("stem.bn", x, 1e-3);
  x = g.relu("stem.relu", x);
  NodeIndex y = g.conv("depthwise", x,
                       {.channels = 8,
                        .kernel = {3, 3},
                        .padding = same_padding(2),
                        .groups = 8,
                        .dilation = {2, 2}});
  y = g.clip("relu6", y, 0.0, 6.0);
  x = g.binary(Op::add, "sum", x, y);
  y = g.max_pool(
      "max", x,
      {.kernel = {3, 3}, .stride = {2, 2}, .padding = same_padding(1), .ceil_mode = true});
  const NodeIndex z = g.avg_pool(
      "average", x,
      {.kernel = {3, 3}, .stride = {2, 2}, .padding = same_padding(1), .count_include_pad = true});
  x = g.concat("join", {y, z});
  x = g.pad("border", x, {0, 0, 1, 0, 0, 0, 0, 2});
  x = g.slice("crop", x, {.axis = 2, .begin = 1, .end = 6, .step = 2});
  x = g.unary(Op::identity, "same", x);
  x = g.unary(Op::dropout, "drop", x);
  x = g.unary(Op::global_avg_pool, "pool", x);
  x = g.flatten("flatten", x);
  return std::move(g).finish(g.linear("fc", x, 5));
}

/// Every other operator of the IR once, on sequences: 1x6x8 to 1x6x3.
inline Graph sequence_operators() {
  GraphBuilder g("sequences", {1, 6, 8});
  const NodeIndex position = g.constant_tensor("position", {1, 6, 8}, true);
  const NodeIndex fixed = g.constant_tensor("fixed", {8}, false);
  NodeIndex x = g.binary(Op::add, "embedded", g.input(), position);
  x = g.binary(Op::mul, "weighted", x, fixed);
  x = g.layer_norm("norm", x, 1e-6);
  NodeIndex y = g.linear("query", x, 8, true);
  y = g.reshape("heads", y, {0, 6, 2, -1});
  y = g.transpose("heads.turned", y, {0, 2, 1, 3});
  const NodeIndex keys = g.transpose("keys", y, {0, 1, 3, 2});
  NodeIndex scores = g.binary(Op::matmul, "scores", y, keys);
  scores = g.binary(Op::mul, "scaled", scores, g.constant("scale", 0.5));
  scores = g.softmax("softmax", scores, 3);
  y = g.binary(Op::matmul, "mixed", scores, y);
  y = g.transpose("back", y, {0, 2, 1, 3});
  y = g.reshape("joined", y, {0, 0, 8});
  y = g.linear("plain", y, 8, false);
  y = g.unary(Op::gelu, "gelu", y);
  y = g.unary(Op::tanh, "tanh", g.unary(Op::erf, "erf", g.unary(Op::sigmoid, "sigmoid", y)));
  y = g.unary(Op::sqrt, "sqrt", g.unary(Op::exp, "exp", y));
  x = g.binary(Op::sub, "difference", x, y);
  x = g.binary(Op::div, "ratio", x, y);
  x = g.binary(Op::pow, "cube", x, g.constant("three", 3.0));
  const NodeIndex mean = g.reduce_mean("mean", x, {1}, true);
  x = g.binary(Op::sub, "centred", x, mean);
  return std::move(g).finish(g.linear("head", x, 3));
}

}  // namespace wbs::networks
