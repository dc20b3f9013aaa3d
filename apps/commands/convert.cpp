// wbs convert: a network as an ONNX file or in the text form.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "apps/commands/commands.hpp"
#include "apps/network_source.hpp"
#include "apps/text_file.hpp"
#include "networks/onnx/exporter.hpp"
#include "networks/text_form.hpp"

namespace wbs::apps {
namespace {

struct Options {
  std::string network;
  std::string output;
  std::string input;
  std::string weights;
  std::int64_t seed = 1;
};

int convert(const Options& options) {
  const networks::Graph& graph = load_graph(options.network, options.input);
  if (!options.output.ends_with(".onnx")) {
    write_text_file(options.output, networks::print_graph(graph));
    fmt::print("{}: {} nodes, text form\n", options.output, graph.nodes.size());
    return 0;
  }
  const LoadedWeights& weights =
      load_weights(graph, {options.network, options.weights, options.seed});
  networks::export_onnx(graph, weights.values, options.output);
  fmt::print("{}: {} nodes, weights: {}\n", options.output, graph.nodes.size(), weights.source);
  return 0;
}

}  // namespace

void add_convert_command(CLI::App& program, Action& action) {
  CLI::App* command =
      program.add_subcommand("convert", "Write a network as ONNX (.onnx) or in text form");
  const auto options = std::make_shared<Options>();
  command->add_option("NETWORK", options->network, "Zoo name or .onnx file")->required();
  command->add_option("OUT", options->output, "File to write; .onnx, else text")->required();
  command->add_option("--input", options->input, "Image size CxHxW");
  command->add_option("--weights", options->weights,
                      "An .onnx file, or seeded (default: the network's own)");
  command->add_option("--seed", options->seed, "Of seeded weights")->capture_default_str();
  command->callback([&action, options] { action = [options] { return convert(*options); }; });
}

}  // namespace wbs::apps
