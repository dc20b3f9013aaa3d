// A method for tests: keeps the largest weights of the pattern from the start.
#pragma once

#include <torch/torch.h>

#include "sparsity/prune.hpp"
#include "trainers/method.hpp"
#include "trainers/tensors.hpp"

namespace wbs::trainers {

class FixedMaskMethod : public Method {
 public:
  void start(std::vector<SparseLayer> layers, const MethodContext& context) override {
    layers_ = std::move(layers);
    for (const SparseLayer& layer : layers_) {
      const Tensor weight = from_torch(layer.weight);
      Tensor kept(weight.shape, 1.0F);
      sparsity::prune(weight, layer.pattern).mask.apply(kept);
      masks_.push_back(to_torch(kept).to(context.device));
    }
    products_.resize(layers_.size());
  }
  void begin_step(const StepInfo& /*info*/) override {
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      LayerProducts& products = products_[i];
      products.forward_weight = layers_[i].weight.detach() * masks_[i];
      products.backward_weight = products.forward_weight;
      products.weight_gradient_mask = masks_[i];
      products.ff_density = products.bp_density = masks_[i].mean().item<double>();
    }
  }
  void end_step() override {
    for (std::size_t i = 0; i < layers_.size(); ++i) layers_[i].weight.mul_(masks_[i]);
  }
  [[nodiscard]] torch::Tensor final_mask(std::size_t layer,
                                         const torch::Tensor& /*weight*/) override {
    return masks_[layer];
  }
  void exchange(StateArchive& archive) override {
    for (std::size_t i = 0; i < masks_.size(); ++i) {
      archive.tensor("mask/" + layers_[i].name, masks_[i]);
    }
  }

 protected:
  std::vector<SparseLayer> layers_;
  std::vector<torch::Tensor> masks_;
};

/// Claims to have pruned, but stores everything.
class ForgetfulMethod final : public FixedMaskMethod {
 public:
  void end_step() override {}
  [[nodiscard]] torch::Tensor final_mask(std::size_t layer,
                                         const torch::Tensor& /*weight*/) override {
    return torch::ones_like(masks_[layer]);
  }
};

}  // namespace wbs::trainers
