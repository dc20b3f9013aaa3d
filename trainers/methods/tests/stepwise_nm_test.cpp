#include "trainers/methods/stepwise_nm.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "sparsity/magnitude.hpp"
#include "trainers/methods/tests/fixtures.hpp"

namespace wbs::trainers {
namespace {

torch::Tensor pruned(const torch::Tensor& weight, const std::string& pattern) {
  const auto nm = std::get<sparsity::NmPattern>(pattern_of(pattern));
  Tensor values = from_torch(weight);
  sparsity::largest_of_groups(values, nm).apply(values);
  return to_torch(values);
}

/// The whole step's MACs as a share of dense.
double step_share(const LayerProducts& products) {
  return (products.ff_density + products.bp_density + products.wu_density) / 3.0;
}

TEST(SrSte, ForwardSeesTheLargestOfTheWeightsOfEachStep) {
  for (const std::string pattern : {"nm:2:4/in", "nm:2:8/in", "nm:1:4/out"}) {
    std::vector<SparseLayer> layers = layers_for(pattern);
    const auto method = method_of("sr_ste");
    method->start(layers, {});
    for (std::int64_t step = 0; step < 4; ++step) {
      const torch::Tensor before = layers[0].weight.detach().clone();
      train_step(*method, layers, step_of(step));
      const LayerProducts& products = method->products(0);
      EXPECT_TRUE(products.forward_weight.equal(pruned(before, pattern))) << pattern;
      EXPECT_TRUE(products.backward_weight.equal(products.forward_weight));
      EXPECT_FALSE(products.weight_gradient_mask.defined());
      EXPECT_EQ(method->mask_changes().item<std::int64_t>() > 0, step > 0);
    }
    EXPECT_EQ(layers[0].weight.eq(0).sum().item<std::int64_t>(), 0) << "master weights stay dense";
    EXPECT_TRUE(sparsity::satisfies(stored(*method, layers, 0), pattern_of(pattern)).has_value());
  }
}

TEST(SrSte, DecayTermIsExact) {
  std::vector<SparseLayer> layers = layers_for("nm:2:4/in");
  const auto method = method_of("sr_ste", {{"decay", 0.25}});
  method->start(layers, {});
  method->begin_step(step_of(0));
  const torch::Tensor w = layers[0].weight.detach();
  const torch::Tensor mask = method->final_mask(0, w);
  for (SparseLayer& layer : layers) layer.weight.mutable_grad() = torch::zeros_like(layer.weight);
  method->before_update();
  // 0.25 is a power of two: no rounding.
  EXPECT_TRUE(layers[0].weight.grad().equal((1.0 - mask) * w * 0.25));
  method->before_update();
  EXPECT_TRUE(layers[0].weight.grad().equal((1.0 - mask) * w * 0.5));
}

TEST(SrSte, DefaultDecayIsThatOfThePaper) {
  std::vector<SparseLayer> layers = layers_for("nm:2:4/in");
  const auto method = method_of("sr_ste");
  method->start(layers, {});
  method->begin_step(step_of(0));
  for (SparseLayer& layer : layers) layer.weight.mutable_grad() = torch::zeros_like(layer.weight);
  method->before_update();
  const torch::Tensor w = layers[0].weight.detach();
  const torch::Tensor expected = (1.0 - method->final_mask(0, w)) * w * 2e-4;
  EXPECT_TRUE(layers[0].weight.grad().allclose(expected, 1e-6, 0.0));
}

TEST(SrSte, BackwardIsDenseOnRequest) {
  const auto method = method_of("sr_ste", {{"dense_backward", true}});
  method->start(layers_for("nm:2:4/in"), {});
  EXPECT_FALSE(method->products(0).backward_weight.defined());
}

TEST(Accounting, SharesOfAStepAreThoseOfThePaper) {
  for (const auto& [name, pattern, share] :
       std::vector<std::tuple<std::string, std::string, double>>{{"bdwp", "nm:2:8/in", 0.5},
                                                                 {"bdwp", "nm:2:4/in", 2.0 / 3.0},
                                                                 {"bdwp", "nm:2:16/in", 1.25 / 3.0},
                                                                 {"sr_ste", "nm:2:8/in", 0.75},
                                                                 {"sdgp", "nm:2:8/in", 0.75},
                                                                 {"sdwp", "nm:2:8/in", 0.75},
                                                                 {"sdwp", "nm:2:8/out", 0.75},
                                                                 {"bi_mask", "nm:2:8/in", 0.5}}) {
    const auto method = method_of(name);
    method->start(layers_for(pattern), {});
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_DOUBLE_EQ(step_share(method->products(i)), share) << name << " " << pattern;
    }
  }
}

TEST(Bdwp, ProductsSeeMasksAlongTheirOwnReduction) {
  std::vector<SparseLayer> layers = layers_for("nm:2:8/in");
  const auto method = method_of("bdwp");
  method->start(layers, {});
  for (std::int64_t step = 0; step < 3; ++step) {
    const torch::Tensor before = layers[0].weight.detach().clone();
    train_step(*method, layers, step_of(step));
    const LayerProducts& products = method->products(0);
    EXPECT_TRUE(products.forward_weight.equal(pruned(before, "nm:2:8/in")));
    EXPECT_TRUE(products.backward_weight.equal(pruned(before, "nm:2:8/out")));
    EXPECT_DOUBLE_EQ(products.ff_density, 0.25);
    EXPECT_DOUBLE_EQ(products.bp_density, 0.25);
    EXPECT_DOUBLE_EQ(products.wu_density, 1.0);
    EXPECT_DOUBLE_EQ(products.forward_weight.ne(0).to(torch::kFloat64).mean().item<double>(), 0.25);
    EXPECT_DOUBLE_EQ(products.backward_weight.ne(0).to(torch::kFloat64).mean().item<double>(),
                     0.25);
  }
  EXPECT_TRUE(sparsity::satisfies(stored(*method, layers, 0), pattern_of("nm:2:8/in")).has_value());
}

TEST(Bdwp, AverageOfWeightsIsPrunedByItsOwnMagnitudes) {
  std::vector<SparseLayer> layers = layers_for("nm:2:8/in");
  const auto method = method_of("bdwp");
  method->start(layers, {});
  const torch::Tensor average = normal({32, 16, 3, 3}, 55);
  EXPECT_TRUE((average * method->final_mask(0, average)).equal(pruned(average, "nm:2:8/in")));
}

TEST(Sdwp, OnlyBackwardIsPruned) {
  std::vector<SparseLayer> layers = layers_for("nm:2:8/in");
  const auto method = method_of("sdwp");
  method->start(layers, {});
  method->begin_step(step_of(0));
  EXPECT_FALSE(method->products(0).forward_weight.defined());
  EXPECT_TRUE(method->products(0).backward_weight.equal(pruned(layers[0].weight, "nm:2:8/out")));
  EXPECT_TRUE(method->final_mask(0, layers[0].weight).eq(1).all().item<bool>());
  EXPECT_FALSE(find_method(methods(), "sdwp").prunes_weights);
}

TEST(BiMask, BackwardWeightsAreForwardWeightsInPermutedGroups) {
  std::vector<SparseLayer> layers = layers_for("nm:2:4/in");
  const auto method = method_of("bi_mask", {{"permutations", 10}});
  method->start(layers, {});
  const auto survivors = [&] {
    return method->products(0).backward_weight.count_nonzero().item<std::int64_t>();
  };
  const std::int64_t identity = survivors();  // before the first search
  train_step(*method, layers, step_of(0));
  const LayerProducts& products = method->products(0);
  EXPECT_GE(survivors(), identity);
  const torch::Tensor kept = products.backward_weight.ne(0);
  EXPECT_TRUE(products.backward_weight.equal(products.forward_weight * kept));
  StateArchive archive;
  method->exchange(archive);
  const torch::Tensor order = archive.tensors().at("order.layer0").to(torch::kInt64);
  const Tensor rows = from_torch(products.backward_weight.index_select(0, order));
  EXPECT_TRUE(sparsity::satisfies(rows, pattern_of("nm:2:4/out")).has_value());
  EXPECT_TRUE(sparsity::satisfies(stored(*method, layers, 0), pattern_of("nm:2:4/in")).has_value());
}

TEST(BiMask, MorePermutationsKeepNoFewerWeights) {
  std::int64_t before = 0;
  for (const int permutations : {1, 5, 50}) {
    std::vector<SparseLayer> layers = layers_for("nm:2:8/in");
    const auto method = method_of("bi_mask", {{"permutations", permutations}});
    method->start(layers, {});
    method->begin_step(step_of(0));
    const auto now = method->products(0).backward_weight.count_nonzero().item<std::int64_t>();
    EXPECT_GE(now, before);
    before = now;
  }
}

}  // namespace
}  // namespace wbs::trainers
