// What a cell says: numbers only where everything passed, and reasons everywhere else.
#include "harness/table.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "harness/expand.hpp"
#include "harness/tests/toy_stages.hpp"
#include "harness/values.hpp"

namespace wbs::harness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// An experiment whose every task has passed; tests then spoil some.
struct Campaign {
  Experiment experiment;
  Plan plan;
  std::vector<TaskOutcome> outcomes;

  explicit Campaign(const std::string& text, const std::vector<std::string>& overrides = {}) {
    PreparedExperiment prepared =
        prepare_experiment_text(text, "cake.toml", overrides, toy_registry(), {"code", "tools"});
    experiment = std::move(prepared.experiment);
    plan = std::move(prepared.plan);
    outcomes.resize(plan.tasks.size());
    for (TaskOutcome& outcome : outcomes) outcome.outcome = Outcome::passed;
  }

  TaskOutcome& at(const std::string& case_name, const std::string& stage) {
    for (const Case& planned : plan.cases) {
      if (planned.name != case_name) continue;
      for (const std::size_t task : planned.tasks) {
        if (plan.tasks[task].stage == stage) return outcomes[task];
      }
    }
    throw Error(ErrorKind::internal, "no such case: " + case_name);
  }

  /// Sets taste.score of the cases in their order.
  void score(const std::vector<double>& scores) {
    for (std::size_t i = 0; i < plan.cases.size(); ++i) {
      outcomes[plan.cases[i].tasks.back()].result.metrics["score"] = scores.at(i);
    }
  }

  void fail(const std::string& case_name, const std::string& stage, Outcome outcome,
            const std::string& reason) {
    TaskOutcome& failed = at(case_name, stage);
    failed.outcome = outcome;
    failed.reason = reason;
    failed.result = {};
  }

  [[nodiscard]] Table table() const {
    const std::vector<Table> tables = make_tables(experiment, plan, outcomes);
    EXPECT_EQ(tables.size(), 1U);
    return tables.at(0);
  }
};

std::vector<std::string> texts(const std::vector<Cell>& cells) {
  std::vector<std::string> texts;
  for (const Cell& cell : cells) texts.push_back(cell.text);
  return texts;
}

std::string pivot(const std::string& value, const std::string& more = "") {
  return fmt::format(R"(schema = 1
stages = ["mix", "bake", "taste"]
[matrix]
flour = ["rye", "wheat"]
oven = ["180C", "200C"]
[[table]]
name = "scores"
rows = ["flour"]
columns = ["oven"]
values = [{{metric = "taste.score", {}}}]
{}
)",
                     value, more);
}

TEST(Table, PivotHasOneColumnPerColumnValueInTheOrderOfTheCases) {
  Campaign campaign(pivot("digits = 3"));
  campaign.score({1.0, 2.5, 3.14159, 400});
  const Table table = campaign.table();
  ASSERT_EQ(table.columns.size(), 3U);
  EXPECT_EQ(table.columns[0].name, "flour");
  EXPECT_EQ(table.columns[1].name, "180C");
  EXPECT_EQ(table.columns[2].header, "200C");
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_THAT(texts(table.rows[0]), ElementsAre("rye", "1", "2.5"));
  EXPECT_THAT(texts(table.rows[1]), ElementsAre("wheat", "3.14", "400"));
  EXPECT_EQ(table.rows[1][1].raw, "3.14159");
  EXPECT_THAT(table.rows[1][1].cases, ElementsAre("flour=wheat oven=180C"));
  EXPECT_THAT(table.rows[1][1].tasks,
              ElementsAre(campaign.plan.tasks[campaign.plan.cases[2].tasks[2]].key));
}

TEST(Table, SpeedupDividesByTheCaseThatDiffersOnlyInTheBaseline) {
  Campaign campaign(pivot("baseline = {flour = \"wheat\"}, format = \"fixed\", digits = 2"));
  campaign.score({2.0, 4.0, 3.0, 1.0});
  const Table table = campaign.table();
  EXPECT_THAT(texts(table.rows[0]), ElementsAre("rye", "1.50", "0.25"));
  EXPECT_THAT(texts(table.rows[1]), ElementsAre("wheat", "1.00", "1.00"));
  EXPECT_THAT(table.rows[0][2].baseline_cases, ElementsAre("flour=wheat oven=200C"));
}

