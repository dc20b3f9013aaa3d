// Experiment files: what is read, and what is refused, with its place.
#include "harness/experiment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/expand.hpp"
#include "harness/tests/toy_stages.hpp"

namespace wbs::harness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> errors_of(const std::string& text,
                                   const std::vector<std::string>& overrides = {}) {
  const StageRegistry registry = toy_registry();
  try {
    (void)prepare_experiment_text(text, "cake.toml", overrides, registry, {"code", "tools"});
  } catch (const ExperimentErrors& errors) {
    EXPECT_EQ(errors.kind(), ErrorKind::usage);
    return errors.errors();
  }
  return {};
}

constexpr const char* kGood = R"(schema = 1
stages = ["mix", "bake", "taste"]
[parameters]
seed = 3
[matrix]
flour = ["rye", "wheat"]
oven = ["180C", "200C"]
)";

TEST(Experiment, ReadsStagesParametersAndAxesInTheOrderOfTheFile) {
  ErrorList errors;
  const Experiment experiment = read_experiment(kGood, "dir/cake.toml", {}, toy_registry(), errors);
  EXPECT_TRUE(errors.empty());
  EXPECT_EQ(experiment.name, "cake");
  EXPECT_EQ(experiment.title, "cake");
  ASSERT_EQ(experiment.axes.size(), 2U);
  EXPECT_EQ(experiment.axes[0].names[0].name, "flour");
  EXPECT_EQ(experiment.axes[1].points[1][0].value, Value{std::string("200C")});
  EXPECT_EQ(experiment.axes[1].points[1][0].where.line, 7);
  EXPECT_EQ(experiment.axes[1].points[1][0].where.column, 17);
  ASSERT_EQ(experiment.fixed.size(), 1U);
  EXPECT_EQ(experiment.fixed[0].value.value, Value{std::int64_t{3}});
}

TEST(Experiment, ReportsAllErrorsTogetherWithLineAndColumn) {
  EXPECT_THAT(errors_of(R"(schema = 2
stagess = 1
stages = ["mix", "bakee"]
title = 7
[parameters]
ratio = "much"
flavour = "x"
[matrix]
flour = "rye"
oven = []
[run]
retries = -1
speed = 3
)"),
              ElementsAre("cake.toml:1:10: schema 2 is not known; this program reads schema 1",
                          "cake.toml:2:1: unknown key 'stagess' in the experiment (did you mean "
                          "'stages'?); known: schema, name, title, stages, labels, parameters, "
                          "matrix, zip, exclude, table, published, run",
                          "cake.toml:3:18: unknown stage 'bakee' (did you mean 'bake'?); known: "
                          "mix, bake, taste",
                          "cake.toml:4:9: 'title' must be text, found an integer",
                          "cake.toml:6:9: 'ratio': expected a number, found text 'much'",
                          HasSubstr("cake.toml:7:1: unknown parameter 'flavour' (did you mean "
                                    "'flour'?)"),
                          HasSubstr("cake.toml:9:9: 'flour' must be a list of values, found text"),
                          "cake.toml:10:8: 'oven' has no values",
                          "cake.toml:12:11: 'retries' must be an integer from 0 to 1000, found "
                          "'-1'",
                          HasSubstr("cake.toml:13:1: unknown key 'speed' in [run]")));
}

TEST(Experiment, LocatesASyntaxError) {
  EXPECT_THAT(errors_of("schema = 1\nstages = [\"mix\"\n"), ElementsAre(HasSubstr("cake.toml:2:")));
}

TEST(Experiment, RefusesZippedListsOfUnequalLength) {
  EXPECT_THAT(errors_of(R"(schema = 1
stages = ["mix", "bake"]
[[zip]]
flour = ["rye", "wheat"]
oven = ["180C", "200C", "220C"]
)"),
              ElementsAre("cake.toml:5:8: zipped lists must have equal lengths: 'flour' has 2 "
                          "values, 'oven' 3"));
}

TEST(Experiment, ReportsARefusalOfAStageAtTheValueItself) {
  EXPECT_THAT(errors_of(R"(schema = 1
stages = ["mix", "bake"]
[matrix]
flour = ["rye", "sand"]
oven = ["180C", "900C"]
)"),
              ElementsAre("cake.toml:4:17: flour: sand is no flour; known: rye, wheat",
                          "cake.toml:5:17: no oven reaches 900C"));
}

TEST(Experiment, ReportsARefusedOverrideAtTheArgument) {
  EXPECT_THAT(errors_of(kGood, {"flour=sand", "seed=many", "sead=2", "oven", "run.retrys=1"}),
              testing::UnorderedElementsAre(
                  "--set flour=sand: flour: sand is no flour; known: rye, wheat",
                  "--set seed=many: 'seed': expected an integer, found text 'many'",
                  HasSubstr("--set sead=2: unknown parameter 'sead' (did you mean 'seed'?)"),
                  HasSubstr("--set oven: expected KEY=VALUE"),
                  HasSubstr("--set run.retrys=1: unknown option 'retrys' of [run] (did you mean "
                            "'retries'?)")));
}

TEST(Experiment, RefusesAParameterThatHasValuesTwiceAndARepeatedValue) {
  EXPECT_THAT(errors_of(R"(schema = 1
stages = ["mix", "bake"]
[parameters]
flour = "rye"
[matrix]
flour = ["rye", "wheat"]
oven = ["180C", "180C"]
)"),
              ElementsAre("cake.toml:6:1: 'flour' already has values at cake.toml:4:1",
                          "cake.toml:7:17: '180C' is already listed at cake.toml:7:9"));
}

