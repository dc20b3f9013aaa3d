// The commands that a user types first, and what they answer to mistakes.
#include <gmock/gmock.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/command.hpp"

namespace wbs::tests {
namespace {

using nlohmann::json;
using testing::HasSubstr;

CommandResult wbs(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program("wbs"));
  return run_command(arguments, "/tmp");
}

CommandResult sweep(std::vector<std::string> arguments, const std::string& directory) {
  arguments.insert(arguments.begin(), program("wbs-sweep"));
  return run_command(arguments, directory);
}

TEST(CommandLine, HelpNamesExitCodes) {
  for (const char* name : {"wbs", "wbs-sweep"}) {
    const CommandResult result = run_command({program(name), "--help"}, "/tmp");
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_THAT(result.output, HasSubstr("Exit codes:"));
    EXPECT_THAT(result.output, HasSubstr("75  stopped by a signal"));
  }
}

TEST(CommandLine, ListNetworksGivesTheWellKnownCounts) {
  const CommandResult result = wbs({"list", "networks", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  std::map<std::string, json> networks;
  for (const json& item : json::parse(result.output)) networks[item.at("name")] = item;
  EXPECT_EQ(networks.at("resnet50").at("parameters"), 25557032);
  EXPECT_EQ(networks.at("vgg16").at("parameters"), 138357544);
  EXPECT_EQ(networks.at("inception_v3").at("parameters"), 23834568);
  EXPECT_EQ(networks.at("resnet50").at("input"), "3x224x224");
  EXPECT_NEAR(networks.at("resnet50").at("macs").get<double>(), 4.09e9, 0.005e9);
}

TEST(CommandLine, EveryListPrintsJson) {
  for (const char* what : {"networks", "patterns", "devices", "kernels", "stages"}) {
    const CommandResult result = wbs({"list", what, "--json"});
    ASSERT_EQ(result.exit_code, 0) << what << ": " << result.errors;
    EXPECT_FALSE(json::parse(result.output).empty()) << what;
    EXPECT_EQ(wbs({"list", what}).exit_code, 0) << what;
  }
}

TEST(CommandLine, MisspeltNetworkIsSuggested) {
  const CommandResult result = wbs({"show", "network", "resnet5O"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.errors, HasSubstr("resnet50"));
}

TEST(CommandLine, EstimateOfAPrunedNetworkIsFasterThanDense) {
  const auto total = [](const char* pattern) {
    const CommandResult result = wbs({"simulate", "--network", "resnet50", "--array", "4x4",
                                      "--pattern", pattern, "--estimator", "corrected", "--json"});
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    return json::parse(result.output).at("total_s").get<double>();
  };
  EXPECT_LT(total("block:8x8@0.5"), total("dense"));
}

TEST(CommandLine, ContrastNamesTheLayersOfAnOddArray) {
  const CommandResult result =
      wbs({"simulate", "--network", "vgg16", "--array", "7x7", "--contrast", "authors", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const json contrast = json::parse(result.output);
  double difference = 0;
  for (const json& layer : contrast.at("layers")) {
    difference += layer.at("ms").get<double>() - layer.at("other_ms").get<double>();
  }
  EXPECT_FALSE(contrast.at("layers").empty());
  EXPECT_NEAR(difference,
              contrast.at("total_ms").get<double>() - contrast.at("other_total_ms").get<double>(),
              1e-9);
}

TEST(CommandLine, ReplayPredictsIterationsFromShapes) {
  const TemporaryDirectory directory;
  const std::string csv = directory.file(
      "log.csv",
      "network,array,weights,layer,layer_output_hwc,weight_cout_kh_kw_cin,input_nhwc,output_nhwc,"
      "density,iterations\n"
      "vgg16,4x4,dense,VGG__VGG_Sequential_features__Conv2d_10__input_19,56x56x256,8x3x3x128,"
      "1x4x16x128,1x2x14x256,1.0,28\n");
  const CommandResult result =
      wbs({"simulate", "--replay", csv, "--estimator", "published", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const json row = json::parse(result.output).at("rows").at(0);
  EXPECT_EQ(row.at("iterations"), 28);
  EXPECT_DOUBLE_EQ(row.at("comp_ns").get<double>(), 28 * 36864);
  EXPECT_NEAR(row.at("loadfm_ns").get<double>(), 53405.8, 0.1);
  EXPECT_NEAR(row.at("writefm_ns").get<double>(), 53405.8, 0.1);
}

TEST(CommandLine, ReplayNamesTheBadLine) {
  const TemporaryDirectory directory;
  const std::string csv = directory.file(
      "log.csv",
      "network,array,weights,layer,layer_output_hwc,weight_cout_kh_kw_cin,input_nhwc,output_nhwc,"
      "density,iterations\nvgg16,4x4,dense,x,56x56,8x3x3x128,1x4x16x128,1x2x14x256,1.0,28\n");
  const CommandResult result = wbs({"simulate", "--replay", csv});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.errors, HasSubstr("log.csv:2"));
}

TEST(CommandLine, AllErrorsOfAnExperimentComeTogether) {
  const TemporaryDirectory directory;
  const std::string file = directory.file("bad.toml",
                                          "schema = 1\nstages = [\"compile\", \"simulate\"]\n"
                                          "[matrix]\nnetwork = [\"resnet5O\"]\n"
                                          "pattern = [\"block:8x8\", \"dense\"]\n"
                                          "array = [\"4x4\"]\nvoltage = 3\n");
  const CommandResult result = sweep({file}, directory.path());
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.errors, HasSubstr(":4:"));
  EXPECT_THAT(result.errors, HasSubstr(":5:"));
  EXPECT_THAT(result.errors, HasSubstr("voltage"));
  EXPECT_FALSE(std::filesystem::exists(directory.path() + "/runs"));
}

TEST(CommandLine, DryRunWritesNothing) {
  const TemporaryDirectory directory;
  const CommandResult result =
      sweep({repository_file("experiments/table2.toml"), "--dry-run"}, directory.path());
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("42"));
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(CommandLine, MissingExperimentIsOneSentence) {
  const CommandResult result = sweep({"nothing.toml"}, "/tmp");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.errors, HasSubstr("nothing.toml"));
}

}  // namespace
}  // namespace wbs::tests
