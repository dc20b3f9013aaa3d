#include "trainers/optimiser.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "trainers/loss.hpp"

namespace wbs::trainers {
namespace {

using torch::Tensor;

/// Trains two tensors on the same loss, one with ours and one with LibTorch's optimiser.
template <typename Theirs, typename Options>
void expect_like_libtorch(const Recipe& recipe, Options options) {
  const Tensor start = torch::linspace(-1.0, 2.0, 12).reshape({3, 4});
  const Tensor ours = start.clone().requires_grad_(true);
  const Tensor theirs = start.clone().requires_grad_(true);
  Optimiser optimiser({{"w/weight", ours, true}}, recipe);
  Theirs reference(std::vector<Tensor>{theirs}, options);
  for (int step = 0; step < 5; ++step) {
    const auto loss = [&](const Tensor& w) { return ((w - step).pow(4)).sum(); };
    optimiser.clear_gradients();
    loss(ours).backward();
    optimiser.step(recipe.learning_rate);
    reference.zero_grad();
    loss(theirs).backward();
    reference.step();
  }
  EXPECT_TRUE(torch::allclose(ours, theirs, 1e-5, 1e-6)) << ours << theirs;
}

TEST(Optimiser, SgdEqualsLibTorchs) {
  Recipe recipe;
  recipe.learning_rate = 0.001;
  recipe.weight_decay = 0.1;
  for (const bool nesterov : {false, true}) {
    recipe.nesterov = nesterov;
    expect_like_libtorch<torch::optim::SGD>(
        recipe, torch::optim::SGDOptions(0.001).momentum(0.9).nesterov(nesterov).weight_decay(0.1));
  }
}

TEST(Optimiser, AdamwEqualsLibTorchs) {
  Recipe recipe;
  recipe.optimiser = OptimiserKind::adamw;
  recipe.learning_rate = 0.01;
  recipe.weight_decay = 0.1;
  expect_like_libtorch<torch::optim::AdamW>(recipe,
                                            torch::optim::AdamWOptions(0.01).weight_decay(0.1));
}

TEST(Optimiser, DecaysOnlyWhatIsMarked) {
  Recipe recipe;
  recipe.weight_decay = 0.5;
  const Tensor weight = torch::ones({2}).requires_grad_(true);
  const Tensor scale = torch::ones({2}).requires_grad_(true);
  Optimiser optimiser({{"a/weight", weight, true}, {"b/scale", scale, false}}, recipe);
  ((weight + scale).sum() * 0.0).backward();
  optimiser.step(0.1);
  EXPECT_LT(weight.max().item<double>(), 1.0);
  EXPECT_EQ(scale.min().item<double>(), 1.0);
}

TEST(GradientNorm, IsOverAllGradientsAndShowsInfinities) {
  Tensor a = torch::zeros({2}).requires_grad_(true);
  Tensor b = torch::zeros({1}).requires_grad_(true);
  const std::vector<NamedTensor> parameters{{"a", a, true}, {"b", b, true}};
  EXPECT_EQ(gradient_norm(parameters), 0.0);
  a.mutable_grad() = torch::tensor({2.0F, 3.0F});
  b.mutable_grad() = torch::tensor({6.0F});
  EXPECT_NEAR(gradient_norm(parameters), 7.0, 1e-6);
  b.mutable_grad() = torch::tensor({INFINITY});
  EXPECT_FALSE(std::isfinite(gradient_norm(parameters)));
}

TEST(TrainingLoss, OfTheTeacherItselfIsItsMinimum) {
  Recipe recipe;
  recipe.distill_weight = 1.0;
  const Tensor teacher = torch::linspace(-2.0, 2.0, 10).reshape({2, 5});
  const Tensor labels = torch::tensor({0, 1}, torch::kInt64);
  EXPECT_NEAR(training_loss(teacher, labels, teacher, 2, recipe).item<double>(), 0.0, 1e-5);
  EXPECT_GT(training_loss(-teacher, labels, teacher, 2, recipe).item<double>(), 0.1);
}

TEST(TrainingLoss, OfPartsAddsUpToThatOfTheWhole) {
  Recipe recipe;
  recipe.label_smoothing = 0.1;
  const Tensor logits = torch::linspace(-2.0, 2.0, 30).reshape({6, 5}).sin();
  const Tensor labels = torch::tensor({0, 1, 2, 3, 4, 0}, torch::kInt64);
  const double whole = training_loss(logits, labels, {}, 6, recipe).item<double>();
  const double first =
      training_loss(logits.narrow(0, 0, 4), labels.narrow(0, 0, 4), {}, 6, recipe).item<double>();
  const double second =
      training_loss(logits.narrow(0, 4, 2), labels.narrow(0, 4, 2), {}, 6, recipe).item<double>();
  EXPECT_NEAR(first + second, whole, 1e-6);
}

}  // namespace
}  // namespace wbs::trainers
