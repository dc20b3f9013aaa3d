#include "trainers/optimiser.hpp"

#include <torch/torch.h>

#include <cmath>

namespace wbs::trainers {

using torch::Tensor;

Optimiser::Optimiser(std::vector<NamedTensor> parameters, const Recipe& recipe)
    : parameters_(std::move(parameters)),
      recipe_(recipe),
      first_(parameters_.size()),
      second_(parameters_.size()) {}

void Optimiser::step(double rate) {
  const torch::NoGradGuard no_grad;
  ++steps_;
  for (std::size_t index = 0; index < parameters_.size(); ++index) {
    if (!parameters_[index].value.grad().defined()) continue;
    if (recipe_.optimiser == OptimiserKind::sgd) {
      step_sgd(index, rate);
    } else {
      step_adamw(index, rate);
    }
  }
}

void Optimiser::step_sgd(std::size_t index, double rate) {
  const Tensor weight = parameters_[index].value;
  Tensor gradient = weight.grad();
  if (parameters_[index].decays && recipe_.weight_decay != 0.0) {
    gradient = gradient.add(weight, recipe_.weight_decay);
  }
  if (recipe_.momentum != 0.0) {
    Tensor& velocity = first_[index];
    if (velocity.defined()) {
      velocity.mul_(recipe_.momentum).add_(gradient);
    } else {
      velocity = gradient.clone();
    }
    gradient = recipe_.nesterov ? gradient.add(velocity, recipe_.momentum) : velocity;
  }
  weight.sub_(gradient, rate);
}

void Optimiser::step_adamw(std::size_t index, double rate) {
  const Tensor weight = parameters_[index].value;
  const Tensor& gradient = weight.grad();
  if (parameters_[index].decays) weight.mul_(1.0 - rate * recipe_.weight_decay);
  Tensor& first = first_[index];
  Tensor& second = second_[index];
  if (!first.defined()) {
    first = torch::zeros_like(weight);
    second = torch::zeros_like(weight);
  }
  first.mul_(recipe_.beta1).add_(gradient, 1.0 - recipe_.beta1);
  second.mul_(recipe_.beta2).addcmul_(gradient, gradient, 1.0 - recipe_.beta2);
  const auto count = static_cast<double>(steps_);
  const double first_share = 1.0 - std::pow(recipe_.beta1, count);
  const double second_share = 1.0 - std::pow(recipe_.beta2, count);
  const Tensor scale = (second.sqrt() / std::sqrt(second_share)).add_(recipe_.epsilon);
  weight.addcdiv_(first, scale, -rate / first_share);
}

void Optimiser::clear_gradients() {
  for (const NamedTensor& parameter : parameters_) parameter.value.mutable_grad() = Tensor();
}

std::map<std::string, Tensor> Optimiser::state() const {
  std::map<std::string, Tensor> tensors;
  const bool sgd = recipe_.optimiser == OptimiserKind::sgd;
  for (std::size_t index = 0; index < parameters_.size(); ++index) {
    const std::string& key = parameters_[index].key;
    if (first_[index].defined()) tensors[(sgd ? "momentum/" : "first/") + key] = first_[index];
    if (second_[index].defined()) tensors["second/" + key] = second_[index];
  }
  return tensors;
}

void Optimiser::restore(const std::map<std::string, Tensor>& tensors, std::int64_t steps) {
  steps_ = steps;
  const bool sgd = recipe_.optimiser == OptimiserKind::sgd;
  const auto find = [&](const std::string& name, const Tensor& like) {
    const auto found = tensors.find(name);
    return found == tensors.end() ? Tensor() : found->second.to(like.device());
  };
  for (std::size_t index = 0; index < parameters_.size(); ++index) {
    const NamedTensor& parameter = parameters_[index];
    first_[index] = find((sgd ? "momentum/" : "first/") + parameter.key, parameter.value);
    second_[index] = find("second/" + parameter.key, parameter.value);
  }
}

double gradient_norm(const std::vector<NamedTensor>& parameters) {
  std::vector<Tensor> norms;
  for (const NamedTensor& parameter : parameters) {
    const Tensor& gradient = parameter.value.grad();
    if (gradient.defined()) norms.push_back(gradient.detach().norm().to(torch::kFloat64));
  }
  if (norms.empty()) return 0.0;
  return torch::stack(norms).norm().item<double>();
}

}  // namespace wbs::trainers
