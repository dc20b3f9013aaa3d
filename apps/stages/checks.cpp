#include "apps/stages/checks.hpp"

#include <fmt/format.h>

#include "apps/aie/device_choice.hpp"
#include "apps/network_source.hpp"
#include "apps/paths.hpp"
#include "apps/stages/parameters.hpp"
#include "core/digest.hpp"
#include "core/text.hpp"
#include "networks/graph.hpp"
#include "sparsity/pattern.hpp"

namespace wbs::apps {

Result<aie::Device> find_array(const std::string& array) {
  if (array.ends_with(".toml")) {
    try {
      return choose_device("", array).device;
    } catch (const Error& error) {
      return refusal(error.what());
    }
  }
  const bool is_size = !array.empty() && array[0] >= '0' && array[0] <= '9';
  return aie::find_device(is_size ? "aie2:" + array : array);
}

Result<compiler::CinSplit> find_cin_split(const std::string& name) {
  using compiler::CinSplit;
  for (const CinSplit split : {CinSplit::last_resort, CinSplit::even_shares, CinSplit::authors}) {
    if (compiler::to_string(split) == name) return split;
  }
  return refusal(
      fmt::format("cin_split '{}' is unknown: expected last_resort, even_shares or authors", name));
}

std::vector<harness::ParameterSpec> network_parameters() {
  using harness::ValueType;
  return {
      {"network", ValueType::text, {}, "zoo name (wbs list networks) or .onnx file", true},
      {"input", ValueType::text, std::string(), "image size CxHxW; empty: the network's own"},
      {"pattern", ValueType::text, std::string("dense"), "sparsity pattern (wbs list patterns)"},
  };
}

std::vector<std::string> check_network_and_pattern(const harness::Values& parameters,
                                                   std::map<std::string, std::string>& data_digests,
                                                   bool linear_too) {
  std::vector<std::string> problems;
  const std::string& pattern_text = text(parameters, "pattern");
  const Result<sparsity::Pattern> pattern = sparsity::parse_pattern(pattern_text);
  if (!pattern) problems.push_back(pattern.error());
  try {
    const std::string& network = text(parameters, "network");
    const networks::Graph& graph = load_graph(network, text(parameters, "input"));
    if (network.ends_with(".onnx") || network.ends_with(".gz") || network.ends_with(".txt")) {
      data_digests["network"] = digest_of_file(resolve_data_path(network));
    }
    for (const networks::Node& node : graph.nodes) {
      if (!pattern || !is_pruned(graph, node, linear_too)) continue;
      const Result<void> fits = sparsity::check_fits(*pattern, node.weight_shapes.at("weight"));
      if (fits) continue;
      problems.push_back(fmt::format("pattern '{}' does not fit layer {} of {}: {}", pattern_text,
                                     node.name, network, fits.error()));
      break;
    }
  } catch (const Error& error) {
    problems.emplace_back(error.what());
  }
  return problems;
}

}  // namespace wbs::apps
