#include "trainers/recipe.hpp"

#include <gtest/gtest.h>

#include "core/error.hpp"
#include "trainers/fields.hpp"

namespace wbs::trainers {
namespace {

TEST(Recipe, ReadsBackWhatItWrites) {
  Recipe recipe;
  recipe.optimiser = OptimiserKind::adamw;
  recipe.schedule = ScheduleKind::step;
  recipe.step_epochs = {1.5, 3.0};
  recipe.epochs = 7;
  recipe.learning_rate = 0.30000000000000004;
  std::vector<std::string> problems;
  EXPECT_EQ(to_json(parse_recipe(to_json(recipe), problems)), to_json(recipe));
  EXPECT_TRUE(problems.empty());
}

TEST(Recipe, ReportsAllProblemsTogether) {
  std::vector<std::string> problems;
  static_cast<void>(parse_recipe(
      {{"epoch", 3}, {"batch", 0}, {"schedule", "cosin"}, {"learning_rate", "fast"}}, problems));
  ASSERT_EQ(problems.size(), 4U);
  EXPECT_EQ(problems[0], "recipe.batch: 0 is outside 1..1048576");
  EXPECT_EQ(problems[1], "recipe.learning_rate: \"fast\" is no number");
  EXPECT_EQ(problems[2],
            "recipe.schedule: 'cosin' is none of constant, cosine, step, one_cycle (did you mean "
            "'cosine'?)");
  EXPECT_EQ(problems[3], "recipe.epoch: is not known (did you mean 'epochs'?)");
}

TEST(LearningRate, RisesLinearlyThenFallsAlongACosine) {
  Recipe recipe;
  recipe.epochs = 4;
  recipe.learning_rate = 1.0;
  recipe.warmup_epochs = 1.0;
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe, 0, 10), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe, 9, 10), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe, 10, 10), 1.0);
  EXPECT_NEAR(learning_rate_at(recipe, 25, 10), 0.5, 1e-12);
  EXPECT_LT(learning_rate_at(recipe, 39, 10), 0.01);
  recipe.final_rate = 0.25;
  EXPECT_GT(learning_rate_at(recipe, 39, 10), 0.25);
}

TEST(LearningRate, FallsInSteps) {
  Recipe recipe;
  recipe.epochs = 3;
  recipe.learning_rate = 1.0;
  recipe.schedule = ScheduleKind::step;
  recipe.step_epochs = {1.0, 2.0};
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe, 9, 10), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe, 10, 10), 0.1);
  EXPECT_NEAR(learning_rate_at(recipe, 20, 10), 0.01, 1e-15);
}

TEST(LearningRate, OfOneCycleStartsLowAndPeaksAfterTheWarmUp) {
  Recipe recipe;
  recipe.epochs = 2;
  recipe.learning_rate = 1.0;
  recipe.schedule = ScheduleKind::one_cycle;
  recipe.warmup_epochs = 0.5;
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe, 0, 100), 0.04);
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe, 50, 100), 1.0);
  EXPECT_LT(learning_rate_at(recipe, 199, 100), 1e-3);
}

}  // namespace
}  // namespace wbs::trainers
