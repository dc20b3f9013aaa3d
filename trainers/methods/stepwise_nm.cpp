#include "trainers/methods/stepwise_nm.hpp"

#include <torch/torch.h>

namespace wbs::trainers {

torch::Tensor NmWeights::refresh(const torch::Tensor& weight, const NmGroups& groups) {
  if (!values.defined()) {
    values = torch::empty_like(weight.detach());
    mask = torch::ones_like(values, torch::kBool);
  }
  return keep_largest(weight.detach(), groups, values, mask);
}

void StepwiseNm::prepare(const MethodContext& /*context*/) {
  forward_.assign(count(), {});
  backward_.assign(count(), {});
  used_.clear();
  for (std::size_t i = 0; i < count(); ++i) {
    used_.push_back(products_for(nm(i).axis));
    const Products& used = used_[i];
    static_cast<void>(refresh(i));
    LayerProducts& products = products_[i];
    const auto density = [&](sparsity::Axis axis) {
      const std::int64_t channels = layer(i).weight.size(axis == sparsity::Axis::in ? 1 : 0);
      return kept_share(channels, nm(i).kept, nm(i).group);
    };
    if (used.forward) {
      products.forward_weight = forward_[i].values;
      // Groups along output channels are none of FF's reduction dimension.
      if (*used.forward == sparsity::Axis::in) products.ff_density = density(*used.forward);
    }
    if (used.backward) {
      products.backward_weight = backward_[i].values;
      if (*used.backward == sparsity::Axis::out) products.bp_density = density(*used.backward);
    }
    if (used.backward_as_forward) products.backward_weight = forward_[i].values;
  }
}

torch::Tensor StepwiseNm::refresh(std::size_t index) {
  torch::Tensor changes = torch::zeros({}, layer(index).weight.options().dtype(torch::kInt64));
  const Products& used = used_[index];
  const torch::Tensor& weight = layer(index).weight;
  if (used.forward) {
    changes = changes + forward_[index].refresh(weight, groups(index, *used.forward));
  }
  if (used.backward) {
    changes = changes + backward_[index].refresh(weight, groups(index, *used.backward));
  }
  return changes;
}

void StepwiseNm::begin_step(const StepInfo& /*info*/) {
  const torch::NoGradGuard no_grad;
  mask_changes_.reset();
  for (std::size_t i = 0; i < count(); ++i) {
    const torch::Tensor changes = refresh(i);
    mask_changes_ = mask_changes_.defined() ? mask_changes_ + changes : changes;
  }
}

void StepwiseNm::before_update() {
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < count(); ++i) {
    if (used_[i].decay == 0.0) continue;
    const torch::Tensor gradient = layer(i).weight.grad();
    if (!gradient.defined()) continue;
    add_decay(gradient, layer(i).weight.detach(), forward_[i].values, used_[i].decay);
  }
}

torch::Tensor StepwiseNm::final_mask(std::size_t layer_index, const torch::Tensor& weight) {
  if (!used_.at(layer_index).forward) return torch::ones_like(weight.detach());
  NmWeights pruned;
  static_cast<void>(
      pruned.refresh(weight.contiguous(), groups(layer_index, *used_[layer_index].forward)));
  return pruned.mask.to(weight.scalar_type());
}

void StepwiseNm::exchange(StateArchive& archive) {
  // Only the count of mask changes depends on the past.
  for (std::size_t i = 0; i < count(); ++i) {
    if (used_[i].forward) archive.tensor("forward." + layer(i).name, forward_[i].mask);
    if (used_[i].backward) archive.tensor("backward." + layer(i).name, backward_[i].mask);
  }
}

}  // namespace wbs::trainers
