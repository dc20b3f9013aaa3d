#include "trainers/main/measure_session.hpp"

#include <torch/torch.h>

#include "core/error.hpp"
#include "networks/initialise.hpp"
#include "networks/text_form.hpp"
#include "networks/zoo.hpp"
#include "trainers/main/backend_choice.hpp"
#include "trainers/main/session.hpp"
#include "trainers/step_bench.hpp"

namespace wbs::trainers {
namespace {

networks::Graph graph_of(const TrainRequest& request) {
  if (!request.graph.empty()) return value_or_throw(networks::parse_graph(request.graph));
  const std::vector<std::int64_t> input =
      request.input.empty() ? std::vector<std::int64_t>{3, 32, 32} : request.input;
  return networks::build_network(
      request.network,
      {.input = std::array<std::int64_t, 3>{input[0], input[1], input[2]}, .classes = 10});
}

nlohmann::json measure_layer(const TrainRequest& request) {
  LayerBench bench;
  bench.batch = request.recipe.batch;
  bench.in = request.measure.product[0];
  bench.out = request.measure.product[1];
  bench.size = request.measure.product[2];
  bench.kernel = request.measure.product[3];
  bench.pattern = request.pattern;
  bench.runs = request.measure.steps;
  ProductShape shape;
  shape.padding = {bench.kernel / 2, bench.kernel / 2};
  const auto dense = dense_backend(shape);
  SparseLayer layer;
  layer.pattern = request.pattern;
  const BackendChooser chooser = backend_chooser(request);
  const auto ours = chooser ? chooser(layer, shape) : dense;
  return measure_products(bench, *ours, *dense);
}

nlohmann::json measure_network(const TrainRequest& request, std::span<const MethodKind> methods) {
  const MethodKind& kind = find_method(methods, request.method);
  if (const auto accepted = kind.accepts(request.pattern); !accepted) {
    throw Error(ErrorKind::unsupported, accepted.error());
  }
  const std::unique_ptr<Method> method = kind.make(request.method_options);
  const std::unique_ptr<Method> dense =
      find_method(methods, "dense").make(nlohmann::json::object());
  StepBench bench;
  bench.graph = graph_of(request);
  bench.seed = static_cast<std::uint64_t>(request.seed);
  bench.weights = networks::initialise(bench.graph, bench.seed);
  bench.choice = {request.pattern, request.linear, request.dense_last};
  bench.recipe = request.recipe;
  bench.device = device_of(request.device);
  bench.method = method.get();
  bench.dense = dense.get();
  bench.backend = backend_chooser(request);
  bench.steps = request.measure.steps;
  return measure_steps(bench);
}

}  // namespace

nlohmann::json measure(const TrainRequest& request, std::span<const MethodKind> methods) {
  make_repeatable(request.threads);
  nlohmann::json result =
      request.measure.product.empty() ? measure_network(request, methods) : measure_layer(request);
  result["event"] = "result";
  result["outcome"] = "passed";
  result["network"] = request.network;
  result["method"] = request.method;
  result["pattern"] = sparsity::to_string(request.pattern);
  result["backend"] = request.backend;
  result["batch"] = request.recipe.batch;
  result["threads"] = request.threads;
  return result;
}

}  // namespace wbs::trainers
