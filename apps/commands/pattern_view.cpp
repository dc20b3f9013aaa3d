#include "apps/commands/pattern_view.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "apps/columns.hpp"
#include "core/error.hpp"
#include "harness/hdf5_file.hpp"
#include "networks/onnx/importer.hpp"
#include "sparsity/check.hpp"
#include "sparsity/pattern.hpp"

namespace wbs::apps {
namespace {

using nlohmann::json;

/// Weight tensors of a file by node name: those of convolutions and linear layers.
std::vector<std::pair<std::string, Tensor>> stored_weights(const std::string& path) {
  std::vector<std::pair<std::string, Tensor>> tensors;
  if (path.ends_with(".onnx") || path.ends_with(".gz")) {
    networks::ImportedNetwork imported = networks::import_onnx(path);
    for (const networks::Node& node : imported.graph.nodes) {
      const auto found = imported.weights.find(networks::weight_key(node, "weight"));
      if (found != imported.weights.end()) {
        tensors.emplace_back(node.name, std::move(found->second));
      }
    }
    return tensors;
  }
  const harness::Hdf5File file = harness::Hdf5File::open(path);
  for (const std::string& node : file.members("/")) {
    const std::string object = "/" + node + "/weight";
    if (file.has(object)) tensors.emplace_back(node, file.read(object));
  }
  return tensors;
}

/// "8x8: 50.0%" for the square blocks that tables use.
std::string block_shares(const sparsity::Readback& readback) {
  std::vector<std::string> parts;
  for (const sparsity::BlockReadback& block : readback.blocks) {
    if (block.rows != block.cols || (block.rows != 4 && block.rows != 8 && block.rows != 16)) {
      continue;
    }
    parts.push_back(
        fmt::format("{}x{} {:.1f}%", block.rows, block.cols, 100 * block.zero_block_share()));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

int show_stored_patterns(const std::string& path, const std::string& candidate, bool as_json) {
  std::optional<sparsity::Pattern> wanted;
  if (!candidate.empty()) {
    wanted = value_or_throw(sparsity::parse_pattern(candidate), ErrorKind::usage);
  }
  json items = json::array();
  std::vector<std::vector<std::string>> rows;
  int violations = 0;
  for (const auto& [name, tensor] : stored_weights(path)) {
    const sparsity::Readback readback = sparsity::read_back(tensor);
    std::vector<std::string> patterns;
    for (const sparsity::Pattern& pattern : sparsity::detect(readback)) {
      patterns.push_back(sparsity::to_string(pattern));
    }
    std::string verdict;
    if (wanted) {
      const Result<void> holds = sparsity::satisfies(tensor, *wanted);
      verdict = holds ? "yes" : holds.error();
      violations += holds ? 0 : 1;
    }
    items.push_back({{"layer", name},
                     {"shape", tensor.shape},
                     {"sparsity", readback.sparsity()},
                     {"patterns", patterns}});
    if (wanted) items.back()["satisfies"] = verdict;
    rows.push_back({name, to_string(tensor.shape), fmt::format("{:.4f}", readback.sparsity()),
                    block_shares(readback), fmt::format("{}", fmt::join(patterns, " "))});
    if (wanted) rows.back().push_back(verdict);
  }
  if (as_json) {
    fmt::print("{}\n", items.dump(2));
  } else {
    std::vector<std::string> header{"layer", "shape", "sparsity", "zero blocks", "satisfies"};
    if (wanted) header.push_back(candidate + "?");
    fmt::print("{}", aligned(header, rows));
  }
  return violations == 0 ? 0 : 1;
}

}  // namespace wbs::apps
