// wbs bench: the contract of its JSON, and what it answers to mistakes. No test looks at a time.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/command.hpp"

namespace wbs::tests {
namespace {

using nlohmann::json;
using testing::HasSubstr;

CommandResult bench(std::vector<std::string> arguments) {
  std::vector<std::string> command{program("wbs"), "bench"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run_command(command, "/tmp");
}

json bench_json(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--json", "--seconds", "0.001"});
  const CommandResult result = bench(std::move(arguments));
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  return result.exit_code == 0 ? json::parse(result.output) : json();
}

bool has_onednn() {
  const CommandResult result = run_command({program("wbs"), "list", "kernels", "--json"}, "/tmp");
  for (const json& item : json::parse(result.output)) {
    if (item.at("name") == "onednn") return item.at("runs").get<bool>();
  }
  return false;
}

TEST(Bench, JsonHasTheKeysOfTheContract) {
  const bool peer = has_onednn();
  for (const char* type : {"fp32", "int8", "bf16"}) {
    const json report =
        bench_json({"--network", "squeezenet1_1", "--input", "3x32x32", "--type", type, "--pattern",
                    "block:8x8@0.5", "--peer", "best", "--threads", "1"});
    ASSERT_FALSE(report.at("layers").empty());
    for (const json& layer : report.at("layers")) {
      EXPECT_TRUE(layer.at("name").is_string());
      EXPECT_TRUE(layer.at("algorithm").is_string());
      EXPECT_GT(layer.at("ours_ms").get<double>(), 0.0);
      EXPECT_GT(layer.at("fraction_of_peak").get<double>(), 0.0);
      EXPECT_GE(layer.at("spread").get<double>(), 0.0);
      EXPECT_GE(layer.at("n").get<int>(), 1);
      EXPECT_GT(layer.at("points_checked").get<int>(), 0);
      EXPECT_EQ(layer.at("peer_ms").is_number(), peer);
      EXPECT_EQ(layer.at("peer_algorithm").is_string(), peer);
      EXPECT_EQ(layer.at("speedup").is_number(), peer);
    }
    EXPECT_EQ(report.at("geomean_speedup").is_number(), peer);
    EXPECT_TRUE(report.at("machine").at("cpu").is_string());
    if (!peer) continue;
    const json& network = report.at("network");
    for (const char* key :
         {"ours_ms", "peer_ms", "speedup", "ours_peak_bytes", "peer_peak_bytes"}) {
      EXPECT_GT(network.at(key).get<double>(), 0.0) << key;
    }
  }
}

TEST(Bench, DistinctLayersCountTheirOccurrences) {
  const json report = bench_json({"--network", "resnet20", "--no-network"});
  int convolutions = 0;
  int first = 0;
  for (const json& layer : report.at("layers")) {
    convolutions += layer.at("count").get<int>();
    first += layer.at("first").get<bool>() ? 1 : 0;
  }
  EXPECT_EQ(convolutions, 19);
  EXPECT_EQ(first, 1);
  EXPECT_DOUBLE_EQ(report.at("layers").at(0).at("density").get<double>(), 1.0);
  EXPECT_DOUBLE_EQ(report.at("layers").at(1).at("density").get<double>(), 0.5);
}

TEST(Bench, EverySampleIsThereWhenAskedFor) {
  const json report = bench_json({"--network", "resnet20", "--layers", "layer3.0.conv1",
                                  "--algorithm", "direct", "--samples"});
  ASSERT_EQ(report.at("layers").size(), 1U);
  for (const json& contestant : report.at("layers").at(0).at("contestants")) {
    EXPECT_EQ(contestant.at("samples_ms").size(), contestant.at("n").get<std::size_t>());
  }
}

TEST(Bench, MasksByMagnitudeKeepTheSameShare) {
  const json report = bench_json({"--network", "resnet20", "--layers", "layer3.0.conv1", "--mask",
                                  "l2", "--weights", "seeded", "--pattern", "block:8x8@0.75"});
  EXPECT_EQ(report.at("masks"), "l2");
  EXPECT_DOUBLE_EQ(report.at("layers").at(0).at("density").get<double>(), 0.25);
}

TEST(Bench, ForcedImplementationRuns) {
  const json report = bench_json({"--network", "resnet20", "--layers", "layer3.0.conv1",
                                  "--algorithm", "direct", "--force-impl", "reference"});
  EXPECT_THAT(report.at("layers").at(0).at("implementation").get<std::string>(),
              HasSubstr("reference"));
}

TEST(Bench, TableNamesMachineAndMean) {
  const CommandResult result =
      bench({"--network", "resnet20", "--layers", "layer3", "--seconds", "0.001"});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  for (const char* part : {"layer3.0.conv1", "speed-up", "% of peak", "Whole network", "GB/s"}) {
    EXPECT_THAT(result.output, HasSubstr(part));
  }
}

TEST(Bench, MistakesAreUsageErrorsThatSayWhatIsExpected) {
  const struct {
    std::vector<std::string> arguments;
    const char* expected;
  } mistakes[] = {
      {{"--network", "resnet5O"}, "resnet50"},
      {{"--network", "resnet20", "--type", "fp64"}, "fp32, bf16 or int8"},
      {{"--network", "resnet20", "--pattern", "block:8x8"}, "block:RxC@RATIO"},
      {{"--network", "resnet20", "--pattern", "block:128x128@0.5"}, "layer"},
      {{"--network", "resnet20", "--peer", "mkl"}, "onednn-winograd"},
      {{"--network", "resnet20", "--algorithm", "fft"}, "winograd4"},
      {{"--network", "resnet20", "--force-impl", "abacus"}, "wbs list kernels"},
      {{"--network", "resnet20", "--mask", "random"}, "uniform or l2"},
      {{"--network", "resnet20", "--threads", "0"}, "threads"},
      {{"--network", "resnet20", "--layers", "nowhere"}, "nowhere"},
      {{}, "--network"},
  };
  for (const auto& mistake : mistakes) {
    const CommandResult result = bench(mistake.arguments);
    EXPECT_EQ(result.exit_code, 2) << mistake.expected;
    EXPECT_THAT(result.errors, HasSubstr(mistake.expected));
  }
}

TEST(Bench, MissingWeightsAreAnInputError) {
  const CommandResult result =
      bench({"--network", "resnet20", "--mask", "l2", "--weights", "nowhere.onnx"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.errors, HasSubstr("nowhere.onnx"));
}

}  // namespace
}  // namespace wbs::tests
