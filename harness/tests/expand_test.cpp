// From an experiment to its plan: order, sharing, keys, identity, --set and --only.
#include "harness/expand.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/plan_status.hpp"
#include "harness/tests/toy_stages.hpp"

namespace wbs::harness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kText = R"(schema = 1
stages = ["mix", "bake", "taste"]
[matrix]
flour = ["rye", "wheat"]
oven = ["180C", "200C", "220C"]
)";

PreparedExperiment prepared(const std::string& text, const std::vector<std::string>& overrides = {},
                            int mix_version = 1, const PlanContext& context = {"code", "tools"}) {
  return prepare_experiment_text(text, "cake.toml", overrides, toy_registry(mix_version), context);
}

Plan plan_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return prepared(text, overrides).plan;
}

std::vector<std::string> names_of(const Plan& plan) {
  std::vector<std::string> names;
  for (const Case& planned : plan.cases) names.push_back(planned.name);
  return names;
}

TEST(Expand, TakesTheCrossProductWithTheFirstAxisOutermost) {
  EXPECT_THAT(
      names_of(plan_of(kText)),
      ElementsAre("flour=rye oven=180C", "flour=rye oven=200C", "flour=rye oven=220C",
                  "flour=wheat oven=180C", "flour=wheat oven=200C", "flour=wheat oven=220C"));
}

TEST(Expand, SharesStagesOfCasesWithTheSamePrefix) {
  const Plan plan = plan_of(kText);
  EXPECT_EQ(plan.tasks.size(), 2U + 6U + 6U);
  EXPECT_EQ(plan.cases[0].tasks[0], plan.cases[2].tasks[0]);
  EXPECT_NE(plan.cases[0].tasks[1], plan.cases[1].tasks[1]);
  for (std::size_t task = 0; task < plan.tasks.size(); ++task) {
    for (const std::size_t input : plan.tasks[task].inputs) EXPECT_LT(input, task);
  }
}

TEST(Expand, GivesATaskExactlyTheParametersOfItsStageWithDefaults) {
  const Plan plan = plan_of(std::string(kText) + "[parameters]\nratio = 1\n");
  EXPECT_EQ(plan.tasks[0].parameters, (Values{{"flour", std::string("rye")},
                                              {"ratio", 1.0},
                                              {"recipe", std::string()},
                                              {"seed", std::int64_t{1}}}));
  EXPECT_TRUE(plan.tasks[2].parameters.empty());
  EXPECT_EQ(plan.cases[0].parameters.at("oven"), Value{std::string("180C")});
}

TEST(Expand, ChangesTheKeysDownstreamOfAChangeAndNoOthers) {
  const Plan plan = plan_of(kText);
  const Plan newer = prepared(kText, {}, 2).plan;
  const Plan other_oven = plan_of(kText, {"oven=[180C,250C,220C]"});
  for (std::size_t task = 0; task < plan.tasks.size(); ++task) {
    EXPECT_NE(plan.tasks[task].key, newer.tasks[task].key);
  }
  EXPECT_EQ(plan.tasks[plan.cases[1].tasks[0]].key, other_oven.tasks[plan.cases[1].tasks[0]].key);
  EXPECT_NE(plan.tasks[plan.cases[1].tasks[2]].key, other_oven.tasks[plan.cases[1].tasks[2]].key);
  EXPECT_EQ(plan.tasks[plan.cases[2].tasks[2]].key, other_oven.tasks[plan.cases[2].tasks[2]].key);
  EXPECT_NE(prepared(kText, {}, 1, {"code", "other tools"}).plan.tasks[0].key, plan.tasks[0].key);
}

TEST(Expand, KeysAFileByItsContents) {
  const Plan plan = plan_of(kText, {"recipe=[/a/book.txt,/b/book.txt,/b/notes.txt]"});
  EXPECT_EQ(plan.cases.size(), 18U);
  EXPECT_EQ(plan.cases[0].tasks, plan.cases[1].tasks);
  EXPECT_NE(plan.cases[0].tasks[0], plan.cases[2].tasks[0]);
  EXPECT_EQ(plan.tasks[0].data_digests.at("recipe"), "book.txt");
  EXPECT_EQ(plan.identity_parts.at("data.recipe=/a/book.txt"), "book.txt");
}

