#include <gtest/gtest.h>
#include <torch/torch.h>

#include "sparsity/prune.hpp"
#include "trainers/methods/saliency.hpp"
#include "trainers/methods/tests/fixtures.hpp"

namespace wbs::trainers {
namespace {

const std::vector<std::string> kPatterns{"block:8x8@0.5", "nm:2:8/in", "nm:2:4/out",
                                         "unstructured@0.9", "channel@0.25"};

TEST(OneTimeMask, WeightsSatisfyThePatternBeforeAndAfterTraining) {
  for (const std::string& pattern : kPatterns) {
    std::vector<SparseLayer> layers = layers_for(pattern);
    const auto method = method_of("one_time");
    method->start(layers, {});
    for (std::int64_t step = 0; step < 3; ++step) {
      for (std::size_t i = 0; i < layers.size(); ++i) {
        const auto good = sparsity::satisfies(from_torch(layers[i].weight), layers[i].pattern);
        EXPECT_TRUE(good.has_value()) << pattern << ": " << reason_of(good);
      }
      train_step(*method, layers, step_of(step));
    }
  }
}

TEST(OneTimeMask, IsThatOfOneShotPruning) {
  for (const std::string importance : {"l2", "l1", "variance_block", "variance_tensor"}) {
    std::vector<SparseLayer> layers = layers_for("block:4x8@0.5");
    Tensor expected = from_torch(layers[0].weight);
    sparsity::PruneOptions options;
    options.importance = value_or_throw(sparsity::parse_importance(importance));
    sparsity::prune(expected, layers[0].pattern, options).mask.apply(expected);
    const auto method = method_of("one_time", {{"importance", importance}});
    method->start(layers, {});
    EXPECT_EQ(from_torch(layers[0].weight).values, expected.values) << importance;
  }
}

TEST(OneTimeMask, MomentumDoesNotReviveZeros) {
  std::vector<SparseLayer> layers = layers_for("unstructured@0.5");
  const auto method = method_of("one_time");
  method->start(layers, {});
  const torch::NoGradGuard no_grad;
  layers[0].weight.add_(1.0);  // what an optimiser with stale momentum might do
  method->end_step();
  EXPECT_EQ(layers[0].weight.eq(0).sum().item<std::int64_t>(), layers[0].weight.numel() / 2);
}

TEST(OneTimeMask, GradientOutsideTheMaskIsZeroed) {
  std::vector<SparseLayer> layers = layers_for("block:8x8@0.5");
  const auto method = method_of("one_time");
  method->start(layers, {});
  const LayerProducts& products = method->products(0);
  EXPECT_TRUE(products.weight_gradient_mask.equal(method->final_mask(0, layers[0].weight)));
  EXPECT_TRUE(products.forward_weight.equal(layers[0].weight));
  EXPECT_DOUBLE_EQ(products.ff_density, 0.5);
  EXPECT_DOUBLE_EQ(products.bp_density, 0.5);
  EXPECT_DOUBLE_EQ(products.wu_density, 1.0);
}

TEST(OneTimeMask, GroupsSaveOnlyWhereTheyRunAlongTheReduction) {
  for (const auto& [pattern, ff, bp] : std::vector<std::tuple<std::string, double, double>>{
           {"nm:2:8/in", 0.25, 1.0}, {"nm:2:8/out", 1.0, 0.25}}) {
    const auto method = method_of("one_time");
    method->start(layers_for(pattern), {});
    EXPECT_DOUBLE_EQ(method->products(0).ff_density, ff);
    EXPECT_DOUBLE_EQ(method->products(0).bp_density, bp);
  }
}

TEST(Saliency, HessianOfAQuadraticIsItsCurvature) {
  std::vector<SparseLayer> layers = layers_for("unstructured@0.5");
  std::vector<torch::Tensor> curvatures;
  for (const SparseLayer& layer : layers) {
    curvatures.push_back(normal(layer.weight.sizes().vec(), 77).abs());
  }
  SaliencyRequest request;
  request.saliency = Saliency::hessian;
  request.iterations = 3;
  const auto scores = scores_of(layers, context_with_loss(layers, curvatures), request);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    // A diagonal Hessian is exact after one vector, since v * v = 1.
    const torch::Tensor expected = layers[i].weight.detach().square() * curvatures[i];
    EXPECT_TRUE(to_torch(scores[i].values).allclose(expected, 1e-4, 1e-6));
  }
}

TEST(Saliency, HessianOfABlockIsItsMeanCurvature) {
  const auto keeps_first_block = [](const std::string& importance) {
    std::vector<SparseLayer> layers = layers_for("block:8x8@0.5");
    std::vector<torch::Tensor> curvatures;
    for (const SparseLayer& layer : layers) {
      torch::Tensor curvature = torch::ones(layer.weight.sizes());
      curvature.narrow(0, 0, 8).narrow(1, 0, 8).fill_(100.0);
      curvatures.push_back(curvature);
      const torch::NoGradGuard no_grad;
      layer.weight.narrow(0, 0, 8).narrow(1, 0, 8).mul_(0.2);  // the smallest norm
    }
    const auto method = method_of("one_time", {{"importance", importance}});
    method->start(layers, context_with_loss(layers, curvatures));
    return method->final_mask(0, layers[0].weight)[0][0][0][0].item<float>() == 1.0F;
  };
  EXPECT_TRUE(keeps_first_block("hessian"));
  EXPECT_FALSE(keeps_first_block("l2"));
}

TEST(Saliency, GradientAndFisherAreMeansOverBatches) {
  std::vector<SparseLayer> layers = layers_for("unstructured@0.5");
  std::vector<torch::Tensor> curvatures;
  for (const SparseLayer& layer : layers) curvatures.push_back(torch::ones(layer.weight.sizes()));
  const MethodContext context = context_with_loss(layers, curvatures);
  SaliencyRequest request;
  request.saliency = Saliency::gradient;
  const torch::Tensor w = layers[0].weight.detach();
  // Gradients of the two batches are w - 1 and w + 1.
  EXPECT_TRUE(to_torch(scores_of(layers, context, request)[0].values)
                  .allclose(w.square() * w.abs(), 1e-4, 1e-5));
  request.saliency = Saliency::fisher;
  EXPECT_TRUE(to_torch(scores_of(layers, context, request)[0].values)
                  .allclose(w.square() * (w.square() + 1.0), 1e-4, 1e-5));
  request.batches = 1;
  EXPECT_TRUE(to_torch(scores_of(layers, context, request)[0].values)
                  .allclose(w.square() * (w - 1.0).square(), 1e-4, 1e-5));
}

TEST(Saliency, DataDrivenMasksSatisfyEveryPattern) {
  for (const std::string importance : {"gradient", "hessian", "fisher"}) {
    for (const std::string& pattern : kPatterns) {
      std::vector<SparseLayer> layers = layers_for(pattern);
      std::vector<torch::Tensor> curvatures;
      for (const SparseLayer& layer : layers) {
        curvatures.push_back(normal(layer.weight.sizes().vec(), 5).abs());
      }
      const auto method = method_of("one_time", {{"importance", importance}, {"iterations", 2}});
      method->start(layers, context_with_loss(layers, curvatures));
      for (const SparseLayer& layer : layers) {
        EXPECT_TRUE(sparsity::satisfies(from_torch(layer.weight), layer.pattern).has_value())
            << importance << " " << pattern;
      }
    }
  }
}

TEST(Predetermined, MaskDependsOnTheSeedAndTheLayersNameOnly) {
  const auto weights = [](std::uint64_t seed, const std::string& pattern, bool reversed) {
    std::vector<SparseLayer> layers = layers_for(pattern);
    if (reversed) std::reverse(layers.begin(), layers.end());
    MethodContext context;
    context.seed = seed;
    method_of("predetermined")->start(layers, context);
    for (const SparseLayer& layer : layers) {
      EXPECT_TRUE(sparsity::satisfies(from_torch(layer.weight), layer.pattern).has_value())
          << pattern;
    }
    return from_torch(layers[reversed ? layers.size() - 1 : 0].weight).values;
  };
  for (const std::string& pattern : kPatterns) {
    EXPECT_EQ(weights(1, pattern, false), weights(1, pattern, true));
    EXPECT_NE(weights(1, pattern, false), weights(2, pattern, false));
  }
}

TEST(Channel, SmallestNormsGo) {
  std::vector<SparseLayer> layers = layers_for("channel@0.25");
  {
    const torch::NoGradGuard no_grad;
    layers[1].weight.narrow(0, 3, 4).mul_(0.01);
  }
  const auto method = method_of("channel");
  method->start(layers, {});
  EXPECT_EQ(layers[1].weight.narrow(0, 3, 4).count_nonzero().item<std::int64_t>(), 0);
  EXPECT_DOUBLE_EQ(method->products(1).ff_density, 0.75);
}

TEST(Asp, KeepsTheLargestOfEachGroup) {
  std::vector<SparseLayer> layers = layers_for("nm:2:4/in");
  Tensor expected = from_torch(layers[0].weight);
  sparsity::prune(expected, layers[0].pattern).mask.apply(expected);
  method_of("asp")->start(layers, {});
  EXPECT_EQ(from_torch(layers[0].weight).values, expected.values);
}

}  // namespace
}  // namespace wbs::trainers