TEST(Table, OtherComparisonsAreRatioDifferenceAndPercent) {
  const std::string baseline = "baseline = {flour = \"wheat\"}, compare = ";
  for (const auto& [compare, expected] :
       {std::pair{"\"ratio\"", "4"}, {"\"difference\"", "3"}, {"\"percent\"", "300"}}) {
    Campaign campaign(pivot(baseline + compare));
    campaign.score({4.0, 4.0, 1.0, 1.0});
    EXPECT_EQ(campaign.table().rows[0][1].text, expected);
  }
}

TEST(Table, CellSaysWhyItHasNoBaseline) {
  Campaign campaign(pivot("baseline = {flour = \"wheat\"}"));
  campaign.score({2.0, 4.0, 3.0, 1.0});
  campaign.fail("flour=wheat oven=200C", "bake", Outcome::failed, "burnt");
  campaign.fail("flour=wheat oven=200C", "taste", Outcome::skipped, "bake did not pass");
  const Table table = campaign.table();
  EXPECT_EQ(table.rows[0][2].text, "no baseline");
  EXPECT_EQ(table.rows[0][2].footnote, 1);
  EXPECT_FALSE(table.rows[0][2].value.has_value());
  EXPECT_THAT(table.footnotes,
              ElementsAre("no baseline: its baseline 'flour=wheat oven=200C' is failed (bake: "
                          "burnt)",
                          "failed: bake: burnt"));
  EXPECT_EQ(table.rows[1][2].text, "failed");
  EXPECT_THAT(table.notes, ElementsAre("1 of 4 cases did not pass: 1 failed"));
}

TEST(Table, BaselineThatIsNoCaseLeavesACellThatSaysSo) {
  Campaign campaign(pivot("baseline = {flour = \"oat\"}"));
  campaign.score({2.0, 4.0, 3.0, 1.0});
  EXPECT_THAT(campaign.table().footnotes,
              ElementsAre("no baseline: no case agrees in all but flour=oat"));
}

TEST(Table, OutcomesReplaceNumbersAndEqualReasonsShareAFootnote) {
  Campaign campaign(pivot("digits = 3"));
  campaign.score({1.0, 2.0, 3.0, 4.0});
  campaign.fail("flour=rye oven=180C", "taste", Outcome::unsupported, "no tongue");
  campaign.fail("flour=wheat oven=180C", "taste", Outcome::unsupported, "no tongue");
  campaign.fail("flour=wheat oven=200C", "taste", Outcome::planned, "");
  campaign.at("flour=rye oven=200C", "taste").result.metrics["score"] =
      std::numeric_limits<double>::quiet_NaN();
  const Table table = campaign.table();
  EXPECT_THAT(texts(table.rows[0]), ElementsAre("rye", "unsupported", "diverged"));
  EXPECT_THAT(texts(table.rows[1]), ElementsAre("wheat", "unsupported", "not run"));
  EXPECT_EQ(table.rows[0][1].footnote, table.rows[1][1].footnote);
  EXPECT_EQ(table.rows[1][2].footnote, 0);
  EXPECT_EQ(table.rows[0][2].raw, "diverged");
}

TEST(Table, UnknownMetricNamesThoseThatExist) {
  Campaign campaign(pivot("name = \"s\""));
  for (TaskOutcome& outcome : campaign.outcomes) outcome.result.metrics = {{"scores", 1.0}};
  EXPECT_THAT(campaign.table().footnotes,
              ElementsAre("no metric: stage 'taste' gave no metric 'score' (did you mean "
                          "'scores'?); it gave scores"));
}

constexpr const char* kList = R"(schema = 1
stages = ["mix", "bake", "taste"]
[parameters]
ratio = 0.25
[matrix]
flour = ["rye", "wheat"]
oven = ["180C", "200C"]
[published.book]
source = "A Book of Cakes, Table 2"
keys = ["flour", "oven"]
values = ["score"]
rows = [
  ["rye", "180C", 2.0],
  ["rye", "200C", "failed"],
  ["wheat", "180C", 4.0],
]
[[table]]
name = "scores"
title = "Scores"
caption = "Scores of {flour} at ratio {ratio}, {mix.method}"
rows = ["oven", "flour"]
headers = {oven = "heat"}
display = {flour = {rye = "dark"}}
values = [
  {name = "published", published = "book.score"},
  {name = "ours", metric = "taste.score"},
  {name = "deviation", metric = "taste.score", deviation = "book.score"},
  {name = "both", metric = "taste.score", published = "book.score"},
]
)";