TEST(Experiment, RefusesAMissingRequiredParameterAtTheStageThatNeedsIt) {
  EXPECT_THAT(errors_of("schema = 1\nstages = [\"mix\"]\n"),
              ElementsAre("cake.toml:2:11: stage 'mix' needs parameter 'flour' (kind of flour): "
                          "give it a value in [parameters] or [matrix]"));
}

TEST(Experiment, RefusesAStageBeforeTheOneItReads) {
  EXPECT_THAT(
      errors_of("schema = 1\nstages = [\"bake\", \"mix\"]\n[parameters]\nflour = \"rye\"\n"),
      ElementsAre(HasSubstr("cake.toml:2:11: stage 'bake' reads the artifact of 'mix'")));
}

TEST(Experiment, AcceptsALabelThatIsDeclaredAndRefusesOneWithoutValue) {
  const std::string text = R"(schema = 1
stages = ["mix"]
labels = ["kind", "taste"]
[[zip]]
flour = ["rye", "wheat"]
kind = ["dark", "light"]
)";
  EXPECT_THAT(errors_of(text),
              ElementsAre(HasSubstr("cake.toml:3:19: label 'taste' has no value")));
}

TEST(Experiment, RefusesAnExclusionThatMatchesNothing) {
  EXPECT_THAT(errors_of(std::string(kGood) + "[[exclude]]\nflour = \"rye\"\noven = \"18OC\"\n"),
              ElementsAre(HasSubstr("cake.toml:8:1: this [[exclude]] matches no further case")));
}

TEST(Experiment, RefusesNotANumberAndDatesAsValues) {
  EXPECT_THAT(errors_of("schema = 1\nstages = [\"mix\"]\n[parameters]\nflour = 2024-01-01\n"
                        "ratio = nan\n"),
              ElementsAre(HasSubstr("cake.toml:4:9: 'flour': expected text, a number or a boolean, "
                                    "found a date or time"),
                          HasSubstr("cake.toml:5:9: 'ratio': expected a finite number")));
}

TEST(Experiment, ReportsEveryErrorOfATable) {
  EXPECT_THAT(errors_of(std::string(kGood) + R"([published.book]
source = "a book"
keys = ["flour"]
values = ["score"]
rows = [["rye", 1.5], ["wheat"]]
[[table]]
name = "a/b"
caption = "with {butter}"
rows = ["flour", "ovn"]
where = "flower=rye"
values = ["taste", "taste.score", {metric = "tast.scores"}, {published = "book.scores"},
  {metric = "taste.crumb", compare = "faster", digits = 40}]
)"),
              ElementsAre(HasSubstr("cake.toml:12:23: a row must be a list of 2 values: flour, "
                                    "score"),
                          HasSubstr("cake.toml:14:8: a table needs a 'name'"),
                          HasSubstr("cake.toml:15:11: unknown parameter '{butter}'"),
                          HasSubstr("cake.toml:16:18: unknown parameter 'ovn' (did you mean 'oven"),
                          HasSubstr("cake.toml:17:9: unknown parameter 'flower' in filter"),
                          HasSubstr("cake.toml:18:11: value 'taste' is not STAGE.METRIC"),
                          HasSubstr("cake.toml:18:45: unknown stage 'tast' in 'tast.scores' (did"),
                          HasSubstr("cake.toml:18:74: unknown published value 'book.scores'"),
                          HasSubstr("cake.toml:19:38: unknown compare 'faster'"),
                          HasSubstr("'compare' needs a 'baseline'"),
                          HasSubstr("'digits' must be from 0 to 17")));
}

TEST(Experiment, RefusesATableThatWouldMixCases) {
  EXPECT_THAT(
      errors_of(std::string(kGood) +
                "[[table]]\nname = \"t\"\nrows = [\"flour\"]\nvalues = [\"taste.score\"]\n"),
      ElementsAre("cake.toml:8:1: table 't' mixes cases that differ in oven in one cell: "
                  "add it to rows, columns, over or where"));
}

TEST(Experiment, AllowsATableThatShowsAResultSharedByItsCases) {
  EXPECT_THAT(errors_of(std::string(kGood) +
                        "[[table]]\nname = \"t\"\nrows = [\"flour\"]\nvalues = [\"mix.weight\"]\n"),
              ElementsAre());
}

TEST(Experiment, SaysWhyAFileCannotBeRead) {
  try {
    (void)prepare_experiment("/nonexistent/cake.toml", {}, toy_registry(), {});
    FAIL() << "a missing file was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_STREQ(error.what(),
                 "cannot read experiment file '/nonexistent/cake.toml': No such file or directory");
  }
}

TEST(Experiment, RefusesADirectoryAndAnEmptyFile) {
  EXPECT_THROW((void)prepare_experiment("/", {}, toy_registry(), {}), Error);
  EXPECT_THAT(errors_of(""), ElementsAre(HasSubstr("cake.toml:1:1: missing 'schema = 1'"),
                                         HasSubstr("cake.toml:1:1: missing 'stages = [...]'")));
}

TEST(Experiment, SplitsCaptionsAtNamesInBraces) {
  const std::vector<CaptionPart> parts = parse_caption("a {b} {{c}}");
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(parts[0].text, "a ");
  EXPECT_TRUE(parts[1].is_name);
  EXPECT_EQ(parts[1].text, "b");
  EXPECT_EQ(parts[2].text, " {c}");
}

}  // namespace
}  // namespace wbs::harness
