// wbs show: one network, one pattern (or what a stored tensor satisfies), one case of a campaign.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/columns.hpp"
#include "apps/commands/case_view.hpp"
#include "apps/commands/commands.hpp"
#include "apps/commands/pattern_view.hpp"
#include "apps/network_source.hpp"
#include "core/error.hpp"
#include "networks/cost.hpp"
#include "networks/text_form.hpp"
#include "sparsity/pattern.hpp"

namespace wbs::apps {
namespace {

using nlohmann::json;

struct Options {
  std::string what;
  std::string input;
  std::string directory;
  std::string candidate;
  bool json = false;
  bool text_form = false;
};

int show_network(const Options& options) {
  const networks::Graph& graph = load_graph(options.what, options.input);
  if (options.text_form) {
    fmt::print("{}", networks::print_graph(graph));
    return 0;
  }
  const networks::Cost cost = networks::cost_of(graph);
  json layers = json::array();
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const networks::Node& node = graph.nodes[i];
    const networks::NodeCost& own = cost.nodes[i];
    layers.push_back({{"name", node.name},
                      {"op", networks::op_name(node.op)},
                      {"output", node.output_shape},
                      {"macs", own.macs},
                      {"parameters", own.parameters},
                      {"weight_bytes", own.weight_bytes},
                      {"output_bytes", own.output_bytes}});
    rows.push_back({node.name, std::string(networks::op_name(node.op)),
                    to_string(node.output_shape), grouped(own.parameters), grouped(own.macs),
                    grouped(own.output_bytes)});
  }
  if (options.json) {
    fmt::print("{}\n", json{{"name", graph.name},
                            {"parameters", cost.total.parameters},
                            {"macs", cost.total.macs},
                            {"layers", std::move(layers)}}
                           .dump(2));
    return 0;
  }
  fmt::print("{}", aligned({"layer", "op", "output", "parameters", "MACs", "output bytes"}, rows));
  fmt::print("{}: {} parameters, {} MACs (fp32, one image)\n", graph.name,
             grouped(cost.total.parameters), grouped(cost.total.macs));
  return 0;
}

int show_pattern(const Options& options) {
  if (std::filesystem::is_regular_file(options.what)) {
    return show_stored_patterns(options.what, options.candidate, options.json);
  }
  const auto pattern = value_or_throw(sparsity::parse_pattern(options.what), ErrorKind::usage);
  const sparsity::PatternWords words = sparsity::describe(pattern);
  const double ratio = sparsity::nominal_sparsity(pattern);
  if (options.json) {
    fmt::print("{}\n", json{{"pattern", sparsity::to_string(pattern)},
                            {"kept", words.kept},
                            {"axis", words.axis},
                            {"nominal_sparsity", ratio}}
                           .dump(2));
  } else {
    fmt::print(
        "{}\n  kept     {}\n  axis     {}\n  sparsity {} (asked; tables print what was achieved)\n",
        sparsity::to_string(pattern), words.kept, words.axis, ratio);
  }
  return 0;
}

}  // namespace

void add_show_command(CLI::App& program, Action& action) {
  CLI::App* show = program.add_subcommand("show", "One network, pattern or case");
  show->require_subcommand(1);
  const auto options = std::make_shared<Options>();

  CLI::App* network = show->add_subcommand("network", "Layers of a network with their costs");
  network->add_option("NETWORK", options->what, "Zoo name or .onnx file")->required();
  network->add_option("--input", options->input, "Image size CxHxW");
  network->add_flag("--text", options->text_form, "Print the graph's text form");
  network->add_flag("--json", options->json, "Print JSON");
  network->callback([&action, options] { action = [options] { return show_network(*options); }; });

  CLI::App* pattern = show->add_subcommand(
      "pattern", "What a pattern means, or which patterns the tensors of a file satisfy");
  pattern
      ->add_option("PATTERN|FILE", options->what, "block:8x8@0.5, or an .onnx or pruned .h5 file")
      ->required();
  pattern->add_option("--check", options->candidate,
                      "Pattern that the file's tensors must satisfy");
  pattern->add_flag("--json", options->json, "Print JSON");
  pattern->callback([&action, options] { action = [options] { return show_pattern(*options); }; });

  CLI::App* one_case = show->add_subcommand("case", "Everything known about a case of a campaign");
  one_case->add_option("DIR", options->directory, "The campaign's directory")->required();
  one_case
      ->add_option("CASE", options->what, "Its number or a filter such as pattern=dense,array=4x4")
      ->required();
  one_case->add_flag("--json", options->json, "Print JSON");
  one_case->callback([&action, options] {
    action = [options] { return show_case(options->directory, options->what, options->json); };
  });
}

}  // namespace wbs::apps
