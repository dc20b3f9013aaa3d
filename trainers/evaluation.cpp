#include "trainers/evaluation.hpp"

#include <fmt/format.h>
#include <torch/torch.h>

#include <array>
#include <span>

#include "core/digest.hpp"
#include "sparsity/check.hpp"
#include "trainers/tensors.hpp"

namespace wbs::trainers {

StoredNetwork::StoredNetwork(const GraphModule& trained, const std::vector<SparseLayer>& layers,
                             bool satisfying)
    : network_(trained.clone()) {
  for (const SparseLayer& layer : layers) {
    names_.push_back(layer.name + "/weight");
    patterns_.push_back(satisfying ? layer.pattern : sparsity::Pattern());
  }
}

void StoredNetwork::take(const GraphModule& trained,
                         const std::map<std::string, torch::Tensor>& average, Method& method) {
  network_.copy_from(trained);
  const torch::NoGradGuard no_grad;
  for (const auto& [key, value] : average) {
    const torch::Tensor target = network_.tensor(key);
    target.copy_(value);
  }
  for (std::size_t layer = 0; layer < names_.size(); ++layer) {
    const torch::Tensor weight = network_.tensor(names_[layer]);
    // Not weight * mask: -0.0 and NaN * 0 are no zeros that a file should have.
    weight.masked_fill_(method.final_mask(layer, weight.detach()) == 0, 0.0);
  }
}

void StoredNetwork::recalibrate(BatchSource& train, std::int64_t batches, Ranks& ranks) {
  const torch::NoGradGuard no_grad;
  train.start(0, 0);
  for (std::int64_t index = 0; index < batches; ++index) {
    const std::optional<ImageBatch> batch = train.next();
    if (!batch) return;
    ForwardPass pass;
    pass.training = true;
    pass.momentum = 1.0 / static_cast<double>(index + 1);  // the mean of all batches so far
    pass.ranks = &ranks;
    static_cast<void>(network_.forward(batch->images, pass));
  }
}

Evaluation StoredNetwork::evaluate(BatchSource& test, Ranks& ranks) {
  const torch::NoGradGuard no_grad;
  double right = 0.0;
  double images = 0.0;
  test.start(0, 0);
  while (const std::optional<ImageBatch> batch = test.next()) {
    const std::int64_t count = batch->images.size(0);
    if (count == 0) continue;
    const torch::Tensor found = network_.forward(batch->images, {}).argmax(1).to(torch::kCPU);
    right += static_cast<double>((found == batch->labels).sum().item<std::int64_t>());
    images += static_cast<double>(count);
  }
  // fp32 sums are exact for counts below 2^24.
  std::array<torch::Tensor, 1> counts{
      torch::tensor({static_cast<float>(right), static_cast<float>(images)})};
  sum_over(ranks, counts);
  Evaluation result;
  result.accuracy_as_is = counts[0][0].item<double>() / std::max(1.0, counts[0][1].item<double>());
  result.accuracy = result.accuracy_as_is;
  std::int64_t zeros = 0;
  std::int64_t weights = 0;
  for (std::size_t layer = 0; layer < names_.size(); ++layer) {
    const Tensor stored = from_torch(network_.tensor(names_[layer]));
    const auto size = static_cast<std::int64_t>(stored.values.size());
    zeros += std::count(stored.values.begin(), stored.values.end(), 0.0F);
    weights += size;
    if (const auto satisfied = sparsity::satisfies(stored, patterns_[layer]);
        !satisfied && result.accuracy) {
      result.accuracy.reset();
      result.reason = fmt::format("{} does not satisfy {}: {}", names_[layer],
                                  sparsity::to_string(patterns_[layer]), satisfied.error());
    }
  }
  if (weights > 0) {
    result.achieved_sparsity = static_cast<double>(zeros) / static_cast<double>(weights);
  }
  return result;
}

std::string digest_of(const networks::Weights& weights) {
  Digester digester;
  for (const auto& [key, tensor] : weights) {
    const auto bytes = std::as_bytes(std::span(tensor.values));
    digester.add(key).add(to_string(tensor.shape));
    digester.add({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  return digester.hex();
}

}  // namespace wbs::trainers
