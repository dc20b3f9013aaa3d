// SGD and AdamW over named tensors, with a state that can be saved.
#pragma once

#include <torch/types.h>

#include <map>
#include <string>
#include <vector>

#include "trainers/graph_module.hpp"
#include "trainers/recipe.hpp"

namespace wbs::trainers {

/// Updates parameters in place from their gradients, as PyTorch's SGD and AdamW do:
///   SGD:   g += decay * w; b = momentum * b + g (the first b is g); w -= rate * (g + momentum * b)
///          with Nesterov, else rate * b
///   AdamW: w -= rate * decay * w; moments m, v with bias correction;
///          w -= rate * m / (sqrt(v) + epsilon)
/// Decay applies to parameters marked `decays` only. Elementwise, so the bits do not depend on the
/// number of threads.
class Optimiser {
 public:
  Optimiser(std::vector<NamedTensor> parameters, const Recipe& recipe);

  /// One step with `rate` over all parameters that have a gradient.
  void step(double rate);
  void clear_gradients();

  /// "momentum/KEY" (SGD), "first/KEY" and "second/KEY" (AdamW), for the parameters stepped so far.
  [[nodiscard]] std::map<std::string, torch::Tensor> state() const;
  [[nodiscard]] std::int64_t steps() const noexcept { return steps_; }
  /// The state of a checkpoint; names of `tensors` as from state(), others are ignored.
  void restore(const std::map<std::string, torch::Tensor>& tensors, std::int64_t steps);

 private:
  void step_sgd(std::size_t index, double rate);
  void step_adamw(std::size_t index, double rate);

  std::vector<NamedTensor> parameters_;
  Recipe recipe_;
  std::vector<torch::Tensor> first_, second_;  // by parameter; undefined before its first step
  std::int64_t steps_ = 0;
};

/// The Euclidean norm of all gradients together, and NaN or infinity where one of them has such
/// values. Undefined gradients count as zeros. The sum over parameters runs in their order.
[[nodiscard]] double gradient_norm(const std::vector<NamedTensor>& parameters);

}  // namespace wbs::trainers
