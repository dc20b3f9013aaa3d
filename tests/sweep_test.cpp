// Whole sweeps: the same tables on any number of ranks, and a campaign that continues.
#include <gmock/gmock.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/command.hpp"

namespace wbs::tests {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::vector<std::string> sweep_command(int ranks, const std::string& experiment,
                                       const std::string& out) {
  std::vector<std::string> command;
  if (ranks > 0) command = {"mpirun", "--oversubscribe", "-n", std::to_string(ranks)};
  for (const std::string& part :
       {program("wbs-sweep"), experiment, std::string("--out"), out, std::string("--json")}) {
    command.push_back(part);
  }
  return command;
}

json last_line(const std::string& output) {
  const std::size_t end = output.find_last_not_of('\n');
  const std::size_t begin = output.rfind('\n', end);
  return json::parse(output.substr(begin + 1, end - begin));
}

std::map<std::string, std::string> tables_of(const std::string& out) {
  std::map<std::string, std::string> tables;
  for (const auto& entry : std::filesystem::directory_iterator(out + "/tables")) {
    tables[entry.path().filename()] = slurp(entry.path());
  }
  return tables;
}

/// A small experiment with all three stages.
constexpr const char* kSmall = R"(schema = 1
name = "small"
stages = ["prune", "compile", "simulate"]
[parameters]
network = "resnet20"
[matrix]
pattern = ["dense", "block:8x8@0.5", "nm:2:4/in"]
array = ["2x2", "3x3"]
[[table]]
name = "times"
rows = ["pattern"]
columns = ["array"]
[[table.values]]
name = "corrected_s"
metric = "simulate.corrected_s"
)";

TEST(Sweep, TablesAreEqualOnAnyNumberOfRanks) {
  const TemporaryDirectory directory;
  const std::string experiment = directory.file("small.toml", kSmall);
  std::map<std::string, std::string> expected;
  for (const int ranks : {0, 1, 2, 4}) {
    const std::string out = directory.path() + "/out" + std::to_string(ranks);
    const CommandResult result =
        run_command(sweep_command(ranks, experiment, out), directory.path());
    ASSERT_EQ(result.exit_code, 0) << ranks << " ranks: " << result.errors;
    EXPECT_EQ(last_line(result.output).at("passed"), 6);
    if (ranks == 0) expected = tables_of(out);
    EXPECT_EQ(tables_of(out), expected) << ranks << " ranks";
  }
  EXPECT_EQ(expected.size(), 4U);
}

TEST(Sweep, TheSameCommandReusesWhatPassed) {
  const TemporaryDirectory directory;
  const std::string experiment = directory.file("small.toml", kSmall);
  const std::string out = directory.path() + "/out";
  ASSERT_EQ(run_command(sweep_command(2, experiment, out), directory.path()).exit_code, 0);
  const CommandResult again = run_command(sweep_command(2, experiment, out), directory.path());
  ASSERT_EQ(again.exit_code, 0) << again.errors;
  EXPECT_EQ(last_line(again.output).at("reused"), 6);
}

TEST(Sweep, AnotherExperimentInTheSameDirectoryIsRefused) {
  const TemporaryDirectory directory;
  const std::string out = directory.path() + "/out";
  const std::string first = directory.file("small.toml", kSmall);
  ASSERT_EQ(run_command(sweep_command(0, first, out), directory.path()).exit_code, 0);
  std::string changed = kSmall;
  changed.replace(changed.find("3x3"), 3, "5x5");
  const std::string second = directory.file("small.toml", changed);
  const CommandResult refused = run_command(sweep_command(0, second, out), directory.path());
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.errors, HasSubstr("array"));
  EXPECT_THAT(refused.errors, HasSubstr("--accept-changes"));
  std::vector<std::string> accept = sweep_command(0, second, out);
  accept.emplace_back("--accept-changes");
  EXPECT_EQ(run_command(accept, directory.path()).exit_code, 0);
}

