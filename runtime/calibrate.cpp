#include "runtime/calibrate.hpp"

#include <fmt/format.h>

#include <cmath>
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

std::map<std::string, ChannelStatistics> batch_norm_statistics(const networks::Graph& graph,
                                                               const networks::Weights& weights,
                                                               const Masks& masks,
                                                               const BatchSource& images,
                                                               BatchNorms mode, int threads) {
  ExecutorOptions options;
  options.threads = threads;
  options.batch_norms = mode;
  return run_all(graph, weights, masks, images, options,
                 [](Executor& executor, const float* input, float* output) {
                   executor.run(input, output);
                 })
      ->statistics();
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
                                            const networks::Weights& weights,
                                            const networks::QuantisationOptions& options) {
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
  return calibrate(graph, weights, {}, source, options, 1);
}

std::int64_t restate_batch_norms(const networks::Graph& graph, networks::Weights& weights,
                                 const Masks& masks, const BatchSource& images, int threads) {
  const auto statistics =
      batch_norm_statistics(graph, weights, masks, images, BatchNorms::measured, threads);
  for (const auto& [name, seen] : statistics) {
    const networks::Node& node = graph.nodes[*networks::find_node(graph, name)];
    const double epsilon = node.attributes.epsilon;
    const auto values = [&](const char* role) -> std::vector<float>& {
      return weights.at(networks::weight_key(node, role)).values;
    };
    for (std::size_t c = 0; c < seen.mean.size(); ++c) {
      const double factor = values("scale")[c] / std::sqrt(double{values("variance")[c]} + epsilon);
      const double offset = values("bias")[c] + factor * (seen.mean[c] - values("mean")[c]);
      values("scale")[c] = static_cast<float>(factor * std::sqrt(seen.variance[c] + epsilon));
      values("bias")[c] = static_cast<float>(offset);
      values("mean")[c] = static_cast<float>(seen.mean[c]);
      values("variance")[c] = static_cast<float>(seen.variance[c]);
    }
  }
  return static_cast<std::int64_t>(statistics.size());
}

std::int64_t recalibrate_batch_norms(const networks::Graph& graph, networks::Weights& weights,
                                     const Masks& masks, const BatchSource& images, int threads) {
  const auto statistics =
      batch_norm_statistics(graph, weights, masks, images, BatchNorms::by_batch, threads);
  for (const auto& [name, seen] : statistics) {
    Tensor& mean = weights.at(name + "/mean");
    Tensor& variance = weights.at(name + "/variance");
    for (std::size_t c = 0; c < seen.mean.size(); ++c) {
      mean.values[c] = static_cast<float>(seen.mean[c]);
      variance.values[c] = static_cast<float>(seen.variance[c]);
    }
  }
  return static_cast<std::int64_t>(statistics.size());
}

}  // namespace wbs::runtime
