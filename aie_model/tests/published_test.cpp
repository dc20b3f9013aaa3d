// Compares the published estimator with the authors' logs, when the published files are present.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "aie_model/estimator.hpp"
#include "aie_model/replay.hpp"
#include "aie_model/tests/networks.hpp"
#include "core/text.hpp"

namespace wbs::aie {
namespace {

using testing::network_layers;

std::string published_dir() {
  std::vector<std::string> candidates;
  if (const char* dir = std::getenv("WBS_PUBLISHED_DIR")) candidates.emplace_back(dir);
  if (const char* data = std::getenv("WBS_DATA_DIR")) {
    candidates.push_back(std::string(data) + "/../published");
    candidates.push_back(std::string(data) + "/published");
  }
  for (const std::string& dir : candidates) {
    if (std::filesystem::exists(dir + "/wbs_subvolumes.csv")) return dir;
  }
  return "";
}

using CsvRow = std::map<std::string, std::string>;

/// Rows of a CSV file as maps from column name to text.
std::vector<CsvRow> read_csv(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> header;
  std::vector<CsvRow> rows;
  for (std::string line; std::getline(file, line);) {
    const auto fields = split(trim(line), ',');
    if (header.empty()) {
      header.assign(fields.begin(), fields.end());
      continue;
    }
    CsvRow row;
    for (std::size_t i = 0; i < fields.size(); ++i) row[header.at(i)] = std::string(fields[i]);
    rows.push_back(std::move(row));
  }
  return rows;
}

class Published : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = published_dir();
    if (dir_.empty()) {
      GTEST_SKIP() << "the published files are absent: set WBS_PUBLISHED_DIR to the directory "
                      "that holds wbs_subvolumes.csv";
    }
  }
  std::string dir_;
};

TEST_F(Published, IterationsArePredictedOnAlmostEveryLoggedRow) {
  const auto rows = read_replay(dir_ + "/wbs_subvolumes.csv");
  const auto results = replay(rows, Model::published, network_layers);
  std::size_t right = 0;
  std::string wrong;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (std::abs(static_cast<double>(results[i].iterations) - *rows[i].iterations) < 0.5) {
      ++right;
    } else {
      wrong +=
          fmt::format("{} {} {} {}: {} instead of {}\n", rows[i].network, rows[i].array,
                      rows[i].weights, rows[i].layer, results[i].iterations, *rows[i].iterations);
    }
  }
  EXPECT_GE(static_cast<double>(right), 0.99 * static_cast<double>(rows.size())) << wrong;
  RecordProperty("right", static_cast<int>(right));
  std::cout << right << " of " << rows.size() << " rows\n" << wrong;
}

TEST_F(Published, LaneTimesOfEveryLoggedRowAreWithinHalfAPercent) {
  const std::string path = dir_ + "/wbs_subvolumes.csv";
  const auto rows = read_replay(path);
  const auto logged = read_csv(path);
  ASSERT_EQ(rows.size(), logged.size());
  const auto results = replay(rows, Model::published, network_layers);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double load = std::stod(logged[i].at("loadfm_ns"));
    const double write = std::stod(logged[i].at("writefm_ns"));
    const double comp = std::stod(logged[i].at("comp_ns"));
    EXPECT_NEAR(results[i].loadfm_ns, load, 0.005 * load) << rows[i].layer;
    EXPECT_NEAR(results[i].writefm_ns, write, 0.005 * write) << rows[i].layer;
    const auto whole = static_cast<std::int64_t>(std::llround(*rows[i].iterations));
    if (results[i].iterations == whole) {
      EXPECT_DOUBLE_EQ(results[i].comp_ns, comp) << rows[i].layer;
    }
  }
}