TEST(Expand, ZipsParametersAndExcludesCases) {
  const Plan plan = plan_of(R"(schema = 1
stages = ["mix", "bake"]
[[zip]]
flour = ["rye", "wheat", "oat"]
seed = [7, 8, 9]
[matrix]
oven = ["180C", "200C"]
[[exclude]]
flour = ["rye", "oa*"]
oven = "200C"
)");
  EXPECT_THAT(names_of(plan),
              ElementsAre("flour=rye seed=7 oven=180C", "flour=wheat seed=8 oven=180C",
                          "flour=wheat seed=8 oven=200C", "flour=oat seed=9 oven=180C"));
}

TEST(Expand, NamesOfCasesStayWhenSetFixesAnAxis) {
  EXPECT_THAT(names_of(plan_of(kText, {"oven=220C", "flour=\"dark rye\""})),
              ElementsAre("flour=\"dark rye\" oven=220C"));
}

TEST(Expand, SetTakesTomlListsBareWordsAndNewAxes) {
  EXPECT_THAT(names_of(plan_of(kText, {"flour=[\"rye\", oat]", "oven=5", "seed=[1, 2]"})),
              ElementsAre("flour=rye oven=5 seed=1", "flour=rye oven=5 seed=2",
                          "flour=oat oven=5 seed=1", "flour=oat oven=5 seed=2"));
  const Experiment experiment =
      prepared(kText, {"run.retries=2", "run.timeout_s=1.5", "run.threads=4"}).experiment;
  EXPECT_EQ(experiment.run.retries, 2);
  EXPECT_EQ(experiment.run.timeout_s, 1.5);
  EXPECT_EQ(experiment.run.threads, 4);
}

TEST(Expand, SetOfAZippedParameterKeepsTheOthersOfItsGroup) {
  const std::string text =
      "schema = 1\nstages = [\"mix\"]\n[[zip]]\nflour = [\"rye\", \"wheat\"]\nseed = [1, 2]\n";
  EXPECT_THAT(names_of(plan_of(text, {"seed=5"})),
              ElementsAre("flour=rye seed=5", "flour=wheat seed=5"));
  EXPECT_THAT(names_of(plan_of(text, {"seed=[5,6]"})),
              ElementsAre("flour=rye seed=5", "flour=wheat seed=6"));
  EXPECT_THROW((void)plan_of(text, {"seed=[5,6,7]"}), ExperimentErrors);
}

TEST(Expand, IdentityFollowsWhatDecidesResultsAndNothingElse) {
  const Plan plan = plan_of(kText);
  EXPECT_EQ(plan.identity, plan_of(std::string(kText) + "[run]\nretries = 3\n").identity);
  EXPECT_EQ(plan.identity,
            plan_of(std::string(kText) + "[[table]]\nname = \"t\"\nrows = [\"flour\", \"oven\"]\n"
                                         "values = [\"taste.score\"]\n")
                .identity);
  EXPECT_NE(plan.identity, plan_of(kText, {"seed=2"}).identity);
  EXPECT_NE(plan.identity, prepared(kText, {}, 1, {"new code", "tools"}).plan.identity);
  EXPECT_EQ(plan.identity_parts.at("axis.oven"), "180C, 200C, 220C");
  EXPECT_EQ(plan.identity_parts.at("parameter.seed"), "1");
  EXPECT_EQ(plan.identity_parts.at("stage.mix"), "version 1");
  EXPECT_EQ(plan.identity_parts.at("code"), "code");
}

TEST(Expand, TenThousandCasesKeepTheirOrderAndShareTheirPrefixes) {
  std::string text = "schema = 1\nstages = [\"mix\", \"bake\", \"taste\"]\n[matrix]\nflour = [";
  for (int i = 0; i < 100; ++i) text += fmt::format("\"f{}\",", i);
  text += "]\noven = [";
  for (int i = 0; i < 100; ++i) text += fmt::format("\"o{}\",", i);
  const Plan plan = plan_of(text + "]\n");
  EXPECT_EQ(plan.cases.size(), 10000U);
  EXPECT_EQ(plan.tasks.size(), 100U + 10000U + 10000U);
  EXPECT_EQ(plan.cases.back().name, "flour=f99 oven=o99");
}

