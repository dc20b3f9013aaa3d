// wbs compile and wbs simulate of programs, as a user types them.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/aie/device_choice.hpp"
#include "apps/aie/program_file.hpp"
#include "tests/command.hpp"

namespace wbs::tests {
namespace {

using nlohmann::json;
using testing::HasSubstr;

CommandResult wbs(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program("wbs"));
  return run_command(arguments, "/tmp");
}

json answer(const std::vector<std::string>& arguments) {
  const CommandResult result = wbs(arguments);
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  return result.exit_code == 0 ? json::parse(result.output) : json();
}

/// A small network, compiled once for all tests.
class AieCommand : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new TemporaryDirectory();
    compiled_ =
        answer({"compile", "--network", "resnet18", "--input", "3x32x32", "--pattern",
                "block:8x8@0.5", "--array", "2x2", "--device", "npu1", "--out", file(), "--json"});
  }
  static void TearDownTestSuite() { delete directory_; }

  static std::string file() { return directory_->path() + "/p.h5"; }
  static std::string path(const std::string& name) { return directory_->path() + "/" + name; }

  static TemporaryDirectory* directory_;
  static json compiled_;
};

TemporaryDirectory* AieCommand::directory_ = nullptr;
json AieCommand::compiled_;

TEST_F(AieCommand, CompileTellsWhatTheProgramConsistsOf) {
  for (const char* key : {"seconds", "instructions", "descriptors", "packed_bytes", "steps"}) {
    EXPECT_GT(compiled_.at(key).get<double>(), 0.0) << key;
  }
  EXPECT_EQ(compiled_.at("device"), "npu1:2x2");
  EXPECT_LT(compiled_.at("kept_macs").get<double>(), compiled_.at("macs").get<double>());
  EXPECT_THAT(compiled_.at("scales").get<std::string>(), HasSubstr("timing only"));
}

TEST_F(AieCommand, FunctionalRunComparesEveryLayer) {
  const json run = answer({"simulate", file(), "--mode", "functional", "--json"});
  EXPECT_EQ(run.at("bit_exact"), true) << run.dump();
  EXPECT_EQ(run.at("layers_compared"), compiled_.at("layers"));
  EXPECT_GT(run.at("distinct_values_least").get<int>(), 1);
}

TEST_F(AieCommand, EventRunAccountsForEveryCycle) {
  const json run = answer({"simulate", file(), "--mode", "event", "--json"});
  std::uint64_t cycles = 0;
  for (const json& layer : run.at("layers")) {
    cycles += layer.at("cycles").get<std::uint64_t>();
    EXPECT_FALSE(layer.at("bound").get<std::string>().empty());
  }
  EXPECT_EQ(cycles, run.at("cycles").get<std::uint64_t>());
  EXPECT_EQ(run.at("model"), "event");
  EXPECT_GT(run.at("utilisation").get<double>(), 0.0);
  EXPECT_LT(run.at("utilisation").get<double>(), 1.0);
  EXPECT_EQ(wbs({"simulate", file()}).exit_code, 0);
}

