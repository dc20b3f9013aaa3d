#include "harness/scheduler.hpp"

#include <gmock/gmock.h>

#include <map>

#include "core/rng.hpp"
#include "harness/tests/fake_stages.hpp"

namespace wbs::harness {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using State = Scheduler::State;

DurationModel durations_of(const Plan& plan) {
  DurationModel model;
  for (const Task& task : plan.tasks) model.add(task.stage, task.parameters);
  return model;
}

Scheduler make_scheduler(const Plan& plan, std::vector<Resources> resources, int ranks) {
  Scheduler scheduler(plan, std::move(resources),
                      std::vector<State>(plan.tasks.size(), State::blocked), durations_of(plan));
  scheduler.set_ranks(std::vector<RankPlace>(static_cast<std::size_t>(ranks), {"node", 4, 0}), 1);
  return scheduler;
}

/// make -> a, b; one more alone.
Plan small_plan() {
  Plan plan;
  const std::size_t make = add_task(plan, "make", {{"n", std::int64_t{0}}}, {});
  add_task(plan, "use", {{"n", std::int64_t{1}}}, {make});
  add_task(plan, "use", {{"n", std::int64_t{2}}}, {make});
  add_task(plan, "alone", {}, {});
  return plan;
}

TEST(Scheduler, TheLongestPathGoesFirst) {
  const Plan plan = small_plan();
  Scheduler scheduler = make_scheduler(plan, std::vector<Resources>(4), 1);
  EXPECT_THAT(scheduler.take(0), ElementsAre(0));
}

TEST(Scheduler, DependentsWaitForTheirInput) {
  const Plan plan = small_plan();
  Scheduler scheduler = make_scheduler(plan, std::vector<Resources>(4), 3);
  EXPECT_THAT(scheduler.take(0), ElementsAre(0));
  EXPECT_THAT(scheduler.take(1), ElementsAre(3));
  EXPECT_THAT(scheduler.take(2), IsEmpty());
  scheduler.pass(0, 1.0);
  EXPECT_THAT(scheduler.take(2), ElementsAre(1));
}

TEST(Scheduler, WhatCannotRunAnyMoreIsNamed) {
  const Plan plan = small_plan();
  Scheduler scheduler = make_scheduler(plan, std::vector<Resources>(4), 1);
  EXPECT_THAT(scheduler.take(0), ElementsAre(0));
  EXPECT_THAT(scheduler.end(0), ElementsAre(1, 2));
  EXPECT_EQ(scheduler.unfinished(), 1U);
  EXPECT_TRUE(scheduler.doomed(1));
}

TEST(Scheduler, ATaskThatWasGivenBackIsHandedOutAgain) {
  const Plan plan = small_plan();
  Scheduler scheduler = make_scheduler(plan, std::vector<Resources>(4), 1);
  EXPECT_THAT(scheduler.take(0), ElementsAre(0));
  scheduler.give_back(0);
  EXPECT_THAT(scheduler.take(0), ElementsAre(0));
}

TEST(Scheduler, AReopenedInputBlocksItsReadyDependents) {
  const Plan plan = small_plan();
  Scheduler scheduler = make_scheduler(plan, std::vector<Resources>(4), 1);
  EXPECT_THAT(scheduler.take(0), ElementsAre(0));
  scheduler.pass(0, 1.0);
  EXPECT_EQ(scheduler.state(1), State::ready);
  scheduler.reopen(0);
  EXPECT_EQ(scheduler.state(1), State::blocked);
  EXPECT_EQ(scheduler.state(0), State::ready);
}

TEST(Scheduler, AnExclusiveTaskWaitsUntilItsNodeIsIdle) {
  Plan plan;
  add_task(plan, "bench", {}, {});
  add_task(plan, "shared", {{"n", std::int64_t{1}}}, {});
  Scheduler scheduler = make_scheduler(plan, {{1, 0, true}, {1, 0, false}}, 2);
  EXPECT_THAT(scheduler.take(0), ElementsAre(1));
  EXPECT_THAT(scheduler.take(1), IsEmpty());
  scheduler.pass(1, 1.0);
  EXPECT_THAT(scheduler.take(1), ElementsAre(0));
  EXPECT_THAT(scheduler.take(0), IsEmpty());
}

TEST(Scheduler, MemoryThatTasksDeclareIsNotExceeded) {
  Plan plan;
  for (std::int64_t n = 0; n < 3; ++n) add_task(plan, "big", {{"n", n}}, {});
  Scheduler scheduler(plan, std::vector<Resources>(3, {1, 60, false}),
                      std::vector<State>(3, State::blocked), durations_of(plan));
  scheduler.set_ranks({{"a", 2, 100}, {"a", 2, 100}, {"b", 1, 50}}, 0);
  EXPECT_THAT(scheduler.take(0), ElementsAre(0));
  EXPECT_THAT(scheduler.take(1), IsEmpty());
  EXPECT_THAT(scheduler.take(2), ElementsAre(1)) << "alone on its node a task always runs";
}

TEST(Scheduler, SmallTasksTravelInBatches) {
  const Plan plan = trivial_plan(1000);
  Scheduler scheduler = make_scheduler(plan, std::vector<Resources>(1000), 2);
  const std::vector<std::size_t> first = scheduler.take(0);
  EXPECT_EQ(first.size(), 1U) << "nothing is known of the stage yet";
  scheduler.pass(first.front(), 0.0001);
  EXPECT_GT(scheduler.take(0).size(), 20U);
}

/// Plays random plans with failures, retries and lost artifacts on random machines.
TEST(Scheduler, RandomPlansRunEveryTaskInOrderAndExclusivesAlone) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed);
    Plan plan;
    std::vector<Resources> resources;
    const std::size_t count = 1 + rng.below(60);
    for (std::size_t task = 0; task < count; ++task) {
      std::vector<std::size_t> inputs;
      for (std::size_t input = 0; input < task; ++input) {
        if (rng.bernoulli(0.05)) inputs.push_back(input);
      }
      add_task(plan, rng.bernoulli(0.5) ? "a" : "b", {{"n", static_cast<std::int64_t>(task)}},
               inputs);
      resources.push_back({static_cast<int>(1 + rng.below(3)),
                           static_cast<std::int64_t>(rng.below(80)), rng.bernoulli(0.2)});
    }
    Scheduler scheduler(plan, resources, std::vector<State>(count, State::blocked),
                        durations_of(plan));
    const std::size_t ranks = 1 + rng.below(5);
    std::vector<RankPlace> places;
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      places.push_back({rng.bernoulli(0.5) ? "x" : "y", 2, 100});
    }
    scheduler.set_ranks(places, 0);
    std::map<std::size_t, std::size_t> running;  // task -> rank
    std::vector<int> runs(count, 0);
    for (int step = 0; scheduler.unfinished() > 0; ++step) {
      ASSERT_LT(step, 10000) << "seed " << seed << " does not end";
      const std::size_t rank = rng.below(ranks);
      for (const std::size_t task : scheduler.take(static_cast<int>(rank))) {
        for (const std::size_t input : plan.tasks[task].inputs) {
          ASSERT_EQ(scheduler.state(input), State::passed) << "seed " << seed;
        }
        running[task] = rank;
        ++runs[task];
      }
      for (const auto& [task, on] : running) {
        if (!resources[task].exclusive) continue;
        for (const auto& [other, elsewhere] : running) {
          ASSERT_TRUE(other == task || places[elsewhere].node != places[on].node)
              << "seed " << seed << ": task " << task << " shares its node";
        }
      }
      if (running.empty() || rng.bernoulli(0.3)) continue;
      auto ended = running.begin();
      std::advance(ended, static_cast<std::ptrdiff_t>(rng.below(running.size())));
      const std::size_t task = ended->first;
      running.erase(ended);
      const double luck = rng.uniform();
      if (luck < 0.1) {
        scheduler.give_back(task);
        if (scheduler.doomed(task)) static_cast<void>(scheduler.end(task));
      } else if (luck < 0.2) {
        static_cast<void>(scheduler.end(task));
      } else {
        scheduler.pass(task, rng.uniform());
      }
    }
    EXPECT_EQ(scheduler.assigned(), 0U);
  }
}

TEST(DurationModel, LearnsWhichParameterValueTakesLong) {
  DurationModel model;
  for (const char* network : {"small", "large"}) {
    for (std::int64_t seed = 0; seed < 4; ++seed) {
      model.add("train", {{"network", std::string(network)}, {"seed", seed}});
    }
  }
  EXPECT_FALSE(model.known(0));
  model.observe(0, 1.0);
  model.observe(4, 9.0);
  EXPECT_LT(model.expect(1), model.expect(5));
}

}  // namespace
}  // namespace wbs::harness
