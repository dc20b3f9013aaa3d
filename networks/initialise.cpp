#include "networks/initialise.hpp"

#include <fmt/format.h>

#include <cmath>

#include "core/error.hpp"
#include "core/rng.hpp"

namespace wbs::networks {
namespace {

Tensor normal_tensor(const Shape& shape, std::uint64_t seed, const std::string& key,
                     double deviation) {
  Tensor tensor(shape);
  Rng rng(seed, stream_of(key.data(), key.size()));
  rng.fill_normal(tensor.values, 0.0F, static_cast<float>(deviation));
  return tensor;
}

Tensor initial_tensor(const Graph& graph, const Node& node, const std::string& role,
                      std::uint64_t seed) {
  const Shape& shape = node.weight_shapes.at(role);
  const std::string key = weight_key(node, role);
  if (node.op == Op::constant) {
    if (!node.attributes.learned) {
      throw Error(ErrorKind::input,
                  fmt::format("network '{}': constant '{}' is part of the network's definition and "
                              "has no value; expected it among the known weights",
                              graph.name, node.name));
    }
    return normal_tensor(shape, seed, key, 0.02);
  }
  if (role == "weight") {
    const std::int64_t fan_in = element_count(Shape(shape.begin() + 1, shape.end()));
    return normal_tensor(shape, seed, key, std::sqrt(2.0 / static_cast<double>(fan_in)));
  }
  return Tensor(shape, role == "scale" || role == "variance" ? 1.0F : 0.0F);
}

}  // namespace

Weights initialise(const Graph& graph, std::uint64_t seed, Weights known) {
  for (const Node& node : graph.nodes) {
    for (const auto& [role, shape] : node.weight_shapes) {
      const std::string key = weight_key(node, role);
      if (!known.contains(key)) known[key] = initial_tensor(graph, node, role, seed);
    }
  }
  check_weights(graph, known);
  return known;
}

}  // namespace wbs::networks
