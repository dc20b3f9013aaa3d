// Layers, steps and a tiny loss for the tests of methods.
#pragma once

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/rng.hpp"
#include "sparsity/check.hpp"
#include "trainers/methods/methods.hpp"
#include "trainers/tensors.hpp"

namespace wbs::trainers {

inline torch::Tensor normal(std::vector<std::int64_t> shape, std::uint64_t stream) {
  torch::Tensor result = torch::empty(shape);
  Rng(7, stream).fill_normal({result.data_ptr<float>(), static_cast<std::size_t>(result.numel())},
                             0.0F, 1.0F);
  return result;
}

inline std::string reason_of(const Result<void>& answer) {
  return answer ? std::string() : answer.error();
}

inline sparsity::Pattern pattern_of(const std::string& text) {
  return value_or_throw(sparsity::parse_pattern(text));
}

/// Two convolutions and a linear layer, all with random weights.
inline std::vector<SparseLayer> layers_for(const std::string& pattern) {
  std::vector<SparseLayer> layers;
  const std::vector<std::vector<std::int64_t>> shapes{{32, 16, 3, 3}, {16, 32, 1, 1}, {16, 32}};
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    layers.push_back({"layer" + std::to_string(i), normal(shapes[i], i).requires_grad_(true),
                      pattern_of(pattern), 1000});
  }
  return layers;
}

inline std::unique_ptr<Method> method_of(const std::string& name,
                                         const nlohmann::json& options = nullptr) {
  return find_method(methods(), name).make(options);
}

inline StepInfo step_of(std::int64_t step, std::int64_t epochs = 4,
                        std::int64_t steps_per_epoch = 25) {
  StepInfo info;
  info.step = step;
  info.epochs = epochs;
  info.steps_per_epoch = steps_per_epoch;
  info.epoch = step / steps_per_epoch;
  info.total_steps = epochs * steps_per_epoch;
  info.learning_rate = 0.1;
  return info;
}

/// A training step of `method` in which the loss pulls every FF weight towards a random target.
inline void train_step(Method& method, std::vector<SparseLayer>& layers, const StepInfo& info) {
  {
    const torch::NoGradGuard no_grad;
    method.begin_step(info);
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    SparseLayer& layer = layers[i];
    const torch::Tensor target =
        normal(layer.weight.sizes().vec(), 1000 + 10 * static_cast<std::uint64_t>(info.step) + i);
    const LayerProducts& products = method.products(i);
    torch::Tensor loss;
    layer.weight.mutable_grad().reset();
    if (products.forward_weight.defined() && products.forward_weight.requires_grad()) {
      loss = (products.forward_weight - target).square().mean();
      loss.backward();
      continue;
    }
    const torch::Tensor seen =
        products.forward_weight.defined() ? products.forward_weight : layer.weight.detach();
    torch::Tensor gradient = (seen - target) * 0.1;
    if (products.weight_gradient_mask.defined()) gradient.mul_(products.weight_gradient_mask);
    layer.weight.mutable_grad() = gradient;
  }
  for (torch::Tensor parameter : method.parameters()) {
    if (parameter.grad().defined()) parameter.mutable_grad().zero_();
  }
  const torch::Tensor penalty = method.penalty();
  if (penalty.defined()) penalty.backward();
  method.before_update();
  const torch::NoGradGuard no_grad;
  for (SparseLayer& layer : layers) layer.weight.sub_(layer.weight.grad(), 0.1);
  for (torch::Tensor parameter : method.parameters()) {
    if (parameter.grad().defined()) parameter.sub_(parameter.grad(), 0.1);
  }
  method.end_step();
}

/// The weights of a layer as they are stored.
inline Tensor stored(Method& method, const std::vector<SparseLayer>& layers, std::size_t index) {
  const torch::Tensor weight = layers[index].weight.detach();
  return from_torch(weight * method.final_mask(index, weight));
}

/// The mean loss of sum over layers of 0.5 * curvature * (w - 1)^2 per weight, as a context's loss.
inline MethodContext context_with_loss(const std::vector<SparseLayer>& layers,
                                       std::vector<torch::Tensor> curvatures) {
  MethodContext context;
  context.seed = 3;
  context.batches = 2;
  std::vector<torch::Tensor> weights;
  weights.reserve(layers.size());
  for (const SparseLayer& layer : layers) weights.push_back(layer.weight);
  context.loss_of = [weights, curvatures = std::move(curvatures)](std::int64_t batch) {
    torch::Tensor loss = torch::zeros({});
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const double place = batch == 0 ? 1.0 : -1.0;
      loss = loss + (curvatures[i] * (weights[i] - place).square()).sum() * 0.5;
    }
    return loss;
  };
  return context;
}

}  // namespace wbs::trainers
