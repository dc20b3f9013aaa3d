// Predetermined mask: a random mask of the pattern, drawn from the seed before training and fixed.
// The baseline of every choice by importance; Liu et al., "The Unreasonable Effectiveness of Random
// Pruning", arXiv 2202.02643, train such masks from scratch.
#include <torch/torch.h>

#include <algorithm>

#include "sparsity/prune.hpp"
#include "trainers/methods/kinds.hpp"
#include "trainers/methods/masks.hpp"
#include "trainers/methods/options.hpp"

namespace wbs::trainers {
namespace {

Result<void> accepts(const sparsity::Pattern& pattern) {
  return refuse_dense(pattern, "predetermined");
}

/// A uniformly random mask of the pattern: one random number per block, channel or weight decides.
sparsity::Mask random_mask(const SparseLayer& layer, Rng rng) {
  const Shape shape = layer.weight.sizes().vec();
  if (const auto* block = std::get_if<sparsity::BlockPattern>(&layer.pattern)) {
    const sparsity::Granularity granularity{block->rows, block->cols};
    std::vector<double> draws(static_cast<std::size_t>(sparsity::Mask(shape, granularity).cells()));
    for (double& draw : draws) draw = rng.uniform();
    return sparsity::prune_cells(shape, granularity, block->ratio, draws).mask;
  }
  Tensor draws(shape);
  const bool channels = std::holds_alternative<sparsity::ChannelPattern>(layer.pattern);
  const auto per_draw =
      static_cast<std::ptrdiff_t>(channels ? draws.values.size() : 1) / (channels ? shape[0] : 1);
  for (auto next = draws.values.begin(); next != draws.values.end(); next += per_draw) {
    std::fill_n(next, per_draw, static_cast<float>(rng.uniform()));
  }
  return sparsity::prune(draws, layer.pattern).mask;
}

class Predetermined final : public FixedMaskMethod {
 public:
  Predetermined() : FixedMaskMethod(accepts) {}

 private:
  std::vector<sparsity::Mask> choose(const MethodContext& context) override {
    std::vector<sparsity::Mask> masks;
    for (std::size_t i = 0; i < count(); ++i) {
      masks.push_back(
          random_mask(layer(i), layer_rng(context.seed, "predetermined", layer(i).name)));
    }
    return masks;
  }
};

std::unique_ptr<Method> make(const nlohmann::json& options) {
  MethodOptions(options, "predetermined").done();
  return std::make_unique<Predetermined>();
}

}  // namespace

MethodKind predetermined_kind() noexcept {
  return {"predetermined",
          "trains under a random mask that is drawn from the seed beforehand",
          "The Unreasonable Effectiveness of Random Pruning, arXiv 2202.02643",
          make,
          accepts,
          true};
}

}  // namespace wbs::trainers
