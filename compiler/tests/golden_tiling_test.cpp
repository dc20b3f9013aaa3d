// Compares the tiler with all 960 logged sub-volumes of published/wbs_subvolumes.csv.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "compiler/tiler.hpp"
#include "core/text.hpp"
#include "networks/zoo.hpp"

namespace wbs::compiler {
namespace {

/// published/FILE beside or inside the folder that WBS_DATA_DIR names; empty when there is none.
std::filesystem::path published_file(const char* name) {
  const char* data = std::getenv("WBS_DATA_DIR");
  if (data == nullptr) return {};
  for (const char* folder : {"published", "../published"}) {
    const std::filesystem::path path = std::filesystem::path(data) / folder / name;
    if (std::filesystem::exists(path)) return path;
  }
  return {};
}

struct LoggedTile {
  std::string layer, weight, input, output;
};

/// Rows by "network,array,weights", in the order of the file, which is that of execution.
std::map<std::string, std::vector<LoggedTile>> read_tiles(const std::filesystem::path& path) {
  std::map<std::string, std::vector<LoggedTile>> tiles;
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    const std::vector<std::string_view> parts = split(line, ',');
    if (parts.size() < 8) continue;
    tiles[fmt::format("{},{},{}", parts[0], parts[1], parts[2])].push_back(
        {std::string(parts[3]), std::string(parts[5]), std::string(parts[6]),
         std::string(parts[7])});
  }
  return tiles;
}

std::string text(const aie::WeightBlock& w) {
  return fmt::format("{}x{}x{}x{}", w.cout, w.kh, w.kw, w.cin);
}

std::string text(const aie::Extent& e) {
  return fmt::format("1x{}x{}x{}", e.h, e.w, e.c);
}

TEST(GoldenTiling, LoggedSubVolumesAreReproduced) {
  const std::filesystem::path path = published_file("wbs_subvolumes.csv");
  if (path.empty())
    GTEST_SKIP() << "set WBS_DATA_DIR to the data folder next to published/wbs_subvolumes.csv";
  int rows = 0, equal = 0;
  std::string different;
  for (const auto& [key, tiles] : read_tiles(path)) {
    const std::vector<std::string_view> parts = split(key, ',');
    const std::int64_t side = parts[1][0] - '0';
    CompileOptions options;
    if (parts[2] == "sparse") options.densities.convolutions = {0.5, 0.5};
    const TiledNetwork network =
        compile(networks::build_network(parts[0]), aie::aie2_array(side, side), options);
    std::vector<aie::TiledLayer> convolutions;
    for (const aie::TiledLayer& layer : network.layers)
      if (layer.kind == aie::LayerKind::conv) convolutions.push_back(layer);
    ASSERT_EQ(convolutions.size(), tiles.size()) << key;
    for (std::size_t i = 0; i < tiles.size(); ++i) {
      const aie::TiledLayer& ours = convolutions[i];
      const bool same = text(ours.core_weight) == tiles[i].weight &&
                        text(ours.core_input) == tiles[i].input &&
                        text(ours.core_output) == tiles[i].output;
      ++rows;
      if (same) ++equal;
      if (!same)
        different +=
            fmt::format("{} {}: {} {} {}, logged {} {} {}\n", key, ours.name,
                        text(ours.core_weight), text(ours.core_input), text(ours.core_output),
                        tiles[i].weight, tiles[i].input, tiles[i].output);
    }
  }
  EXPECT_EQ(rows, 960);
  EXPECT_GE(equal, 950) << different;
}

}  // namespace
}  // namespace wbs::compiler
