#include "trainers/methods/saliency.hpp"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>

#include "core/error.hpp"
#include "sparsity/prune.hpp"
#include "trainers/methods/masks.hpp"
#include "trainers/tensors.hpp"

namespace wbs::trainers {
namespace {

using Tensors = std::vector<torch::Tensor>;

Tensors weights_of(const std::vector<SparseLayer>& layers) {
  Tensors weights;
  weights.reserve(layers.size());
  for (const SparseLayer& layer : layers) weights.push_back(layer.weight);
  return weights;
}

/// The gradients of `value`; zeros for weights that it does not depend on.
Tensors gradients(const torch::Tensor& value, const Tensors& weights, bool differentiable) {
  Tensors found = torch::autograd::grad({value}, weights, /*grad_outputs=*/{},
                                        /*retain_graph=*/differentiable, differentiable,
                                        /*allow_unused=*/true);
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i].defined()) found[i] = torch::zeros_like(weights[i]);
  }
  return found;
}

/// The mean over batches and ranks of what `add` puts into the sums.
Tensors mean_over_batches(const Tensors& weights, const MethodContext& context,
                          std::int64_t batches,
                          const std::function<void(Tensors& sums, Tensors& found)>& add) {
  Tensors sums;
  for (const torch::Tensor& weight : weights) sums.push_back(torch::zeros_like(weight.detach()));
  for (std::int64_t batch = 0; batch < batches; ++batch) {
    Tensors found;
    {
      const torch::AutoGradMode recording(true);
      found = gradients(context.loss_of(batch), weights, false);
    }
    if (context.average) context.average(found);
    add(sums, found);
  }
  for (const torch::Tensor& sum : sums) sum.div_(static_cast<double>(batches));
  return sums;
}

torch::Tensor rademacher(const torch::Tensor& like, Rng rng) {
  const torch::Tensor signs = torch::empty(like.sizes(), torch::kFloat32);
  float* values = signs.data_ptr<float>();
  std::uint32_t bits = 0;
  for (std::int64_t i = 0; i < signs.numel(); ++i) {
    if (i % 32 == 0) bits = rng.next_u32();
    values[i] = (bits & 1U) != 0 ? 1.0F : -1.0F;
    bits >>= 1;
  }
  return signs.to(like.device());
}

Tensors hessian_diagonals(const std::vector<SparseLayer>& layers, const Tensors& weights,
                          const MethodContext& context, const SaliencyRequest& request,
                          std::int64_t batches) {
  Tensors sums;
  for (const torch::Tensor& weight : weights) sums.push_back(torch::zeros_like(weight.detach()));
  for (std::int64_t iteration = 0; iteration < request.iterations; ++iteration) {
    Tensors signs;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      signs.push_back(
          rademacher(weights[i], layer_rng(context.seed, "rademacher", layers[i].name, iteration)));
    }
    const torch::AutoGradMode recording(true);
    const Tensors first = gradients(context.loss_of(iteration % batches), weights, true);
    torch::Tensor product = torch::zeros({}, first.front().options());
    for (std::size_t i = 0; i < first.size(); ++i) product = product + (first[i] * signs[i]).sum();
    const Tensors second = gradients(product, weights, false);
    const torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i].add_(second[i].detach() * signs[i]);
  }
  for (const torch::Tensor& sum : sums) sum.div_(static_cast<double>(request.iterations));
  if (context.average) context.average(sums);
  return sums;
}

