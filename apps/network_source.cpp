#include "apps/network_source.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "apps/paths.hpp"
#include "apps/text_file.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "networks/initialise.hpp"
#include "networks/onnx/importer.hpp"
#include "networks/text_form.hpp"
#include "networks/zoo.hpp"

namespace wbs::apps {
namespace {

bool names_onnx_file(const std::string& network) {
  return network.ends_with(".onnx") || network.ends_with(".onnx.gz");
}

bool names_text_form(const std::string& network) {
  return network.ends_with(".txt");
}

std::optional<std::array<std::int64_t, 3>> parse_input(const std::string& input) {
  if (input.empty()) return std::nullopt;
  std::array<std::int64_t, 3> extents{};
  const std::vector<std::string_view> parts = split(input, 'x');
  bool good = parts.size() == extents.size();
  for (std::size_t i = 0; good && i < extents.size(); ++i) {
    const std::optional<std::int64_t> extent = parse_integer(parts[i]);
    good = extent && *extent > 0 && *extent <= 65536;
    extents[i] = extent.value_or(0);
  }
  if (!good) {
    throw Error(
        ErrorKind::usage,
        fmt::format("input '{}' is no image size: expected CxHxW, for example 3x224x224", input));
  }
  return extents;
}

bool has_kernel(const networks::Node& node) {
  return node.op == networks::Op::conv || node.op == networks::Op::linear;
}

/// Nodes of `imported` that stand for the nodes of `graph`: by name where all weighted names are
/// known, otherwise the k-th node with weights for the k-th.
std::map<std::string, const networks::Node*> match_nodes(const networks::Graph& graph,
                                                         const networks::Graph& imported,
                                                         const std::string& file) {
  std::map<std::string, const networks::Node*> by_name;
  bool all_known = true;
  for (const networks::Node& node : graph.nodes) {
    if (node.weight_shapes.empty()) continue;
    const auto found = networks::find_node(imported, node.name);
    if (found) by_name[node.name] = &imported.nodes[*found];
    all_known = all_known && found.has_value();
  }
  if (all_known) return by_name;
  std::vector<const networks::Node*> ours;
  std::vector<const networks::Node*> theirs;
  for (const networks::Node& node : graph.nodes) {
    if (!node.weight_shapes.empty()) ours.push_back(&node);
  }
  for (const networks::Node& node : imported.nodes) {
    if (!node.weight_shapes.empty()) theirs.push_back(&node);
  }
  if (ours.size() != theirs.size()) {
    throw Error(
        ErrorKind::input,
        fmt::format("{}: its {} nodes with weights do not fit the {} of {} (names differ too)",
                    file, theirs.size(), ours.size(), graph.name));
  }
  for (std::size_t i = 0; i < ours.size(); ++i) by_name[ours[i]->name] = theirs[i];
  return by_name;
}

networks::Weights weights_of_file(const networks::Graph& graph, const std::string& file) {
  networks::ImportedNetwork imported = networks::import_onnx(file);
  const auto matches = match_nodes(graph, imported.graph, file);
  networks::Weights weights;
  for (const networks::Node& node : graph.nodes) {
    for (const auto& [role, shape] : node.weight_shapes) {
      const std::string theirs = networks::weight_key(*matches.at(node.name), role);
      const auto found = imported.weights.find(theirs);
      if (found == imported.weights.end() || found->second.shape != shape) {
        throw Error(
            ErrorKind::input,
            fmt::format("{}: {} of node {} of {} should be {}, but the file has {}", file, role,
                        node.name, graph.name, to_string(shape),
                        found == imported.weights.end() ? "none" : to_string(found->second.shape)));
      }
      weights.emplace(networks::weight_key(node, role), std::move(found->second));
    }
  }
  return weights;
}

networks::Graph read_graph(const std::string& network, const std::string& input) {
  const auto extents = parse_input(input);
  if (names_text_form(network)) {
    if (extents) {
      throw Error(ErrorKind::usage,
                  fmt::format("{}: the text form of a network says its input itself", network));
    }
    auto graph = networks::parse_graph(read_text_file(network));
    if (!graph) throw Error(ErrorKind::input, fmt::format("{}: {}", network, graph.error()));
    return *std::move(graph);
  }
  if (!names_onnx_file(network)) return networks::build_network(network, {.input = extents});
  networks::ImportOptions options;
  if (extents) options.input_shape = Shape{1, (*extents)[0], (*extents)[1], (*extents)[2]};
  return networks::import_onnx(resolve_data_path(network), options).graph;
}

}  // namespace

const networks::Graph& load_graph(const std::string& network, const std::string& input) {
  static std::map<std::pair<std::string, std::string>, networks::Graph> graphs;
  const auto key = std::pair(network, input);
  if (const auto found = graphs.find(key); found != graphs.end()) return found->second;
  return graphs.emplace(key, read_graph(network, input)).first->second;
}

std::string weights_file(const WeightsChoice& choice) {
  if (choice.weights.empty()) {
    return names_onnx_file(choice.network) ? resolve_data_path(choice.network) : std::string();
  }
  for (const std::string_view alternative : split(choice.weights, '|')) {
    if (alternative == "seeded") return {};
    std::string path = resolve_data_path(std::string(alternative));
    if (std::filesystem::is_regular_file(path)) return path;
  }
  throw Error(
      ErrorKind::input,
      fmt::format("weights '{}': no such file (nor below WBS_DATA_DIR); expected an .onnx or "
                  ".onnx.gz file, or 'seeded'",
                  choice.weights));
}

const LoadedWeights& load_weights(const networks::Graph& graph, const WeightsChoice& choice) {
  static LoadedWeights last;
  static std::string last_key;
  const std::string file = weights_file(choice);
  // The graph's text stands for it: the same name may come with another input or class count.
  const std::string key =
      fmt::format("{}\n{}\n{}", networks::print_graph(graph), file, choice.seed);
  if (key == last_key) return last;
  last_key.clear();
  last = {};
  last = file.empty()
             ? LoadedWeights{networks::initialise(graph, static_cast<std::uint64_t>(choice.seed)),
                             fmt::format("seeded (seed {}), not trained", choice.seed)}
             : LoadedWeights{weights_of_file(graph, file),
                             std::filesystem::path(file).filename().string()};
  last_key = key;
  return last;
}

bool is_pruned(const networks::Graph& graph, const networks::Node& node, bool linear_too) {
  if (node.op == networks::Op::linear) return linear_too;
  if (node.op != networks::Op::conv || node.attributes.groups != 1) return false;
  for (const networks::Node& other : graph.nodes) {
    if (has_kernel(other)) return other.name != node.name;
  }
  return false;
}

}  // namespace wbs::apps