/// The timeline of one logged run, every lane from the rules.
NetworkEstimate timeline(const std::vector<ReplayRow>& rows, const std::string& network,
                         const std::string& array, const std::string& weights,
                         std::vector<TiledLayer>* layers) {
  std::vector<ReplayRow> run;
  for (const ReplayRow& row : rows) {
    if (row.network == network && row.array == array && row.weights == weights) run.push_back(row);
  }
  const Device device = value_or_throw(find_device("aie2:" + array));
  *layers = layers_of_run(run, network_layers(network), device);
  return estimate_network(*layers, device, Model::published);
}

TEST_F(Published, TimelinesOfTheEighteenLoggedRunsAreWithinOnePercent) {
  const auto rows = read_replay(dir_ + "/wbs_subvolumes.csv");
  int runs = 0;
  for (const auto& row : read_csv(dir_ + "/wbs_table2.csv")) {
    const std::string& array = row.at("array");
    if (array != "2x2" && array != "4x4" && array != "8x8") continue;
    const double published_ns = std::stod(row.at("published_s")) * 1e9;
    std::vector<TiledLayer> layers;
    const auto estimate = timeline(rows, row.at("network"), array, row.at("weights"), &layers);
    EXPECT_NEAR(estimate.total_ns, published_ns, 0.01 * published_ns)
        << row.at("network") << ' ' << array << ' ' << row.at("weights");
    std::cout << fmt::format("{} {} {} {:.6f} ms {:+.3f}%\n", row.at("network"), array,
                             row.at("weights"), estimate.total_ns * 1e-6,
                             100 * (estimate.total_ns / published_ns - 1));
    ++runs;
  }
  EXPECT_EQ(runs, 18);
}

TEST_F(Published, DenseResNet50On4x4HasTheStatedComputeTimes) {
  const auto rows = read_replay(dir_ + "/wbs_subvolumes.csv");
  double published_ns = 0, corrected_ns = 0;
  const auto published = replay(rows, Model::published, network_layers);
  const auto corrected = replay(rows, Model::corrected, network_layers);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].network != "resnet50" || rows[i].array != "4x4" || rows[i].weights != "dense") {
      continue;
    }
    published_ns += published[i].comp_ns;
    corrected_ns += corrected[i].comp_ns;
  }
  EXPECT_NEAR(published_ns, 8.0e6, 0.05e6);  // "8.0 ms of published compute
  EXPECT_NEAR(corrected_ns, 1.05e6, 0.1e6);  // against about 1.0 ms by MACs/256"
}

TEST_F(Published, MostLoggedLayersHaveTheirTimeToAThousandth) {
  const auto rows = read_replay(dir_ + "/wbs_subvolumes.csv");
  std::map<std::string, std::vector<CsvRow>> runs;
  for (auto& row : read_csv(dir_ + "/wbs_layer_times.csv")) {
    if (row.at("layer").starts_with("data_")) continue;
    runs[row.at("network") + ' ' + row.at("array") + ' ' + row.at("weights")].push_back(row);
  }
  int all = 0, right = 0;
  for (const auto& [name, logged] : runs) {
    std::vector<TiledLayer> layers;
    const auto& head = logged.front();
    const auto estimate =
        timeline(rows, head.at("network"), head.at("array"), head.at("weights"), &layers);
    std::size_t at = 0;
    for (const auto& row : logged) {
      const bool concat = row.at("layer").starts_with("concat_");
      while (at < layers.size() && layers[at].kind == LayerKind::concat) ++at;
      if (concat) continue;
      ASSERT_LT(at, layers.size());
      const double ns = (std::stod(row.at("end_s")) - std::stod(row.at("start_s"))) * 1e9;
      const bool near = std::abs(estimate.layers[at].total_ns - ns) <= 1e-3 * ns + 10;
      ++all;
      right += near ? 1 : 0;
      if (!near) {
        std::cout << fmt::format("{} {}: {:.1f} us, logged {:.1f} us\n", name, row.at("layer"),
                                 estimate.layers[at].total_ns * 1e-3, ns * 1e-3);
      }
      ++at;
    }
  }
  EXPECT_GE(right, 0.98 * all);
  std::cout << right << " of " << all << " layers\n";
}

}  // namespace
}  // namespace wbs::aie