TEST(Table, PublishedValuesStandBesideOursWithTheDeviation) {
  Campaign campaign(kList);
  campaign.score({2.2, 3.0, 3.0, 5.0});
  const Table table = campaign.table();
  EXPECT_EQ(table.columns[0].name, "heat");
  ASSERT_EQ(table.rows.size(), 4U);
  EXPECT_THAT(texts(table.rows[0]),
              ElementsAre("180C", "dark", "2", "2.2", "+10.0", "2.2 (2, +10.0%)"));
  EXPECT_THAT(texts(table.rows[1]), ElementsAre("200C", "dark", "failed", "3", "", "3 (failed)"));
  EXPECT_THAT(texts(table.rows[2]),
              ElementsAre("180C", "wheat", "4", "3", "-25.0", "3 (4, -25.0%)"));
  EXPECT_THAT(texts(table.rows[3]), ElementsAre("200C", "wheat", "", "5", "", "5"));
  EXPECT_EQ(table.rows[1][2].raw, "failed");
  EXPECT_FALSE(table.rows[1][2].value.has_value());
}

TEST(Table, ADeviationThatRoundsToZeroHasNoSign) {
  Campaign campaign(kList);
  campaign.score({1.9999, 3.0, 4.0001, 5.0});
  const Table table = campaign.table();
  EXPECT_EQ(table.rows[0][4].text, "0.0");
  EXPECT_EQ(table.rows[2][4].text, "0.0");
  EXPECT_EQ(table.rows[0][5].text, "2 (2, 0.0%)");
}

TEST(Table, PublishedColumnIsComparedWithItsPublishedBaseline) {
  Campaign campaign(std::string(kList) +
                    "row_values = [{name = \"gain\", published = \"book.score\", baseline = "
                    "{flour = \"wheat\"}}]\n");
  campaign.score({1, 1, 1, 1});
  const Table table = campaign.table();
  EXPECT_EQ(table.rows[0][2].text, "2");
  EXPECT_EQ(table.rows[1][2].text, "failed");
  EXPECT_EQ(table.rows[2][2].text, "1");
}

TEST(Table, RowValuesStandBesideTheLabelsOnce) {
  Campaign campaign(pivot("digits = 3", "row_values = [\"mix.weight\", \"mix.kind\"]"));
  campaign.score({1, 2, 3, 4});
  for (const char* name : {"flour=rye oven=180C", "flour=wheat oven=180C"}) {
    campaign.at(name, "mix").result.metrics = {{"weight", 0.5}, {"kind", std::string("fine")}};
  }
  const Table table = campaign.table();
  EXPECT_THAT(texts(table.rows[0]), ElementsAre("rye", "0.5", "fine", "1", "2"));
  EXPECT_TRUE(table.columns[1].label);
  EXPECT_TRUE(table.columns[1].numeric);
  EXPECT_FALSE(table.columns[2].numeric);
  EXPECT_FALSE(table.columns[3].label);
  EXPECT_THAT(table.rows[0][1].cases, testing::SizeIs(2));
}

TEST(Table, CaptionHoldsParametersMetricsSharedWarningsAndSources) {
  Campaign campaign(kList);
  campaign.score({1, 1, 1, 1});
  for (TaskOutcome& outcome : campaign.outcomes) {
    outcome.result.metrics["method"] = std::string("by hand");
    outcome.result.warnings = {"the eggs are painted"};
  }
  campaign.at("flour=rye oven=200C", "bake").result.warnings.emplace_back("oven capped at 199C");
  const Table table = campaign.table();
  EXPECT_EQ(table.caption,
            "Scores of dark, wheat at ratio 0.25, by hand. the eggs are painted. Published values: "
            "A Book of Cakes, Table 2. In parentheses: the published value and our deviation from "
            "it.");
  EXPECT_THAT(table.notes, ElementsAre("oven capped at 199C (flour=rye oven=200C; 1 of 4 cases)"));
}

TEST(Table, WhereLeavesCasesOutButNotTheBaseline) {
  Campaign campaign(pivot("baseline = {flour = \"wheat\"}", "where = \"flour!=wheat\""));
  campaign.score({2.0, 4.0, 3.0, 1.0});
  const Table table = campaign.table();
  ASSERT_EQ(table.rows.size(), 1U);
  EXPECT_THAT(texts(table.rows[0]), ElementsAre("rye", "1.5", "0.25"));
}

