// The quantize stage in a sweep, and its artifact.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "apps/quantised_file.hpp"
#include "core/error.hpp"
#include "networks/zoo.hpp"
#include "tests/command.hpp"

namespace wbs::tests {
namespace {

using ::testing::HasSubstr;

constexpr const char* kExperiment = R"(schema = 1
name = "quantized"
stages = ["prune", "quantize"]
[parameters]
network = "resnet20"
power_of_two = POWER
[matrix]
pattern = ["dense", "block:4x4@0.5"]
)";

std::string experiment(const char* power_of_two) {
  std::string text = kExperiment;
  return text.replace(text.find("POWER"), 5, power_of_two);
}

TEST(QuantizeStage, WritesInt8WeightsAndScalesOfThePrunedNetwork) {
  const TemporaryDirectory directory;
  const std::string out = directory.path() + "/out";
  const CommandResult swept = run_command(
      {program("wbs-sweep"), directory.file("q.toml", experiment("true")), "--out", out}, "/tmp");
  ASSERT_EQ(swept.exit_code, 0) << swept.errors;
  const std::string file = directory.path() + "/quantized.h5";
  const CommandResult copied = run_command(
      {program("wbs"), "artifact", out, "pattern=block:4x4@0.5", "quantize", file}, "/tmp");
  ASSERT_EQ(copied.exit_code, 0) << copied.errors;

  const apps::QuantisedNetwork network = apps::read_quantised(file);
  EXPECT_TRUE(network.quantisation.options.power_of_two);
  EXPECT_EQ(network.layers.size(), 20U);
  EXPECT_GT(network.quantisation.activations.size(), 20U);
  const auto& layer = network.layers.at("layer2.0.conv2");
  std::size_t zeros = 0;
  for (const float value : layer.weights.integers.values) {
    EXPECT_EQ(value, std::nearbyint(value));
    zeros += static_cast<std::size_t>(value == 0.0F);
  }
  EXPECT_GE(zeros, layer.weights.integers.values.size() / 2);
  for (const float scale : layer.weights.scales) {
    int exponent = 0;
    EXPECT_EQ(std::frexp(scale, &exponent), 0.5F);
  }
  EXPECT_EQ(layer.bias.values.size(), layer.weights.scales.size());  // from the batch norm
}

/// Sweeps `stages` over a small network with half of its blocks; returns what it said.
CommandResult sweep_program(const TemporaryDirectory& directory, const std::string& stages) {
  const std::string text = R"(schema = 1
name = "program"
stages = [)" + stages + R"(]
[parameters]
network = "resnet9_narrow"
input = "1x28x28"
array = "2x2"
model = "event"
pattern = "block:8x8@0.5"
[[table]]
name = "program"
rows = ["pattern"]
values = ["compile.program_scales", "compile.program_packed_bytes", "simulate.event_cycles"]
)";
  return run_command(
      {program("wbs-sweep"), directory.file("p.toml", text), "--out", directory.path() + "/out"},
      "/tmp");
}

TEST(QuantizeStage, ItsWeightsAreTheProgramsInASweepAndOnTheCommandLine) {
  const TemporaryDirectory directory;
  const std::string out = directory.path() + "/out";
  const CommandResult swept =
      sweep_program(directory, R"("prune", "quantize", "compile", "simulate")");
  ASSERT_EQ(swept.exit_code, 0) << swept.errors;
  EXPECT_THAT(swept.output, HasSubstr("timing only"));  // noise calibrated the quantize stage
  const std::string file = directory.path() + "/quantized.h5";
  const std::string compiled = directory.path() + "/program.h5";
  ASSERT_EQ(run_command({program("wbs"), "artifact", out, "array=2x2", "quantize", file}, "/tmp")
                .exit_code,
            0);
  const CommandResult typed =
      run_command({program("wbs"), "compile", "--network", "resnet9_narrow", "--input", "1x28x28",
                   "--quantisation", file, "--array", "2x2", "--out", compiled},
                  "/tmp");
  ASSERT_EQ(typed.exit_code, 0) << typed.errors;
  EXPECT_THAT(typed.output, HasSubstr("resnet9_narrow (block:8x8@0.5) for aie2:2x2"));
  EXPECT_THAT(typed.output, HasSubstr("calibrated on seeded noise: right for timing only"));
  const CommandResult run =
      run_command({program("wbs"), "simulate", compiled, "--mode", "functional"}, "/tmp");
  EXPECT_EQ(run.exit_code, 0) << run.output << run.errors;
  const CommandResult other = run_command({program("wbs"), "compile", "--network", "resnet18",
                                           "--quantisation", file, "--array", "2x2", "--json"},
                                          "/tmp");
  EXPECT_NE(other.exit_code, 0);
  EXPECT_THAT(other.errors, HasSubstr("quantized.h5"));
}

TEST(QuantizeStage, DenseWeightsAreNoSparseProgram) {
  const TemporaryDirectory directory;
  const CommandResult swept = sweep_program(directory, R"("quantize", "compile", "simulate")");
  EXPECT_EQ(swept.exit_code, 1);
  EXPECT_THAT(swept.output + swept.errors, HasSubstr("before quantize"));
}

TEST(QuantizeStage, RefusesParametersThatCannotWork) {
  const TemporaryDirectory directory;
  std::string text = experiment("false");
  text.insert(text.find("[matrix]"), "range = \"best\"\ncalibrate = 0\nimages = \"/nowhere\"\n");
  const CommandResult refused = run_command(
      {program("wbs-sweep"), directory.file("q.toml", text), "--dry-run"}, directory.path());
  EXPECT_NE(refused.exit_code, 0);
  const std::string said = refused.errors + refused.output;
  EXPECT_THAT(said, HasSubstr("percentile"));
  EXPECT_THAT(said, HasSubstr("calibrate"));
  EXPECT_THAT(said, HasSubstr("/nowhere"));
}

TEST(QuantisedFile, ReadsBackWhatWasWritten) {
  const TemporaryDirectory directory;
  apps::QuantisedNetwork network;
  network.quantisation.options = {networks::RangeMethod::percentile, false};
  network.quantisation.activations["a.b"] = {0.125F, 128};
  network.layers["a.b"] = {
      networks::quantise_weights(Tensor({2, 2, 1, 1}, {0.5F, -1.0F, 0.0F, 3.0F}), false),
      Tensor({2}, {1.0F, -2.0F})};
  network.layers["fc"] = {networks::quantise_weights(Tensor({1, 3}, {1.0F, 2.0F, -3.0F}), false),
                          {}};
  const std::string path = directory.path() + "/q.h5";
  EXPECT_FALSE(apps::write_quantised(path, {{"network", "toy"}}, network).empty());
  const apps::QuantisedNetwork back = apps::read_quantised(path);
  EXPECT_EQ(back.quantisation.activations, network.quantisation.activations);
  EXPECT_EQ(back.quantisation.options.method, networks::RangeMethod::percentile);
  for (const auto& [name, layer] : network.layers) {
    EXPECT_EQ(back.layers.at(name).weights.integers.values, layer.weights.integers.values);
    EXPECT_EQ(back.layers.at(name).weights.integers.shape, layer.weights.integers.shape);
    EXPECT_EQ(back.layers.at(name).weights.scales, layer.weights.scales);
    EXPECT_EQ(back.layers.at(name).bias.values, layer.bias.values);
  }
}

}  // namespace
}  // namespace wbs::tests
