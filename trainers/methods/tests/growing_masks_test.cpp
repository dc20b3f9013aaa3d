#include "trainers/methods/growing_masks.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "sparsity/prune.hpp"
#include "trainers/methods/tests/fixtures.hpp"

namespace wbs::trainers {
namespace {

/// Trains for a whole run and checks that no zero comes back; returns the zero shares of layer 0.
std::vector<double> shares_over_run(const std::string& name, const nlohmann::json& options,
                                    std::vector<SparseLayer>& layers, std::int64_t epochs = 4) {
  const auto method = method_of(name, options);
  method->start(layers, {});
  std::vector<double> shares;
  torch::Tensor before = torch::ones_like(layers[0].weight.detach());
  const std::int64_t total = step_of(0, epochs).total_steps;
  for (std::int64_t step = 0; step < total; ++step) {
    train_step(*method, layers, step_of(step, epochs));
    const torch::Tensor now = method->final_mask(0, layers[0].weight).clone();
    EXPECT_TRUE(now.le(before).all().item<bool>()) << "a zero came back in step " << step;
    EXPECT_TRUE(method->mask_changes().defined() || now.equal(before));
    EXPECT_TRUE(layers[0].weight.detach().eq(0).logical_or(now.ne(0)).all().item<bool>());
    before = now;
    shares.push_back(1.0 - now.mean().item<double>());
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto good = sparsity::satisfies(stored(*method, layers, i), layers[i].pattern);
    EXPECT_TRUE(good.has_value()) << reason_of(good);
  }
  return shares;
}

TEST(Incremental, AddsAStepEveryFewEpochsUntilTheTarget) {
  std::vector<SparseLayer> layers = layers_for("block:4x4@0.5");  // layer 0: 32 blocks
  const auto shares =
      shares_over_run("incremental", {{"every_epochs", 0.4}, {"step", 0.25}}, layers);
  EXPECT_DOUBLE_EQ(shares[0], 0.25);  // in the first step
  EXPECT_DOUBLE_EQ(shares[9], 0.25);
  EXPECT_DOUBLE_EQ(shares[10], 0.5);  // 0.4 epochs of 25 steps later
  EXPECT_DOUBLE_EQ(shares.back(), 0.5);
}

TEST(Incremental, DefaultScheduleFitsAShortRun) {
  for (const std::string pattern :
       {"block:8x8@0.5", "block:4x4@0.75", "unstructured@0.9", "channel@0.25"}) {
    std::vector<SparseLayer> layers = layers_for(pattern);
    const auto shares = shares_over_run("incremental", nullptr, layers, 1);
    EXPECT_LT(shares.front(), shares.back()) << pattern;
  }
}

TEST(Incremental, ReachesTheLargestPossibleShareOfBlocks) {
  // 8 x 4 blocks of which 8 stay: one in every row. Greedy zeroing alone would get stuck.
  std::vector<SparseLayer> layers = layers_for("block:4x4@0.99");
  const auto shares = shares_over_run("incremental", nullptr, layers);
  EXPECT_DOUBLE_EQ(shares.back(), 0.75);
}

TEST(Incremental, RunThatIsTooShortIsRefused) {
  std::vector<SparseLayer> layers = layers_for("block:4x4@0.5");
  const auto method = method_of("incremental", {{"every_epochs", 2}});
  method->start(layers, {});
  try {
    method->begin_step(step_of(0));
    FAIL() << "expected a refusal";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find("train longer"), std::string::npos) << error.what();
  }
}

TEST(Incremental, BalanceLimitsTheZerosOfAColumn) {
  for (const bool balance : {false, true}) {
    std::vector<SparseLayer> layers = layers_for("block:4x4@0.5");
    {
      const torch::NoGradGuard no_grad;
      layers[0].weight.narrow(1, 0, 4).mul_(0.01);  // a column that would lose all but one block
    }
    shares_over_run("incremental", {{"balance", balance}}, layers);
    const sparsity::Mask mask =
        sparsity::mask_of_nonzeros(from_torch(layers[0].weight), {4, 4, false});
    std::int64_t zeros = 0;
    for (std::int64_t row = 0; row < 8; ++row) zeros += mask.kept(row, 0) ? 0 : 1;
    EXPECT_EQ(zeros, balance ? 4 : 7);
    EXPECT_EQ(mask.empty_rows(), 0);
  }
}

TEST(Incremental, ZerosPerColumnMustSufficeForTheRatio) {
  const auto method = method_of("incremental", {{"balance", true}, {"zeros_per_column", 1}});
  EXPECT_THROW(method->start(layers_for("block:4x4@0.5"), {}), Error);
  EXPECT_THROW(method_of("incremental", {{"zeros_per_column", 1}}), Error);
}

TEST(Gradual, FollowsTheCubic) {
  std::vector<SparseLayer> layers = layers_for("unstructured@0.8");
  const auto shares = shares_over_run("gradual", {{"begin", 0.1}, {"end", 0.6}, {"every_steps", 5}},
                                      layers);  // steps 10 to 60
  const auto cubic = [](double place) { return 0.8 * (1.0 - std::pow(1.0 - place, 3.0)); };
  EXPECT_DOUBLE_EQ(shares[9], 0.0);
  EXPECT_NEAR(shares[15], cubic(0.1), 1e-3);
  EXPECT_NEAR(shares[19], cubic(0.1), 1e-3);  // masks move every 5 steps
  EXPECT_NEAR(shares[35], cubic(0.5), 1e-3);
  EXPECT_LT(shares[59], 0.8 - 1e-4);
  EXPECT_NEAR(shares[60], 0.8, 1e-3);
  EXPECT_DOUBLE_EQ(shares.back(), shares[60]);
}

TEST(Gradual, PrunesBlocksAndReachesTheTargetInOneEpoch) {
  for (const std::string pattern : {"block:8x8@0.75", "block:4x4@0.5", "unstructured@0.95"}) {
    std::vector<SparseLayer> layers = layers_for(pattern);
    shares_over_run("gradual", nullptr, layers, 1);
    std::vector<SparseLayer> late = layers_for(pattern);
    shares_over_run("gradual", {{"begin", 0.9}, {"end", 1.0}}, late, 1);
  }
}

TEST(GrowingMasks, LeastImportantCellsGoFirst) {
  sparsity::Mask mask({4, 4}, {1, 1, false});
  std::vector<double> importance(16);
  for (std::size_t i = 0; i < importance.size(); ++i) importance[i] = static_cast<double>(15 - i);
  zero_further(mask, importance, 3, {});
  EXPECT_FALSE(mask.kept(15) || mask.kept(14) || mask.kept(13));
  EXPECT_EQ(mask.kept_cells(), 13);
  GrowthRules rules;
  rules.keep_rows_and_columns = true;
  zero_further(mask, importance, 5, rules);  // 12 is the last of its row
  EXPECT_TRUE(mask.kept(12));
  EXPECT_FALSE(mask.kept(11) || mask.kept(10));
}

}  // namespace
}  // namespace wbs::trainers