/// Every value becomes the magnitude of the mean of its cell.
void average_cells(Tensor& values, sparsity::Granularity granularity) {
  const sparsity::Mask grid(values.shape, granularity);
  const sparsity::Plane& plane = grid.plane();
  const auto cell_of = [&](std::size_t index) {
    if (granularity.per_tap) return index;
    const auto channel = static_cast<std::int64_t>(index) / plane.taps;
    return static_cast<std::size_t>(channel / plane.cin / granularity.rows * grid.cell_cols() +
                                    channel % plane.cin / granularity.cols);
  };
  std::vector<double> sums(static_cast<std::size_t>(grid.cells()), 0.0);
  for (std::size_t i = 0; i < values.values.size(); ++i) {
    sums[cell_of(i)] += static_cast<double>(values.values[i]);
  }
  for (std::size_t i = 0; i < values.values.size(); ++i) {
    const auto cell = cell_of(i);
    const auto row = static_cast<std::int64_t>(cell) / grid.cell_cols();
    const auto col = static_cast<std::int64_t>(cell) % grid.cell_cols();
    values.values[i] =
        static_cast<float>(std::abs(sums[cell]) / static_cast<double>(grid.cell_weights(row, col)));
  }
}

Tensors data_terms(const std::vector<SparseLayer>& layers, const MethodContext& context,
                   const SaliencyRequest& request) {
  const Tensors weights = weights_of(layers);
  if (!context.loss_of || context.batches < 1) {
    throw Error(ErrorKind::unsupported,
                fmt::format("importance {} needs calibration batches, and there are none",
                            saliency_names()[static_cast<std::size_t>(request.saliency)]));
  }
  const std::int64_t batches =
      request.batches == 0 ? context.batches : std::min(request.batches, context.batches);
  if (request.saliency == Saliency::hessian) {
    return hessian_diagonals(layers, weights, context, request, batches);
  }
  const bool squared = request.saliency == Saliency::fisher;
  Tensors terms =
      mean_over_batches(weights, context, batches, [squared](Tensors& sums, Tensors& found) {
        for (std::size_t i = 0; i < sums.size(); ++i) {
          sums[i].add_(squared ? found[i].square() : found[i]);
        }
      });
  for (const torch::Tensor& term : terms) term.abs_();
  return terms;
}

}  // namespace

const std::vector<std::string>& saliency_names() {
  static const std::vector<std::string> names{
      "l2", "l1", "variance_block", "variance_tensor", "gradient", "hessian", "fisher"};
  return names;
}

void require_fit(Saliency saliency, const sparsity::Pattern& pattern, std::string_view method) {
  const bool variance =
      saliency == Saliency::variance_block || saliency == Saliency::variance_tensor;
  const bool single = std::holds_alternative<sparsity::UnstructuredPattern>(pattern) ||
                      std::holds_alternative<sparsity::NmPattern>(pattern);
  if (!variance || !single) return;
  throw Error(
      ErrorKind::unsupported,
      fmt::format("method {}: importance {} is that of a block or a channel, and pattern {} prunes "
                  "single weights; expected l2, l1 or one that needs data",
                  method, saliency_names()[static_cast<std::size_t>(saliency)],
                  sparsity::to_string(pattern)));
}

std::vector<Scores> scores_of(const std::vector<SparseLayer>& layers, const MethodContext& context,
                              const SaliencyRequest& request) {
  Tensors terms;
  if (needs_data(request.saliency) && !layers.empty()) {
    terms = data_terms(layers, context, request);
  }
  std::vector<Scores> scores;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    Scores own{from_torch(layers[i].weight), sparsity::Importance::l1};
    if (!needs_data(request.saliency)) {
      own.measure = static_cast<sparsity::Importance>(request.saliency);
      scores.push_back(std::move(own));
      continue;
    }
    Tensor term = from_torch(terms[i]);
    if (request.saliency == Saliency::hessian) {
      average_cells(
          term, sparsity::granularity_of(layers[i].pattern, sparsity::plane_of(own.values.shape)));
    }
    for (std::size_t k = 0; k < term.values.size(); ++k) {
      own.values.values[k] *= own.values.values[k] * term.values[k];
    }
    scores.push_back(std::move(own));
  }
  return scores;
}

sparsity::Mask mask_of(const Scores& scores, const sparsity::Pattern& pattern) {
  sparsity::PruneOptions options;
  options.importance = scores.measure;
  return sparsity::prune(scores.values, pattern, options).mask;
}

}  // namespace wbs::trainers
