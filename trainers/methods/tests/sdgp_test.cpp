#include <gtest/gtest.h>
#include <torch/torch.h>

#include "trainers/methods/nm_search.hpp"
#include "trainers/methods/tests/fixtures.hpp"

namespace wbs::trainers {
namespace {

torch::Tensor pruned_gradient(const std::string& choice, const torch::Tensor& gradient,
                              std::size_t layer = 0, std::int64_t step = 0,
                              std::int64_t first_image = 0) {
  const auto method = method_of("sdgp", {{"choice", choice}});
  method->start(layers_for("nm:2:8/in"), {});
  StepInfo info = step_of(step);
  info.first_image = first_image;
  method->begin_step(info);
  const LayerProducts& products = method->products(layer);
  EXPECT_FALSE(products.forward_weight.defined() || products.backward_weight.defined());
  return products.prune_output_gradient(gradient);
}

TEST(Sdgp, TwoOfEightOutputChannelsStay) {
  const torch::Tensor gradient = normal({3, 32, 4, 5}, 1);
  for (const std::string choice : {"magnitude", "random", "rescaled"}) {
    const torch::Tensor kept = pruned_gradient(choice, gradient);
    EXPECT_TRUE(kept.ne(0).view({3, 4, 8, 20}).sum(2).eq(2).all().item<bool>()) << choice;
    const torch::Tensor rows = pruned_gradient(choice, normal({6, 16}, 2), 2);
    EXPECT_TRUE(rows.ne(0).view({6, 2, 8}).sum(2).eq(2).all().item<bool>()) << choice;
  }
}

TEST(Sdgp, MagnitudeKeepsTheLargestUnchanged) {
  const torch::Tensor gradient = normal({3, 32, 4, 5}, 1);
  torch::Tensor expected = torch::empty_like(gradient);
  torch::Tensor mask = torch::ones_like(gradient, torch::kBool);
  keep_largest(gradient, {2, 8, 1}, expected, mask);
  EXPECT_TRUE(pruned_gradient("magnitude", gradient).equal(expected));
}

TEST(Sdgp, RescaledKeepsTheNormOfEachChannel) {
  const torch::Tensor gradient = normal({3, 32, 4, 5}, 1);
  const torch::Tensor kept = pruned_gradient("rescaled", gradient);
  const torch::Tensor before = gradient.abs().sum({2, 3});
  const torch::Tensor after = kept.abs().sum({2, 3});
  EXPECT_TRUE(after.eq(0).logical_or((after - before).abs().lt(1e-3)).all().item<bool>());
  torch::Tensor zero = torch::zeros({1, 32, 2, 2});
  EXPECT_TRUE(pruned_gradient("rescaled", zero).equal(zero));
}

TEST(Sdgp, RandomDependsOnStepLayerAndImageOnly) {
  const torch::Tensor gradient = normal({4, 16, 3, 3}, 1);
  const torch::Tensor whole = pruned_gradient("random", gradient, 1, 5);
  EXPECT_TRUE(whole.equal(pruned_gradient("random", gradient, 1, 5)));
  EXPECT_FALSE(whole.equal(pruned_gradient("random", gradient, 1, 6)));
  EXPECT_FALSE(whole[0].ne(0).equal(whole[1].ne(0)));
  const torch::Tensor second = pruned_gradient("random", gradient.narrow(0, 2, 2), 1, 5, 2);
  EXPECT_TRUE(whole.narrow(0, 2, 2).equal(second)) << "two ranks draw what one would";
}

TEST(Sdgp, GradientKeepsItsTypeAndTheMasterWeightsStayDense) {
  const torch::Tensor gradient = normal({2, 32, 3, 3}, 1).to(torch::kBFloat16);
  EXPECT_EQ(pruned_gradient("rescaled", gradient).scalar_type(), torch::kBFloat16);
  EXPECT_FALSE(find_method(methods(), "sdgp").prunes_weights);
}

}  // namespace
}  // namespace wbs::trainers
