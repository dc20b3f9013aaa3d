// wbs train and the stages pretrain and train, with the real wbs-train on a few batches.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/command.hpp"

namespace wbs::tests {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::vector<std::string> train_command(std::vector<std::string> more) {
  std::vector<std::string> command{program("wbs"), "train",    "--network", "resnet20",
                                   "--data",       "embedded", "--batches", "3",
                                   "--batch",      "32",       "--json"};
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

json train(const std::vector<std::string>& more) {
  const CommandResult result = run_command(train_command(more), "/tmp");
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  return result.exit_code == 0 ? json::parse(result.output) : json();
}

TEST(Train, TheSameCommandTwiceGivesTheSameBitsForAnyNumberOfWorkers) {
  const std::vector<std::string> bdwp{"--method", "bdwp", "--pattern", "nm:2:8/in", "--seed", "1"};
  const json first = train(bdwp);
  std::vector<std::string> more = bdwp;
  more.insert(more.end(), {"--workers", "3"});
  const json second = train(more);
  EXPECT_EQ(first.at("weights_digest"), second.at("weights_digest"));
  const json& macs = first.at("macs");
  EXPECT_DOUBLE_EQ(
      (macs.at("ff").get<double>() + macs.at("bp").get<double>() + macs.at("wu").get<double>()) /
          macs.at("dense").get<double>(),
      0.5);
  EXPECT_DOUBLE_EQ(first.at("achieved_sparsity").get<double>(), 0.75);
  EXPECT_TRUE(first.at("accuracy").is_number());
  EXPECT_GT(first.at("step_ms").get<double>(), 0.0);
}

TEST(Train, SparseKernelsTrainAsLibTorchDoes) {
  const std::vector<std::string> blocks{"--method",      "one_time",        "--pattern",
                                        "block:8x8@0.5", "--learning-rate", "0.01"};
  std::vector<std::string> sparse = blocks;
  sparse.insert(sparse.end(), {"--backend", "sparse"});
  const json ours = train(sparse);
  const json theirs = train(blocks);
  EXPECT_NEAR(ours.at("loss").get<double>(), theirs.at("loss").get<double>(), 2e-3);
  EXPECT_EQ(ours.at("weights_digest"), train(sparse).at("weights_digest"));
}

TEST(Train, TwoRanksTrainOneCase) {
  const json together = train({"--ranks-per-case", "2"});
  const json alone = train({});
  EXPECT_NEAR(together.at("loss").get<double>(), alone.at("loss").get<double>(), 1e-3);
}

TEST(Train, RefusesWhatMakesNoSenseWithTheReason) {
  CommandResult result =
      run_command(train_command({"--method", "bdwp", "--pattern", "block:8x8@0.5"}), "/tmp");
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.errors, HasSubstr("bdwp"));
  result = run_command(train_command({"--method", "bdvp"}), "/tmp");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.errors, HasSubstr("did you mean 'bdwp'"));
  result = run_command(train_command({"--epochs", "many"}), "/tmp");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.errors, HasSubstr("--epochs 'many': expected a number"));
  result =
      run_command({program("wbs"), "train", "--network", "resnet20", "--data", "no/such"}, "/tmp");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.errors, HasSubstr("data 'no/such' is not there"));
}

TEST(Train, MethodsAreListedWithTheirSources) {
  const CommandResult result = run_command({program("wbs"), "list", "methods", "--json"}, "/tmp");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const json methods = json::parse(result.output);
  EXPECT_EQ(methods.at(0).at("name"), "dense");
  EXPECT_GE(methods.size(), 14U);
}

constexpr const char* kChain = R"(
schema = 1
stages = ["pretrain", "train", "quantize", "infer", "compile", "simulate"]
[parameters]
network = "resnet20"
input = "3x16x16"
data = "embedded"
batch = 32
batches = 2
pretrain_batches = 3
calibrate = 8
limit = 50
type = "int8"
array = "2x2"
[[zip]]
method = ["dense", "one_time"]
pattern = ["dense", "block:8x8@0.5"]
[[table]]
name = "chain"
rows = ["pattern"]
values = ["train.accuracy", "train.achieved_sparsity", "infer.top1", "simulate.corrected_s", "train.weights_digest"]
)";

TEST(TrainStage, OneSetOfWeightsGoesThroughTheWholeChain) {
  const TemporaryDirectory directory;
  const std::string experiment = directory.file("chain.toml", kChain);
  const std::vector<std::string> command{program("wbs-sweep"), experiment, "--out",
                                         directory.path() + "/out"};
  const CommandResult result = run_command(command, directory.path());
  ASSERT_EQ(result.exit_code, 0) << result.errors << result.output;
  const std::string table = slurp(directory.path() + "/out/tables/chain.csv");
  EXPECT_THAT(table, HasSubstr("block:8x8@0.5"));
  EXPECT_EQ(table.find("failed"), std::string::npos) << table;
  const CommandResult again = run_command(command, directory.path());
  ASSERT_EQ(again.exit_code, 0) << again.errors;
  EXPECT_EQ(slurp(directory.path() + "/out/tables/chain.csv"), table);
}

constexpr const char* kOne = R"(
schema = 1
stages = ["train"]
[parameters]
network = "resnet20"
data = "embedded"
batch = 32
batches = 25
epochs = 3
method = "sr_ste"
pattern = "nm:2:4/in"
[[table]]
name = "one"
rows = ["pattern"]
values = ["train.weights_digest", "train.loss"]
)";

TEST(TrainStage, AKilledSweepContinuesToTheSameBits) {
  const TemporaryDirectory directory;
  const std::string experiment = directory.file("one.toml", kOne);
  const auto sweep = [&](const std::string& out, std::vector<std::string> before) {
    before.insert(before.end(),
                  {program("wbs-sweep"), experiment, "--out", directory.path() + out});
    return run_command(before, directory.path());
  };
  ASSERT_EQ(sweep("/whole", {}).exit_code, 0);
  // Wherever the signals fall: in an epoch, between two, or after the end.
  static_cast<void>(sweep("/cut", {"/usr/bin/timeout", "-s", "KILL", "3"}));
  static_cast<void>(sweep("/cut", {"/usr/bin/timeout", "-s", "TERM", "3"}));
  ASSERT_EQ(sweep("/cut", {}).exit_code, 0);
  EXPECT_EQ(slurp(directory.path() + "/cut/tables/one.csv"),
            slurp(directory.path() + "/whole/tables/one.csv"));
}

}  // namespace
}  // namespace wbs::tests
