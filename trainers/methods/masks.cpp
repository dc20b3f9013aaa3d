#include "trainers/methods/masks.hpp"

#include <fmt/format.h>
#include <torch/torch.h>

#include <string>

#include "core/error.hpp"
#include "trainers/tensors.hpp"

namespace wbs::trainers {

torch::Tensor mask_tensor(const sparsity::Mask& mask, const torch::Device& device) {
  Tensor ones(mask.shape(), 1.0F);
  mask.apply(ones);
  return to_torch(ones).to(device);
}

double kept_share(const torch::Tensor& mask) {
  return static_cast<double>(mask.count_nonzero().item<std::int64_t>()) /
         static_cast<double>(mask.numel());
}

void set_densities(LayerProducts& products, const sparsity::Pattern& pattern, double kept) {
  const auto* nm = std::get_if<sparsity::NmPattern>(&pattern);
  products.ff_density = nm != nullptr && nm->axis == sparsity::Axis::out ? 1.0 : kept;
  products.bp_density = nm != nullptr && nm->axis == sparsity::Axis::in ? 1.0 : kept;
  products.wu_density = 1.0;
}

Rng layer_rng(std::uint64_t seed, std::string_view purpose, std::string_view layer,
              std::int64_t index) {
  const std::string key = fmt::format("{}/{}/{}", purpose, layer, index);
  return Rng(seed, stream_of(key.data(), key.size()));
}

Result<void> refuse_dense(const sparsity::Pattern& pattern, std::string_view method) {
  if (!sparsity::is_dense(pattern)) return {};
  return refusal(fmt::format(
      "method {} has nothing to do for pattern dense; choose a pattern or the method dense",
      method));
}

Result<void> accept_nm(const sparsity::Pattern& pattern, std::string_view method,
                       const sparsity::Axis* axis) {
  const auto* nm = std::get_if<sparsity::NmPattern>(&pattern);
  const std::string_view expected = axis == nullptr ? "in" : sparsity::to_string(*axis);
  if (nm == nullptr) {
    return refusal(
        fmt::format("method {} keeps N of every M consecutive channels, and pattern {} has no such "
                    "groups; expected nm:N:M/{}",
                    method, sparsity::to_string(pattern), expected));
  }
  if (axis != nullptr && nm->axis != *axis) {
    return refusal(fmt::format(
        "method {} stores weights whose groups run along {}put channels, unlike those of {}; "
        "expected nm:{}:{}/{}",
        method, expected, sparsity::to_string(pattern), nm->kept, nm->group, expected));
  }
  return {};
}

void LayerMethod::start(std::vector<SparseLayer> layers, const MethodContext& context) {
  for (const SparseLayer& layer : layers) {
    const Result<void> accepted = accepts_(layer.pattern);
    if (!accepted) {
      throw Error(ErrorKind::unsupported,
                  fmt::format("layer {}: {}", layer.name, accepted.error()));
    }
    WBS_ASSERT(layer.weight.is_contiguous() && layer.weight.scalar_type() == torch::kFloat32);
  }
  layers_ = std::move(layers);
  products_.assign(layers_.size(), {});
  const torch::NoGradGuard no_grad;
  prepare(context);
}

const sparsity::NmPattern& LayerMethod::nm(std::size_t index) const {
  return std::get<sparsity::NmPattern>(layers_[index].pattern);
}

void MaskedMethod::set_mask(std::size_t index, const sparsity::Mask& mask) {
  masks_.resize(count());
  const torch::Tensor weight = layer(index).weight.detach();
  const torch::Tensor found = mask_tensor(mask, weight.device());
  if (masks_[index].defined()) {
    masks_[index].copy_(found);
  } else {
    masks_[index] = found;
  }
  weight.mul_(masks_[index]);
  products_[index].forward_weight = weight;
  products_[index].backward_weight = weight;
  products_[index].weight_gradient_mask = masks_[index];
  describe(index);
}

void MaskedMethod::describe(std::size_t index) {
  set_densities(products_[index], layer(index).pattern, kept_share(masks_[index]));
}

void MaskedMethod::end_step() {
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < count(); ++i) layer(i).weight.detach().mul_(masks_[i]);
}

torch::Tensor MaskedMethod::final_mask(std::size_t layer, const torch::Tensor& /*weight*/) {
  return masks_.at(layer);
}

void MaskedMethod::exchange(StateArchive& archive) {
  for (std::size_t i = 0; i < count(); ++i) {
    archive.tensor("mask." + layer(i).name, masks_[i]);
    if (!archive.saving()) describe(i);
  }
}

void FixedMaskMethod::prepare(const MethodContext& context) {
  if (context.resuming) {
    for (std::size_t i = 0; i < count(); ++i) {
      set_mask(i, sparsity::Mask(layer(i).weight.sizes().vec(), sparsity::kSingleWeights));
    }
    return;
  }
  const std::vector<sparsity::Mask> masks = choose(context);
  for (std::size_t i = 0; i < count(); ++i) set_mask(i, masks[i]);
}

}  // namespace wbs::trainers
