#include <gtest/gtest.h>
#include <torch/torch.h>

#include <numeric>

#include "trainers/methods/tests/fixtures.hpp"
#include "trainers/methods/transposable_search.hpp"

namespace wbs::trainers {
namespace {

double kept_sum(Tensor weights, const sparsity::Mask& mask) {
  mask.apply(weights);
  return std::accumulate(weights.values.begin(), weights.values.end(), 0.0,
                         [](double sum, float value) { return sum + std::abs(value); });
}

TEST(Transposable, MaskHoldsBothWays) {
  for (const std::string search : {"greedy", "exact"}) {
    for (const auto& [kept, group] :
         std::vector<std::pair<int, int>>{{2, 4}, {1, 4}, {3, 4}, {2, 8}, {4, 16}}) {
      if (search == "exact" && group > 4) continue;
      const std::string counts = std::to_string(kept) + ":" + std::to_string(group);
      std::vector<SparseLayer> layers = layers_for("nm:" + counts);
      const auto method = method_of("transposable", {{"search", search}, {"refresh_steps", 2}});
      method->start(layers, {});
      for (std::int64_t step = 0; step < 4; ++step) {
        train_step(*method, layers, step_of(step));
        for (std::size_t i = 0; i < layers.size(); ++i) {
          const Tensor weights = stored(*method, layers, i);
          EXPECT_TRUE(sparsity::satisfies(weights, pattern_of("nm:" + counts + "/in")).has_value());
          EXPECT_TRUE(
              sparsity::satisfies(weights, pattern_of("nm:" + counts + "/out")).has_value());
          const LayerProducts& products = method->products(i);
          EXPECT_TRUE(products.backward_weight.equal(products.forward_weight));
          EXPECT_DOUBLE_EQ(products.ff_density, products.bp_density);
          EXPECT_LE(products.ff_density, static_cast<double>(kept) / group);
        }
      }
    }
  }
}

TEST(Transposable, ExactIsTheBestAndGreedyAtLeastHalfOfIt) {
  for (const std::int64_t kept : {1, 2, 3}) {
    const Tensor weights = from_torch(normal({32, 32, 3, 3}, 4));
    const double exact = kept_sum(weights, transposable_exact(weights, kept, 4));
    const double greedy = kept_sum(weights, transposable_greedy(weights, kept, 4));
    EXPECT_GE(exact, greedy * 0.999);
    EXPECT_GE(greedy, exact / 2);
  }
}

TEST(Transposable, GreedyCanMissTheBest) {
  // Greedy takes 3 first and is left with 0; the best takes 2 + 2.
  const Tensor weights({2, 2}, {3.0F, 2.0F, 2.0F, 0.0F});
  EXPECT_DOUBLE_EQ(kept_sum(weights, transposable_greedy(weights, 1, 2)), 3.0);
  EXPECT_DOUBLE_EQ(kept_sum(weights, transposable_exact(weights, 1, 2)), 4.0);
}

TEST(Transposable, ChannelsThatTheGroupDoesNotDivideAreAllowed) {
  const Tensor weights = from_torch(normal({7, 10, 2, 2}, 4));
  for (const sparsity::Mask& mask :
       {transposable_greedy(weights, 2, 4), transposable_exact(weights, 2, 4)}) {
    Tensor masked = weights;
    mask.apply(masked);
    EXPECT_TRUE(sparsity::satisfies(masked, pattern_of("nm:2:4/in")).has_value());
    EXPECT_TRUE(sparsity::satisfies(masked, pattern_of("nm:2:4/out")).has_value());
  }
}

TEST(Transposable, MaskStaysBetweenRefreshesAndForeverWithout) {
  std::vector<SparseLayer> layers = layers_for("nm:2:4");
  const auto method = method_of("transposable", {{"refresh_steps", 0}});
  method->start(layers, {});
  const torch::Tensor before = method->final_mask(0, layers[0].weight).clone();
  for (std::int64_t step = 0; step < 5; ++step) train_step(*method, layers, step_of(step));
  EXPECT_TRUE(method->final_mask(0, layers[0].weight).equal(before));
}

TEST(Transposable, ExactRefusesLargeGroups) {
  const auto method = method_of("transposable", {{"search", "exact"}});
  EXPECT_THROW(method->start(layers_for("nm:2:8"), {}), Error);
}

}  // namespace
}  // namespace wbs::trainers
