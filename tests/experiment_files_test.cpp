// The experiment files that we ship, and the example of their documentation, are accepted.
#include <gmock/gmock.h>

#include <utility>

#include "tests/command.hpp"

namespace wbs::tests {
namespace {

using testing::HasSubstr;

CommandResult dry_run(const std::string& experiment, std::vector<std::string> more = {}) {
  std::vector<std::string> command{program("wbs-sweep"), experiment, "--dry-run"};
  command.insert(command.end(), more.begin(), more.end());
  const TemporaryDirectory directory;
  return run_command(command, directory.path());
}

struct Shipped {
  const char* file;
  const char* summary;  ///< ResNet-50's also measures, once per pattern
};

class ShippedExperiment : public testing::TestWithParam<Shipped> {};

TEST_P(ShippedExperiment, HasEveryPatternOnEveryArrayAndPrunesOncePerPattern) {
  const CommandResult result =
      dry_run(repository_file(std::string("experiments/") + GetParam().file));
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr(GetParam().summary));
  EXPECT_THAT(result.output, HasSubstr("pattern=dense array=2x2"));
  EXPECT_THAT(result.output, HasSubstr("pattern=nm:2:8/in array=8x8"));
}

INSTANTIATE_TEST_SUITE_P(
    Networks, ShippedExperiment,
    testing::Values(
        Shipped{"resnet50.toml", ": 84 cases, 192 stage executions (336 without sharing)"},
        Shipped{"inception_v3.toml", ": 84 cases, 180 stage executions (252 without sharing)"},
        Shipped{"vgg16.toml", ": 84 cases, 180 stage executions (252 without sharing)"}));

#ifdef WBS_HAVE_TRAIN
TEST(ShippedExperiments, TrainingRunsOnTheEmbeddedData) {
  for (const auto& [name, cases] :
       {std::pair{"accuracy_embedded", ": 24 cases"}, std::pair{"nm_methods", ": 63 cases"},
        std::pair{"wbs_table1", ": 21 cases"}}) {
    const CommandResult result =
        dry_run(repository_file(std::string("experiments/") + name + ".toml"));
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    EXPECT_THAT(result.output, HasSubstr(cases));
  }
}
#endif

TEST(ShippedExperiments, DepthWiseTilingHasThePapersRows) {
  const CommandResult result = dry_run(repository_file("experiments/aie2_depth_tiling.toml"));
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr(": 10 cases, 20 stage executions"));
}

TEST(ShippedExperiments, KernelsAreMeasuredUnderOtherPatterns) {
  const CommandResult result = dry_run(repository_file("experiments/kernels_patterns.toml"));
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr(": 10 cases, 10 stage executions"));
}

TEST(ShippedExperiments, KernelsAreMeasuredInThreeTypesAtThreeRatios) {
  for (const char* network : {"resnet50", "vgg16", "inception_v3"}) {
    const CommandResult result =
        dry_run(repository_file(std::string("experiments/kernels_") + network + ".toml"));
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    EXPECT_THAT(result.output, HasSubstr(": 9 cases, 9 stage executions"));
    EXPECT_THAT(result.output, HasSubstr("type=int8 pattern=block:8x8@0.875"));
  }
}

TEST(ShippedExperiments, TilingsAreComparedOnThreeNetworks) {
  const CommandResult result = dry_run(repository_file("experiments/aie2_tilings.toml"));
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr(": 18 cases"));
}

TEST(ShippedExperiments, ATilingNeedsTheEventModel) {
  const CommandResult result =
      dry_run(repository_file("experiments/aie2_tilings.toml"), {"--set", "model=\"estimators\""});
  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.errors, HasSubstr("a tiling other than ours needs model"));
}

TEST(ShippedExperiments, Table2HasFortyTwoCells) {
  const CommandResult result = dry_run(repository_file("experiments/table2.toml"));
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("table2: 42 cases, 84 stage executions"));
}

TEST(ShippedExperiments, SetAndOnlyApplyToThem) {
  const CommandResult result =
      dry_run(repository_file("experiments/resnet50.toml"),
              {"--set", "array=[4x4,8x8]", "--set", "weights=seeded", "--only", "pattern=nm:*"});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("resnet50: 4 cases, 12 stage executions"));
}

TEST(ShippedExperiments, TheDocumentedExampleIsAccepted) {
  const std::string manual = slurp(repository_file("docs/experiments.md"));
  const std::string fence = "```toml\n";
  const std::size_t begin = manual.find(fence);
  ASSERT_NE(begin, std::string::npos);
  const std::size_t text = begin + fence.size();
  const TemporaryDirectory directory;
  const std::string file =
      directory.file("two.toml", manual.substr(text, manual.find("```", text) - text));
  const CommandResult result = dry_run(file);
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("two: 4 cases, 10 stage executions"));
}

}  // namespace
}  // namespace wbs::tests