TEST_F(AieCommand, RooflineAccountsForTimeBytesAndEnergy) {
  const json run = answer({"simulate", file(), "--roofline", path("r.svg"), "--json"});
  const json& roofline = run.at("roofline");
  EXPECT_EQ(roofline.at("peak_macs_per_cycle"), 4 * 256);
  double multiply = 0.0;
  for (const json& layer : roofline.at("layers")) {
    const double cycles = layer.at("cycles").get<double>();
    EXPECT_LE(layer.at("least_cycles").get<double>(), cycles) << layer.dump();
    EXPECT_LE(layer.at("even_least_cycles").get<double>(), cycles) << layer.dump();
    double shares = 0.0;
    for (const auto& [part, share] : layer.at("core_time").items()) {
      EXPECT_GE(share.get<double>(), 0.0) << part;
      shares += share.get<double>();
    }
    EXPECT_NEAR(shares, 1.0, 1e-9) << layer.dump();
    multiply += layer.at("core_time").at("multiply").get<double>() * cycles;
  }
  EXPECT_NEAR(multiply / run.at("cycles").get<double>(), run.at("utilisation").get<double>(), 1e-6);
  const json& read = roofline.at("total").at("resources").at("DRAM read");
  EXPECT_EQ(read.at("bytes"), run.at("ddr_read_bytes"));
  const json& energy = run.at("energy_proxy");
  EXPECT_THAT(energy.at("what").get<std::string>(), HasSubstr("proxy"));
  EXPECT_NEAR(
      energy.at("dram_uj").get<double>(),
      162.5e-6 * (run.at("ddr_read_bytes").get<double>() + run.at("ddr_write_bytes").get<double>()),
      1e-6);
  EXPECT_GT(run.at("images_per_second").get<double>(), 0.0);
  EXPECT_THAT(slurp(path("r.svg")), HasSubstr("layer2.0.conv1"));
}

TEST_F(AieCommand, TheGainOverTheDenseProgramHasABound) {
  answer({"compile", "--network", "resnet18", "--input", "3x32x32", "--array", "2x2", "--device",
          "npu1", "--out", path("dense.h5"), "--json"});
  const json run = answer({"simulate", file(), "--against", path("dense.h5"), "--json"});
  const json& total = run.at("gain").at("total");
  EXPECT_EQ(total.at("cycles"), run.at("cycles"));
  EXPECT_GT(total.at("gain").get<double>(), 1.0);
  EXPECT_LE(total.at("gain").get<double>(), total.at("allowed_gain").get<double>());
  EXPECT_GT(total.at("macs_gain").get<double>(), 1.5);
  const CommandResult table =
      wbs({"simulate", file(), "--roofline", "--against", path("dense.h5")});
  EXPECT_THAT(table.output, HasSubstr("times faster than in the dense program"));
  EXPECT_THAT(table.output, HasSubstr("multiply %"));
}

TEST_F(AieCommand, RooflineOptionsThatMakeNoSenseAreRefused) {
  EXPECT_THAT(wbs({"simulate", file(), "--roofline", "r.png"}).errors, HasSubstr(".svg"));
  const CommandResult functional = wbs({"simulate", file(), "--mode", "functional", "--roofline"});
  EXPECT_EQ(functional.exit_code, 2);
  EXPECT_THAT(functional.errors, HasSubstr("--mode event"));
  const CommandResult other = wbs({"compile", "--network", "resnet18", "--input", "3x32x32",
                                   "--array", "2x1", "--out", path("other.h5")});
  ASSERT_EQ(other.exit_code, 0) << other.errors;
  EXPECT_EQ(wbs({"simulate", file(), "--against", path("other.h5")}).exit_code, 3);
}

TEST_F(AieCommand, OptionsThatWouldDoNothingAreRefused) {
  for (const std::vector<std::string>& extra : std::vector<std::vector<std::string>>{
           {"--images", "somewhere.tar"},
           {"--image", "3"},
           {"--data", "embedded"},
           {"--mode", "functional", "--image", "3"},
           {"--mode", "functional", "--images", "a", "--data", "embedded"}}) {
    std::vector<std::string> arguments{"simulate", file()};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    EXPECT_EQ(wbs(arguments).exit_code, 2) << extra.at(0);
  }
  const CommandResult compiled =
      wbs({"compile", "--network", "resnet18", "--array", "2x2", "--images", "a.tar", "--json"});
  EXPECT_EQ(compiled.exit_code, 2);
  EXPECT_THAT(compiled.errors, HasSubstr("--calibrate"));
}

