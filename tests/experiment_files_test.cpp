// The experiment files that we ship, and the example of their documentation, are accepted.
#include <gmock/gmock.h>

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

class ShippedExperiment : public testing::TestWithParam<const char*> {};

TEST_P(ShippedExperiment, HasEveryPatternOnEveryArrayAndPrunesOncePerPattern) {
  const CommandResult result = dry_run(repository_file(std::string("experiments/") + GetParam()));
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr(": 84 cases, 180 stage executions (252 without sharing)"));
  EXPECT_THAT(result.output, HasSubstr("pattern=dense array=2x2"));
  EXPECT_THAT(result.output, HasSubstr("pattern=nm:2:8/in array=8x8"));
}

INSTANTIATE_TEST_SUITE_P(Networks, ShippedExperiment,
                         testing::Values("resnet50.toml", "inception_v3.toml", "vgg16.toml"));

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
  EXPECT_THAT(result.output, HasSubstr("resnet50: 4 cases, 10 stage executions"));
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
