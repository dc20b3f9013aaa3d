#include <gtest/gtest.h>
#include <torch/torch.h>

#include "trainers/methods/tests/fixtures.hpp"

namespace wbs::trainers {
namespace {

TEST(TrainableMask, FactorsGetGradientsFromTheLossAndThePenalty) {
  std::vector<SparseLayer> layers = layers_for("block:8x8@0.5");
  const auto method = method_of("trainable_mask");
  method->start(layers, {});
  method->begin_step(step_of(0));
  ASSERT_EQ(method->parameters().size(), layers.size());
  const torch::Tensor factors = method->parameters()[0];
  EXPECT_EQ(factors.sizes().vec(), (std::vector<std::int64_t>{4, 2}));
  const torch::Tensor seen = method->products(0).forward_weight;
  ASSERT_TRUE(seen.requires_grad());
  EXPECT_TRUE(seen[9][3][1][1].equal(layers[0].weight[9][3][1][1] * factors[1][0]));
  seen.sum().backward();
  EXPECT_TRUE(factors.grad()[1][1].allclose(
      layers[0].weight.detach().narrow(0, 8, 8).narrow(1, 8, 8).sum(), 1e-4, 1e-4));
  EXPECT_DOUBLE_EQ(method->products(0).ff_density, 1.0);
}

/// The penalty of the only layer by its definition, with plain maxima.
double plain_penalty(const torch::Tensor& factors, double wanted, int which) {
  const double largest = factors.max().item<double>();
  const double smallest = factors.min().item<double>();
  double result = 1e-3 * std::abs(factors.sum().item<double>() - wanted) +
                  1e-3 * factors.abs().sum().item<double>();
  if (which > 0) {
    result += (-factors).clamp_min(0).sum().item<double>() +
              (factors - 1).clamp_min(0).sum().item<double>();
  }
  return which == 2 ? result - smallest / largest : result - (largest - smallest);
}

TEST(TrainableMask, PenaltiesAreThoseOfThePaperUpToTheSmoothing) {
  for (const int which : {0, 1, 2}) {
    std::vector<SparseLayer> layers = layers_for("block:8x8@0.5");
    layers.resize(1);
    const auto method = method_of("trainable_mask", {{"penalty", which}, {"alpha", 1000.0}});
    method->start(layers, {});
    torch::Tensor factors = method->parameters()[0];
    {
      const torch::NoGradGuard no_grad;
      factors.copy_(torch::tensor({{-0.5F, 0.2F}, {0.4F, 0.6F}, {0.8F, 1.0F}, {1.3F, 0.1F}}));
    }
    method->begin_step(step_of(0));
    EXPECT_NEAR(method->penalty().item<double>(), plain_penalty(factors.detach(), 4.0, which), 5e-3)
        << which;
  }
}

TEST(TrainableMask, HardensToThePatternAndTrainsOnUnderIt) {
  for (const std::string pattern : {"block:8x8@0.5", "unstructured@0.75", "channel@0.99"}) {
    std::vector<SparseLayer> layers = layers_for(pattern);
    const auto method = method_of("trainable_mask", {{"harden", 0.2}});
    method->start(layers, {});
    for (std::int64_t step = 0; step < 30; ++step) {
      train_step(*method, layers, step_of(step));
      EXPECT_EQ(method->products(0).forward_weight.requires_grad(), step < 20);
      EXPECT_EQ(method->mask_changes().defined(), step == 20);
      EXPECT_EQ(method->penalty().defined(), step < 20);
    }
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const auto mask = method->final_mask(i, layers[i].weight);
      EXPECT_TRUE((layers[i].weight.detach() * mask).equal(layers[i].weight.detach()));
      if (pattern == "channel@0.99") continue;  // asks for all 32; one stays
      EXPECT_TRUE(sparsity::satisfies(from_torch(layers[i].weight), layers[i].pattern).has_value())
          << pattern;
    }
  }
}

TEST(TrainableMask, HardensInTheLastStepAtTheLatest) {
  std::vector<SparseLayer> layers = layers_for("block:8x8@0.5");
  const auto method = method_of("trainable_mask", {{"harden", 1.0}});
  method->start(layers, {});
  train_step(*method, layers, step_of(99));
  EXPECT_TRUE(sparsity::satisfies(from_torch(layers[0].weight), layers[0].pattern).has_value());
}

}  // namespace
}  // namespace wbs::trainers
