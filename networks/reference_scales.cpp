#include "networks/reference_scales.hpp"

#include <fmt/format.h>

#include <map>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "networks/interpreter.hpp"

namespace wbs::networks {

Quantisation reference_scales(const Graph& graph, const Weights& weights,
                              std::span<const Tensor> images, const QuantisationOptions& options) {
  if (images.empty()) {
    throw Error(ErrorKind::input,
                fmt::format("network '{}': scales need at least one image", graph.name));
  }
  std::map<std::string, RangeEstimator> estimators;
  for (const Tensor& image : images) {
    (void)interpret(graph, weights, image, [&](const Node& node, const Tensor& output) {
      estimators[node.name].add(output.values);
    });
  }
  Quantisation result;
  result.options = options;
  for (const auto& [name, estimator] : estimators) {
    try {
      result.activations[name] = estimator.choose(options);
    } catch (const Error& error) {
      throw Error(error.kind(),
                  fmt::format("network '{}', output of '{}': {}", graph.name, name, error.what()));
    }
  }
  return result;
}

std::vector<Tensor> random_images(const Graph& graph, std::uint64_t seed, std::size_t count) {
  Shape shape = graph.nodes.at(0).attributes.shape;
  if (!shape.empty()) shape[0] = 1;
  Rng rng(seed);
  std::vector<Tensor> images(count, Tensor(shape));
  for (Tensor& image : images) rng.fill_normal(image.values, 0.0F, 1.0F);
  return images;
}

}  // namespace wbs::networks
