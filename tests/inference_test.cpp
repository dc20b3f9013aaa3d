// Real networks on real images through the planned kernels, and the commands that do it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "core/npy.hpp"
#include "core/text.hpp"
#include "networks/onnx/importer.hpp"
#include "runtime/executor.hpp"
#include "tests/command.hpp"

namespace wbs::tests {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

/// The folder of real data, or nothing: then the test is skipped.
std::filesystem::path data_folder() {
  const char* root = std::getenv("WBS_DATA_DIR");
  if (root == nullptr) return {};
  std::filesystem::path folder(root);
  if (!std::filesystem::exists(folder / "imagenet-samples")) folder /= "data";
  return std::filesystem::exists(folder / "imagenet-samples") ? folder : std::filesystem::path();
}

std::map<std::string, std::vector<std::string>> read_csv(const std::string& path) {
  std::istringstream lines(slurp(path));
  std::string line;
  std::map<std::string, std::vector<std::string>> rows;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    std::vector<std::string> cells;
    for (const auto cell : split(trim(line), ',')) cells.emplace_back(cell);
    rows[cells.at(0)] = cells;
  }
  return rows;
}

#define WBS_REAL_DATA(folder)                         \
  const std::filesystem::path folder = data_folder(); \
  if (folder.empty()) GTEST_SKIP() << "WBS_DATA_DIR holds no folder imagenet-samples"

CommandResult infer(const std::filesystem::path& data, std::vector<std::string> more) {
  std::vector<std::string> command{program("wbs"),
                                   "infer",
                                   "--quiet",
                                   "--weights",
                                   data / "resnet50-imagenet/resnet50.onnx.gz",
                                   "--images",
                                   data / "imagenet-samples/imagenet-samples.tar"};
  command.insert(command.end(), more.begin(), more.end());
  return run_command(command, "/tmp");
}

TEST(Inference, SqueezeNetReproducesItsReferenceOutputs) {
  WBS_REAL_DATA(data);
  const auto folder = data / "squeezenet1.1-imagenet";
  const auto network = networks::import_onnx(folder / "squeezenet1.1.onnx");
  for (const char* test : {"test0", "test1", "test2"}) {
    const Tensor input = read_npy(folder / (std::string(test) + "_input.npy"));
    const Tensor expected = read_npy(folder / (std::string(test) + "_output.npy"));
    runtime::Executor executor(network.graph, network.weights, {}, {});
    const Tensor got = executor.run(input);
    ASSERT_EQ(got.values.size(), expected.values.size());
    for (std::size_t i = 0; i < got.values.size(); ++i) {
      ASSERT_NEAR(got.values[i], expected.values[i], 2e-4F) << test << " output " << i;
    }
  }
}

TEST(Inference, ResNet50PredictsTheReferenceClasses) {
  WBS_REAL_DATA(data);
  const TemporaryDirectory directory;
  const std::string csv = directory.path() + "/fp32.csv";
  const CommandResult result =
      infer(data, {"--limit", "100", "--batch", "3", "--csv", csv, "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const json report = json::parse(result.output);
  EXPECT_EQ(report.at("images"), 100);
  EXPECT_GT(report.at("images_per_s"), 0.0);
  const auto references = read_csv(data / "resnet50-imagenet/reference_top1.csv");
  const auto predictions = read_csv(csv);
  ASSERT_EQ(predictions.size(), 100U);
  int right = 0;
  for (const auto& [image, cells] : predictions) {
    const auto& reference = references.at(image);
    EXPECT_EQ(cells.at(1), reference.at(2)) << image;
    EXPECT_NEAR(std::stod(cells.at(2)), std::stod(reference.at(3)), 1e-2) << image;
    right += static_cast<int>(cells.at(1) == reference.at(1));
  }
  EXPECT_DOUBLE_EQ(report.at("top1"), right / 100.0);
}

TEST(Inference, Int8PredictsNearlyTheSameClasses) {
  WBS_REAL_DATA(data);
  const TemporaryDirectory directory;
  const std::string csv = directory.path() + "/int8.csv";
  const CommandResult result = infer(
      data, {"--type", "int8", "--calibrate", "20", "--limit", "100", "--csv", csv, "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const auto references = read_csv(data / "resnet50-imagenet/reference_top1.csv");
  int same = 0;
  for (const auto& [image, cells] : read_csv(csv)) {
    same += static_cast<int>(cells.at(1) == references.at(image).at(2));
  }
  EXPECT_GE(same, 93);  // 975 of all 1000 when scales come from 100 images
}

TEST(Inference, RecalibrationRestoresAPrunedNetwork) {
  WBS_REAL_DATA(data);
  const auto top1 = [&](const char* images) {
    const CommandResult result = infer(data, {"--pattern", "block:8x8@0.3", "--recalibrate-bn",
                                              images, "--limit", "50", "--json"});
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    return json::parse(result.output).at("top1").get<double>();
  };
  EXPECT_LT(top1("0"), 0.15);
  EXPECT_GT(top1("50"), 0.25);
}

TEST(Inference, WhatCannotWorkIsSaidInOneSentence) {
  const auto refused = [](std::vector<std::string> more) {
    std::vector<std::string> command{program("wbs"), "infer",    "--weights",
                                     "missing.onnx", "--images", "/nowhere"};
    command.insert(command.end(), more.begin(), more.end());
    return run_command(command, "/tmp");
  };
  EXPECT_EQ(refused({}).exit_code, 3);
  EXPECT_THAT(refused({}).errors, HasSubstr("missing.onnx"));
  EXPECT_EQ(refused({"--type", "int4"}).exit_code, 2);
  EXPECT_THAT(refused({"--type", "int8"}).errors, HasSubstr("--calibrate"));
  EXPECT_THAT(refused({"--calibrate", "5"}).errors, HasSubstr("int8"));
  EXPECT_THAT(refused({"--pattern", "block"}).errors, HasSubstr("block"));
  EXPECT_THAT(refused({"--type", "int8", "--calibrate", "5", "--range", "best"}).errors,
              HasSubstr("percentile"));
}

}  // namespace
}  // namespace wbs::tests
