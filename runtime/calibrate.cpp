#include "runtime/calibrate.hpp"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <span>
#include <string>

#include "core/error.hpp"
#include "core/rng.hpp"

namespace wbs::runtime {
namespace {

/// Feeds a step's fp32 result to the estimator of its name.
void collect(const StepView& step, std::map<std::string, networks::RangeEstimator>& estimators) {
  if (step.info.kind == StepKind::convert) return;
  networks::RangeEstimator& estimator = estimators[step.value.name];
  const auto* values = static_cast<const float*>(step.data);
  if (!step.value.planes) {
    estimator.add({values, static_cast<std::size_t>(element_count(step.value.shape))});
    return;
  }
  const kernels::Planes& planes = *step.value.planes;
  for (std::int64_t channel = 0; channel < planes.channels; ++channel) {
    estimator.add({values + channel * planes.stride, static_cast<std::size_t>(planes.pixels())});
  }
}

/// Runs all batches of `images` through an executor that is planned for their size.
template <typename Run>
std::optional<Executor> run_all(const networks::Graph& graph, const networks::Weights& weights,
                                const Masks& masks, const BatchSource& images,
                                ExecutorOptions options, Run run) {
  std::optional<Executor> executor;
  std::vector<float> output;
  while (const Tensor* batch = images()) {
    if (!executor) {
      options.batch = batch->shape.at(0);
      executor.emplace(graph, weights, masks, options);
      output.resize(static_cast<std::size_t>(element_count(executor->output_shape())));
    }
    if (batch->shape != executor->input_shape()) {
      throw Error(ErrorKind::input, fmt::format("network '{}': images of {} after ones of {}",
                                                graph.name, wbs::to_string(batch->shape),
                                                wbs::to_string(executor->input_shape())));
    }
    run(*executor, batch->values.data(), output.data());
  }
  if (!executor) {
    throw Error(ErrorKind::input,
                fmt::format("network '{}': calibration needs at least one image", graph.name));
  }
  return executor;
}

}  // namespace

networks::Quantisation calibrate(const networks::Graph& graph, const networks::Weights& weights,
                                 const Masks& masks, const BatchSource& images,
                                 const networks::QuantisationOptions& options, int threads) {
  std::map<std::string, networks::RangeEstimator> estimators;
  ExecutorOptions execution;
  execution.threads = threads;
  (void)run_all(graph, weights, masks, images, execution,
                [&](Executor& executor, const float* input, float* output) {
                  executor.run(input, output,
                               [&](const StepView& step) { collect(step, estimators); });
                });
  networks::Quantisation result;
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

networks::Quantisation nominal_quantisation(const networks::Graph& graph,
                                            const networks::Weights& weights) {
  Shape shape = graph.nodes.at(0).attributes.shape;
  if (!shape.empty()) shape[0] = 1;
  Tensor image(shape);
  Rng rng(1);
  std::int64_t left = 2;
  const auto source = [&]() -> const Tensor* {
    if (left-- == 0) return nullptr;
    rng.fill_normal(image.values, 0.0F, 1.0F);
    return &image;
  };
  return calibrate(graph, weights, {}, source, {networks::RangeMethod::maximum, false}, 1);
}

std::int64_t recalibrate_batch_norms(const networks::Graph& graph, networks::Weights& weights,
                                     const Masks& masks, const BatchSource& images, int threads) {
  ExecutorOptions options;
  options.threads = threads;
  options.batch_statistics = true;
  const auto executor = run_all(
      graph, weights, masks, images, options,
      [](Executor& runner, const float* input, float* output) { runner.run(input, output); });
  std::int64_t norms = 0;
  for (const auto& [name, statistics] : executor->statistics()) {
    Tensor& mean = weights.at(name + "/mean");
    Tensor& variance = weights.at(name + "/variance");
    const auto count = static_cast<double>(statistics.count);
    const double unbiased = statistics.count > 1 ? count / (count - 1.0) : 1.0;
    for (std::size_t c = 0; c < statistics.mean.size(); ++c) {
      mean.values[c] = static_cast<float>(statistics.mean[c]);
      variance.values[c] = static_cast<float>(statistics.variance[c] * unbiased);
    }
    ++norms;
  }
  return norms;
}

}  // namespace wbs::runtime