TEST_F(AieCommand, AFunctionalRunReadsTheTestImagesOfTheTrainingData) {
  const std::string compiled = path("small.h5");
  answer({"compile", "--network", "resnet18", "--input", "3x16x16", "--array", "2x2", "--out",
          compiled, "--json"});
  const json run = answer({"simulate", compiled, "--mode", "functional", "--data", "embedded",
                           "--image", "2", "--json"});
  EXPECT_EQ(run.at("bit_exact"), true) << run.dump();
  EXPECT_TRUE(run.at("label").is_number());
  EXPECT_GE(run.at("distinct_values_least").get<int>(), 1);
  const CommandResult outside = wbs(
      {"simulate", compiled, "--mode", "functional", "--data", "embedded", "--image", "9999999"});
  EXPECT_EQ(outside.exit_code, 2);
  EXPECT_THAT(outside.errors, HasSubstr("has images 0 to"));
}

/// Real weights and real images.
TEST(AieRealData, AProgramCalibratedOnImagesGivesAnImageItsClass) {
  const char* root = std::getenv("WBS_DATA_DIR");
  if (root == nullptr) GTEST_SKIP() << "WBS_DATA_DIR is not set: no network and no images to read";
  if (!std::filesystem::exists(std::filesystem::path(root) / "squeezenet1.1-imagenet")) {
    GTEST_SKIP() << "WBS_DATA_DIR (" << root << ") holds no folder squeezenet1.1-imagenet";
  }
  const TemporaryDirectory directory;
  const std::string compiled = directory.path() + "/p.h5";
  const std::string images = "imagenet-samples/imagenet-samples.tar";
  const json built =
      answer({"compile", "--weights", "squeezenet1.1-imagenet/squeezenet1.1.onnx", "--calibrate",
              "16", "--images", images, "--array", "4x4", "--out", compiled, "--json"});
  EXPECT_EQ(built.at("scales"), "16 of 1000 images of " + images);
  const json run = answer(
      {"simulate", compiled, "--mode", "functional", "--images", images, "--image", "3", "--json"});
  EXPECT_EQ(run.at("bit_exact"), true) << run.dump();
  EXPECT_GE(run.at("distinct_values_least").get<int>(), 16);
  EXPECT_EQ(run.at("label"), 3);
  EXPECT_EQ(run.at("predicted"), 3);
}