TEST(Table, ReplicatesGiveMedianSpreadAndCount) {
  Campaign campaign(pivot("digits = 3", "over = [\"seed\"]"), {"seed=[1,2,3]", "oven=180C"});
  campaign.score({1.0, 4.0, 2.0, 5.0, 5.0, 9.0});
  campaign.fail("flour=wheat oven=180C seed=2", "taste", Outcome::timed_out, "10 s");
  const Table table = campaign.table();
  EXPECT_THAT(texts(table.rows[0]), ElementsAre("rye", "2 ±1 (n=3)"));
  EXPECT_THAT(texts(table.rows[1]), ElementsAre("wheat", "7 ±2 (n=2 of 3)"));
  EXPECT_EQ(table.rows[0][1].value, 2.0);
  EXPECT_THAT(table.rows[0][1].samples, ElementsAre(1.0, 4.0, 2.0));
  EXPECT_THAT(table.rows[0][1].cases, testing::SizeIs(3));
  EXPECT_THAT(table.footnotes, ElementsAre("timed-out: taste: 10 s"));
  EXPECT_THAT(table.caption, HasSubstr("Median ± median absolute deviation over seed"));
}

TEST(Table, ReplicatesOfATextAreShownOnceWhenTheyAgree) {
  Campaign campaign(pivot("digits = 3", "over = [\"seed\"]"), {"seed=[1,2]", "oven=180C"});
  for (const char* name : {"flour=rye oven=180C seed=1", "flour=rye oven=180C seed=2",
                           "flour=wheat oven=180C seed=1", "flour=wheat oven=180C seed=2"}) {
    campaign.at(name, "taste").result.metrics["score"] = std::string("good");
  }
  campaign.at("flour=wheat oven=180C seed=2", "taste").result.metrics["score"] = std::string("bad");
  const Table table = campaign.table();
  EXPECT_EQ(table.rows[0][1].text, "good");
  EXPECT_EQ(table.rows[1][1].text, "differs");
}

TEST(Table, SpeedupsOfReplicatesArePairedBySeed) {
  Campaign campaign(pivot("baseline = {flour = \"wheat\"}", "over = [\"seed\"]"),
                    {"seed=[1,2,3]", "oven=180C"});
  campaign.score({1.0, 2.0, 4.0, 2.0, 6.0, 16.0});
  EXPECT_THAT(campaign.table().rows[0][1].samples, ElementsAre(2.0, 3.0, 4.0));
}

TEST(Table, AnAxisThatSetAddsSplitsTheRows) {
  Campaign campaign(pivot("digits = 3"), {"seed=[1,2]"});
  campaign.score({1, 2, 3, 4, 5, 6, 7, 8});
  const Table table = campaign.table();
  EXPECT_EQ(table.columns[0].name, "seed");
  EXPECT_THAT(texts(table.rows[1]), ElementsAre("2", "rye", "2", "4"));
}

TEST(Table, IntegersFlagsAndTextsAreShownAsTheyAre) {
  Campaign campaign(pivot("digits = 2"));
  campaign.score({1, 1, 1, 1});
  campaign.at("flour=rye oven=180C", "taste").result.metrics["score"] = std::int64_t{25557032};
  campaign.at("flour=rye oven=200C", "taste").result.metrics["score"] = true;
  campaign.at("flour=wheat oven=180C", "taste").result.metrics["score"] = std::string("good");
  const Table table = campaign.table();
  EXPECT_THAT(texts(table.rows[0]), ElementsAre("rye", "25557032", "yes"));
  EXPECT_THAT(texts(table.rows[1]), ElementsAre("wheat", "good", "1"));
  EXPECT_EQ(table.rows[0][1].raw, "25557032");
  EXPECT_EQ(table.rows[0][2].raw, "true");
}

TEST(Table, ScaleAppliesToValueAndPublishedValue) {
  Campaign campaign(pivot("scale = 1000, unit = \"ms\", format = \"fixed\", digits = 1"));
  campaign.score({0.0125, 0.5, 0.001, 1});
  const Table table = campaign.table();
  EXPECT_EQ(table.rows[0][1].text, "12.5");
  EXPECT_EQ(table.rows[0][1].raw, "12.5");
  EXPECT_EQ(table.columns[1].unit, "ms");
}

TEST(Table, CasesLeftOutByOnlyLeaveBlankCells) {
  Campaign campaign(pivot("digits = 3"));
  campaign.plan = select_cases(campaign.plan, {"flour=rye,oven=180C", "flour=wheat,oven=200C"});
  campaign.outcomes.assign(campaign.plan.tasks.size(), {});
  for (TaskOutcome& outcome : campaign.outcomes) outcome.outcome = Outcome::passed;
  campaign.score({1.0, 2.0});
  const Table table = campaign.table();
  EXPECT_THAT(texts(table.rows[0]), ElementsAre("rye", "1", ""));
  EXPECT_THAT(texts(table.rows[1]), ElementsAre("wheat", "", "2"));
  EXPECT_THAT(table.footnotes, IsEmpty());
}

}  // namespace
}  // namespace wbs::harness