TEST(Select, KeepsMatchingCasesAndTheTasksTheyNeed) {
  const Plan plan = plan_of(kText);
  const Plan some = select_cases(plan, {"flour=wheat,oven=18*|22?C"});
  EXPECT_THAT(names_of(some), ElementsAre("flour=wheat oven=180C", "flour=wheat oven=220C"));
  EXPECT_EQ(some.tasks.size(), 5U);
  EXPECT_EQ(some.identity, plan.identity);
  EXPECT_EQ(some.tasks[some.cases[1].tasks[1]].inputs, std::vector<std::size_t>{0});
  EXPECT_EQ(some.tasks[some.cases[1].tasks[2]].key, plan.tasks[plan.cases[5].tasks[2]].key);
  EXPECT_THAT(names_of(select_cases(plan, {"flour!=rye,oven=200C", "oven=180C,flour=rye"})),
              ElementsAre("flour=rye oven=180C", "flour=wheat oven=200C"));
  EXPECT_EQ(select_cases(plan, {}).cases.size(), plan.cases.size());
}

TEST(Select, ComparesNumbersByValue) {
  const Plan plan = plan_of(kText, {"ratio=[0.5,0.25]"});
  EXPECT_EQ(select_cases(plan, {"ratio=0.50"}).cases.size(), 6U);
}

TEST(Select, RefusesAFilterThatSelectsNothingOrNamesAnUnknownParameter) {
  const Plan plan = plan_of(kText);
  const auto message = [&](const std::string& filter) -> std::string {
    try {
      (void)select_cases(plan, {filter});
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(message("oven=100C"), HasSubstr("--only oven=100C selects none of the 6 cases"));
  EXPECT_THAT(message("ovn=180C"), HasSubstr("unknown parameter 'ovn'"));
  EXPECT_THAT(message("180C"), HasSubstr("is not PARAMETER=VALUE"));
}

TEST(Glob, MatchesStarsAndQuestionMarks) {
  EXPECT_TRUE(matches_glob("8*", "8x8"));
  EXPECT_TRUE(matches_glob("*8", "8x8"));
  EXPECT_TRUE(matches_glob("block:?x?@*", "block:8x8@0.5"));
  EXPECT_TRUE(matches_glob("*", ""));
  EXPECT_TRUE(matches_glob("a*b*c", "a-b-b-c"));
  EXPECT_FALSE(matches_glob("a*b*c", "a-b-b-d"));
  EXPECT_FALSE(matches_glob("?", ""));
  EXPECT_FALSE(matches_glob("8x8", "8x88"));
}

TEST(DryRun, ShowsCasesTasksAndSharing) {
  const Plan plan = plan_of(kText, {"oven=[180C,200C]", "flour=rye"});
  const auto key = [&](std::size_t task) { return plan.tasks[task].key.substr(0, 8); };
  EXPECT_EQ(describe_plan(plan),
            fmt::format("cake: 2 cases, 5 stage executions (6 without sharing)\n"
                        "  mix               1 for 2 cases\n"
                        "  bake              2 for 2 cases\n"
                        "  taste             2 for 2 cases\n"
                        "  flour=rye oven=180C: +mix:{} +bake:{} +taste:{}\n"
                        "  flour=rye oven=200C: mix:{} +bake:{} +taste:{}\n",
                        key(0), key(1), key(2), key(0), key(3), key(4)));
  std::vector<TaskOutcome> outcomes(plan.tasks.size());
  outcomes[0].outcome = Outcome::passed;
  EXPECT_THAT(describe_plan(plan, &outcomes), HasSubstr("1 for 2 cases, 1 passed already\n"));
}

TEST(Status, BlamesTheInputOfASkippedTask) {
  const Plan plan = plan_of(kText);
  std::vector<TaskOutcome> outcomes(plan.tasks.size());
  for (TaskOutcome& outcome : outcomes) outcome.outcome = Outcome::passed;
  const Case& first = plan.cases.front();
  EXPECT_EQ(case_status(plan, first, outcomes).outcome, Outcome::passed);
  const auto set = [&](std::size_t position, Outcome outcome, const char* reason) {
    outcomes[first.tasks[position]].outcome = outcome;
    outcomes[first.tasks[position]].reason = reason;
  };
  set(0, Outcome::unsupported, "no eggs");
  set(1, Outcome::skipped, "mix did not pass");
  set(2, Outcome::skipped, "bake did not pass");
  const CaseStatus status = task_status(plan, first.tasks[2], outcomes);
  EXPECT_EQ(status.outcome, Outcome::unsupported);
  EXPECT_EQ(status.stage, "mix");
  EXPECT_EQ(status.reason, "no eggs");
}

}  // namespace
}  // namespace wbs::harness