TEST_F(AieCommand, PicturesAreWritten) {
  const CommandResult result =
      wbs({"simulate", file(), "--trace", path("t.json"), "--gantt", path("g.svg"), "--heatmap",
           path("h.svg"), "--layer", "layer2.0.conv1"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_GT(json::parse(slurp(path("t.json"))).at("traceEvents").size(), 10U);
  EXPECT_THAT(slurp(path("g.svg")), HasSubstr("layer2.0.conv1"));
  EXPECT_THAT(slurp(path("h.svg")), HasSubstr("</svg>"));
}

TEST_F(AieCommand, ACutFileIsOneSentence) {
  std::filesystem::copy_file(file(), path("cut.h5"));
  std::filesystem::resize_file(path("cut.h5"), std::filesystem::file_size(file()) / 2);
  const CommandResult result = wbs({"simulate", path("cut.h5")});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.errors, HasSubstr("cut.h5"));
}

/// Writes the program with a change and simulates it.
template <typename Change>
CommandResult simulate_changed(const std::string& from, const std::string& to, Change change) {
  apps::ProgramFile content = apps::read_program_file(from, /*with_network=*/true);
  change(content.program);
  apps::write_program_file(to, {content.program, &*content.network,
                                R"({"base":"npu1","values":{},"array":"2x2"})", "", "", ""});
  return wbs({"simulate", to, "--mode", "functional"});
}

TEST_F(AieCommand, EditedDescriptorsAreRefusedWithTheirTile) {
  const CommandResult result =
      simulate_changed(file(), path("edited.h5"), [](aie::Program& program) {
        for (aie::TileProgram& tile : program.steps.at(0).tiles) {
          if (tile.tile.kind != aie::TileKind::memtile) continue;
          for (aie::Descriptor& descriptor : tile.descriptors) {
            if (descriptor.words > 0) descriptor.address = 1 << 30;
          }
          return;
        }
      });
  EXPECT_EQ(result.exit_code, 3) << result.output;
  EXPECT_THAT(result.errors, HasSubstr("memtile(0)"));
  EXPECT_THAT(result.errors, HasSubstr("edited.h5"));
}

TEST_F(AieCommand, FlippedWeightsAreNoticed) {
  const CommandResult result =
      simulate_changed(file(), path("flipped.h5"), [](aie::Program& program) {
        for (aie::DdrBuffer& buffer : program.ddr) {
          for (std::size_t i = 0; i < buffer.data.size(); i += 997) buffer.data[i] ^= 0x40U;
        }
      });
  EXPECT_EQ(result.exit_code, 1) << result.output << result.errors;
}

TEST_F(AieCommand, PassesPrintTheirTextForms) {
  const std::vector<std::string> model{"compile", "--network", "resnet18", "--input",
                                       "3x32x32", "--array",   "2x2"};
  const auto pass = [&](const std::string& name) {
    std::vector<std::string> arguments = model;
    arguments.insert(arguments.end(), {"--passes", name});
    return wbs(arguments);
  };
  const CommandResult graph = pass("graph");
  EXPECT_THAT(graph.output, HasSubstr("layer1.0.bn1 = batch_norm"));
  EXPECT_THAT(pass("fold").output, testing::Not(HasSubstr("batch_norm")));
  EXPECT_THAT(pass("map").output, HasSubstr("estimated cycles"));
  EXPECT_EQ(pass("mup").exit_code, 2);
  // The graph's text form is a network again.
  const std::string text = directory_->file("net.txt", graph.output);
  EXPECT_EQ(answer({"compile", "--network", text, "--array", "2x2", "--json"}).at("layers"),
            compiled_.at("layers"));
}

TEST(AieDepthTiles, AreShownExactAndCounted) {
  const TemporaryDirectory directory;
  const std::string device = directory.file(
      "slow.toml",
      "base = \"aie2:2x2\"\nname = \"slow\"\nmemtile_bytes = 131072\n"
      "[silicon]\ndram_bytes_per_cycle = 0.5\n[silicon.memtile]\nmemory_bytes = 131072\n");
  const std::string file = directory.path() + "/p.h5";
  const auto compile = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"compile", "--network", "vgg16", "--input", "3x64x64", "--device",
                               device, "--depth-tiles"});
    return more;
  };
  const json compiled = answer(compile({"4", "--out", file, "--json"}));
  EXPECT_FALSE(compiled.at("depth_cuts").empty()) << compiled.dump();
  EXPECT_THAT(wbs(compile({"4", "--passes", "depth"})).output, HasSubstr("in 4 tiles"));
  EXPECT_EQ(answer({"simulate", file, "--mode", "functional", "--json"}).at("bit_exact"), true);
  EXPECT_EQ(answer(compile({"1", "--json"})).at("depth_cuts"), json::array());
  EXPECT_EQ(wbs(compile({"none", "--json"})).exit_code, 2);
}

TEST(AieDepthTiles, SlowMemoryIsADeviceOfItsOwn) {
  const apps::ChosenDevice slow = apps::choose_array("3x3", 16);
  EXPECT_DOUBLE_EQ(slow.device.silicon.dram_bytes_per_cycle, 1.5);  // 3 shims, 2 channels, 4 bytes
  EXPECT_DOUBLE_EQ(slow.device.load_bandwidth,
                   apps::choose_array("3x3").device.load_bandwidth / 16);
  EXPECT_EQ(apps::device_of_text(slow.text).silicon.dram_bytes_per_cycle, 1.5);
  EXPECT_DOUBLE_EQ(apps::choose_array("npu1", 3).device.silicon.dram_bytes_per_cycle, 5.0);
}