TEST(Sweep, TheStoreIsRebuiltFromTheJournal) {
  const TemporaryDirectory directory;
  const std::string experiment = directory.file("small.toml", kSmall);
  const std::string out = directory.path() + "/out";
  ASSERT_EQ(run_command(sweep_command(2, experiment, out), directory.path()).exit_code, 0);
  const auto tables = tables_of(out);
  std::filesystem::remove(out + "/store.sqlite");
  std::filesystem::remove_all(out + "/tables");
  EXPECT_EQ(run_command({program("wbs"), "rebuild", out}, "/tmp").exit_code, 0);
  EXPECT_EQ(run_command({program("wbs"), "fsck", out}, "/tmp").exit_code, 0);
  EXPECT_EQ(run_command({program("wbs"), "report", out}, "/tmp").exit_code, 0);
  EXPECT_EQ(tables_of(out), tables);
}

TEST(Sweep, AnArtifactComesOutWithItsPattern) {
  const TemporaryDirectory directory;
  const std::string experiment = directory.file("small.toml", kSmall);
  const std::string out = directory.path() + "/out";
  ASSERT_EQ(run_command(sweep_command(0, experiment, out), directory.path()).exit_code, 0);
  const std::string file = directory.path() + "/pruned.h5";
  const auto wbs = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program("wbs"));
    return run_command(arguments, "/tmp");
  };
  const CommandResult copied = wbs({"artifact", out, "pattern=nm:2:4/in,array=2x2", "prune", file});
  ASSERT_EQ(copied.exit_code, 0) << copied.errors;
  EXPECT_EQ(wbs({"show", "pattern", file, "--check", "nm:2:4/in"}).exit_code, 0);
  EXPECT_EQ(wbs({"show", "pattern", file, "--check", "block:8x8@0.5"}).exit_code, 1);
  EXPECT_EQ(wbs({"artifact", out, "pattern=dense", "prune", file}).exit_code, 2);  // two cases
}

TEST(Sweep, MeasuredStagesAreReusedUntilAskedToMeasureAgain) {
  const TemporaryDirectory directory;
  const std::string experiment =
      directory.file("measured.toml",
                     "schema = 1\nname = \"measured\"\nstages = [\"prune\", \"bench\"]\n"
                     "[parameters]\nnetwork = \"squeezenet1_1\"\ninput = \"3x32x32\"\n"
                     "pattern = \"block:8x8@0.5\"\nlayer_seconds = 0.001\nwhole_network = false\n"
                     "[[table]]\nname = \"times\"\nrows = [\"pattern\"]\n"
                     "values = [{metric = \"bench.layers\"}]\n");
  const std::string out = directory.path() + "/out";
  std::vector<std::string> command = sweep_command(0, experiment, out);
  const CommandResult first = run_command(command, directory.path());
  ASSERT_EQ(first.exit_code, 0) << first.errors;
  EXPECT_EQ(last_line(first.output).at("passed"), 1);
  EXPECT_EQ(last_line(run_command(command, directory.path()).output).at("reused"), 1);
  command.emplace_back("--remeasure");
  EXPECT_EQ(last_line(run_command(command, directory.path()).output).at("reused"), 0);
}

TEST(Sweep, PublishedTableHasANumberInEveryCell) {
  const TemporaryDirectory directory;
  const std::string out = directory.path() + "/out";
  const CommandResult result = run_command(
      sweep_command(2, repository_file("experiments/table2.toml"), out), directory.path());
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(last_line(result.output).at("passed"), 42);
  const std::string csv = slurp(out + "/tables/table2.csv");
  EXPECT_THAT(csv, HasSubstr("array"));
  for (const char* column :
       {"network", "weights", "published_s", "ours_published_s", "ours_corrected_s"}) {
    EXPECT_THAT(csv.substr(0, csv.find('\n')), HasSubstr(column));
  }
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 43);
}

}  // namespace
}  // namespace wbs::tests