TEST_F(AieCommand, PublishedTilingIsReplayedForItsTimeOnly) {
  const std::string replay = path("published.h5");
  const json compiled = answer({"compile", "--tiling", "published", "--network", "resnet18",
                                "--input", "3x32x32", "--pattern", "block:8x8@0.5", "--array",
                                "2x2", "--device", "npu1", "--out", replay, "--json"});
  EXPECT_EQ(compiled.at("tiling"), "published");
  EXPECT_EQ(compiled.at("timing_only"), true);
  EXPECT_GT(compiled.at("steps").get<int>(), 0);
  const json run = answer({"simulate", replay, "--mode", "event", "--json"});
  EXPECT_GT(run.at("cycles").get<double>(), 0.0);
  EXPECT_EQ(run.at("timing_only"), true);
  EXPECT_EQ(run.at("exceeds"), compiled.at("exceeds"));
  const json ours = answer({"simulate", file(), "--mode", "event", "--json"});
  EXPECT_EQ(ours.at("timing_only"), false);
  const CommandResult refused = wbs({"simulate", replay, "--mode", "functional"});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.errors, HasSubstr("for timing only"));
  EXPECT_THAT(refused.errors, HasSubstr("--mode event"));
}

TEST(AieCommandErrors, NameTheTilingsThatThereAre) {
  const std::vector<std::string> compile{"compile", "--network", "resnet18",
                                         "--array", "2x2",       "--json"};
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = compile;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return wbs(arguments);
  };
  const CommandResult unknown = with({"--tiling", "theirs"});
  EXPECT_NE(unknown.exit_code, 0);
  EXPECT_THAT(unknown.errors, HasSubstr("ours, published or published_complete"));
  const CommandResult scaled = with({"--tiling", "published", "--calibrate", "4"});
  EXPECT_NE(scaled.exit_code, 0);
  EXPECT_THAT(scaled.errors, HasSubstr("has no values"));
}

TEST(AieCommandErrors, NameWhatDoesNotFit) {
  const CommandResult node = wbs({"compile", "--network", "resnet20", "--array", "2x2", "--json"});
  EXPECT_EQ(node.exit_code, 4);
  EXPECT_THAT(node.errors, HasSubstr("layer2.0.shortcut.rows"));
  const CommandResult array =
      wbs({"compile", "--network", "resnet18", "--array", "8x8", "--device", "npu1", "--json"});
  EXPECT_EQ(array.exit_code, 4);
  EXPECT_THAT(array.errors, HasSubstr("larger than device npu1"));
}

TEST(AieCommandErrors, DeviceFilesAreChecked) {
  const TemporaryDirectory directory;
  const auto compile = [&](const std::string& text) {
    return wbs({"compile", "--network", "resnet18", "--input", "3x32x32", "--device",
                directory.file("mine.toml", text), "--json"});
  };
  const CommandResult good = compile("base = \"npu1\"\nname = \"mine\"\nclock_hz = 1.5e9\n");
  EXPECT_EQ(good.exit_code, 0) << good.errors;
  EXPECT_THAT(good.output, HasSubstr("\"device\":\"mine\""));
  const CommandResult unknown = compile("base = \"npu1\"\n[silicon.core]\nlock = 16\n");
  EXPECT_EQ(unknown.exit_code, 3);
  EXPECT_THAT(unknown.errors, HasSubstr("unknown key 'silicon.core.lock'"));
  EXPECT_THAT(unknown.errors, HasSubstr("silicon.core.locks"));
  EXPECT_THAT(compile("base = \"npu1\"\nrows = \"four\"\n").errors,
              HasSubstr("expected an integer"));
  EXPECT_THAT(compile("base = npu1\n").errors, HasSubstr("mine.toml:1:"));
  EXPECT_THAT(compile("rows = 4\n").errors, HasSubstr("needs base"));
}

TEST(AieCommandErrors, KernelsOfOneCoreAreTimed) {
  const json kernel = answer({"simulate", "--kernel", "64x232x64", "--json"});
  EXPECT_NEAR(kernel.at("core_macs_per_cycle").get<double>(), 233.0, 23.3);
  EXPECT_EQ(wbs({"simulate", "--kernel", "64x232"}).exit_code, 2);
}

}  // namespace
}  // namespace wbs::tests
