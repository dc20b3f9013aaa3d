// wbs simulate: runs of a compiled program, execution-time estimates of a network, or of tilings
// that somebody logged.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "aie_model/estimator.hpp"
#include "aie_model/replay.hpp"
#include "apps/aie/device_choice.hpp"
#include "apps/aie/gemm_command.hpp"
#include "apps/aie/tilings.hpp"
#include "apps/columns.hpp"
#include "apps/commands/commands.hpp"
#include "apps/commands/simulate_program.hpp"
#include "apps/network_source.hpp"
#include "apps/stages/checks.hpp"
#include "compiler/density.hpp"
#include "compiler/explain.hpp"
#include "compiler/tiler.hpp"
#include "core/error.hpp"
#include "sparsity/pattern.hpp"

namespace wbs::apps {
namespace {

using nlohmann::json;

struct Options {
  std::string replay;
  std::string estimator = "published";
  std::string network;
  std::string input;
  std::string pattern = "dense";
  std::string array = "4x4";
  std::string cin_split = "even_shares";
  std::string contrast;
  ProgramRun program;
  KernelRun kernel;
  GemmRun gemm;
  bool tilings = false;
  bool json = false;
};

/// The layers of a zoo network, untiled; none when the name is unknown.
std::vector<aie::TiledLayer> zoo_layers(std::string_view network) {
  try {
    return compiler::untiled(compiler::lower(load_graph(std::string(network), ""), {}));
  } catch (const Error&) {
    return {};
  }
}

/// One logged run: rows of the same network, array and weights.
struct Run {
  std::string network, array, weights;
  std::vector<aie::ReplayRow> rows;
};

std::vector<Run> runs_of(const std::vector<aie::ReplayRow>& rows) {
  std::vector<Run> runs;
  for (const aie::ReplayRow& row : rows) {
    const auto same = [&row](const Run& run) {
      return run.network == row.network && run.array == row.array && run.weights == row.weights;
    };
    auto found = std::find_if(runs.begin(), runs.end(), same);
    if (found == runs.end()) {
      found = runs.insert(runs.end(), {row.network, row.array, row.weights, {}});
    }
    found->rows.push_back(row);
  }
  return runs;
}

/// Timelines of the logged runs whose network the zoo knows: every lane from the rules.
json timelines(const std::vector<aie::ReplayRow>& rows, aie::Model model) {
  json result = json::array();
  for (const Run& run : runs_of(rows)) {
    std::vector<aie::TiledLayer> layers = zoo_layers(run.network);
    if (layers.empty()) continue;
    const aie::Device device = value_or_throw(find_array(run.array));
    const auto tiled = aie::layers_of_run(run.rows, std::move(layers), device);
    const aie::NetworkEstimate estimate = aie::estimate_network(tiled, device, model);
    result.push_back({{"network", run.network},
                      {"array", run.array},
                      {"weights", run.weights},
                      {"convolutions", run.rows.size()},
                      {"total_s", estimate.published_scope_ns * 1e-9}});
  }
  return result;
}

int replay(const Options& options, aie::Model model) {
  const std::vector<aie::ReplayRow> rows = aie::read_replay(options.replay);
  const std::vector<aie::ReplayResult> results = aie::replay(rows, model, zoo_layers);
  json items = json::array();
  std::vector<std::vector<std::string>> lines;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const aie::ReplayRow& row = rows[i];
    const aie::ReplayResult& result = results[i];
    items.push_back({{"network", row.network},
                     {"array", row.array},
                     {"weights", row.weights},
                     {"layer", row.layer},
                     {"iterations", result.iterations},
                     {"comp_ns", result.comp_ns},
                     {"loadfm_ns", result.loadfm_ns},
                     {"writefm_ns", result.writefm_ns}});
    lines.push_back({row.network, row.array, row.weights, row.layer,
                     std::to_string(result.iterations), fmt::format("{:.0f}", result.comp_ns),
                     fmt::format("{:.1f}", result.loadfm_ns),
                     fmt::format("{:.1f}", result.writefm_ns)});
  }
  const json runs = timelines(rows, model);
  if (options.json) {
    fmt::print("{}\n",
               json{{"estimator", aie::model_name(model)}, {"rows", items}, {"runs", runs}}.dump());
    return 0;
  }
  fmt::print("{}\n", aligned({"network", "array", "weights", "layer", "iterations", "COMP ns",
                              "LOADFM ns", "WRITEFM ns"},
                             lines));
  std::vector<std::vector<std::string>> totals;
  for (const json& run : runs) {
    totals.push_back({run["network"], run["array"], run["weights"],
                      fmt::format("{:.6e}", run["total_s"].get<double>())});
  }
  fmt::print("Timelines under '{}', whole network without fully connected layers:\n{}",
             aie::model_name(model), aligned({"network", "array", "weights", "total s"}, totals));
  return 0;
}

json lanes_json(const aie::LaneTimes& lanes) {
  return {{"load_ns", lanes.load_ns},     {"loadw_ns", lanes.loadw_ns},
          {"loadfm_ns", lanes.loadfm_ns}, {"loadwm_ns", lanes.loadwm_ns},
          {"write_ns", lanes.write_ns},   {"writefm_ns", lanes.writefm_ns},
          {"comp_ns", lanes.comp_ns}};
}

/// The layers whose time differs between two rules of splitting, and what each did.
int print_contrast(const Options& options, const compiler::TiledNetwork& ours,
                   const compiler::TiledNetwork& other, const aie::Device& device,
                   aie::Model model) {
  const auto our_estimate = aie::estimate_network(ours.layers, device, model);
  const auto other_estimate = aie::estimate_network(other.layers, device, model);
  json items = json::array();
  std::vector<std::vector<std::string>> lines;
  for (const compiler::ContrastRow& row :
       compiler::contrast(ours, our_estimate, other, other_estimate)) {
    items.push_back({{"layer", row.layer},
                     {"ms", row.milliseconds},
                     {"other_ms", row.other_milliseconds},
                     {"splits", row.splits},
                     {"other_splits", row.other_splits}});
    lines.push_back({row.layer, fmt::format("{:.4f}", row.milliseconds),
                     fmt::format("{:.4f}", row.other_milliseconds),
                     fmt::format("{:+.4f}", row.difference), row.splits, row.other_splits});
  }
  const double our_ms = our_estimate.published_scope_ns * 1e-6;
  const double other_ms = other_estimate.published_scope_ns * 1e-6;
  if (options.json) {
    fmt::print("{}\n", json{{"network", ours.network},
                            {"device", ours.device},
                            {"pattern", options.pattern},
                            {"estimator", aie::model_name(model)},
                            {"cin_split", options.cin_split},
                            {"other_cin_split", options.contrast},
                            {"total_ms", our_ms},
                            {"other_total_ms", other_ms},
                            {"layers", std::move(items)}}
                           .dump());
    return 0;
  }
  fmt::print("{}", aligned({"layer", options.cin_split + " ms", options.contrast + " ms",
                            "difference", "splits", "splits of " + options.contrast},
                           lines));
  fmt::print("{} on {}, {}, estimator '{}': {:.4f} ms with {}, {:.4f} ms with {}\n", ours.network,
             ours.device, options.pattern, aie::model_name(model), our_ms, options.cin_split,
             other_ms, options.contrast);
  return 0;
}

int estimate(const Options& options, aie::Model model) {
  const auto pattern = value_or_throw(sparsity::parse_pattern(options.pattern), ErrorKind::usage);
  const aie::Device device = value_or_throw(find_array(options.array), ErrorKind::usage);
  const auto compiled = [&](const std::string& cin_split) {
    compiler::CompileOptions choice;
    choice.weights = options.pattern;
    choice.densities.convolutions = compiler::nominal_density(pattern);
    choice.cin_split = value_or_throw(find_cin_split(cin_split), ErrorKind::usage);
    return compiler::compile(load_graph(options.network, options.input), device, choice);
  };
  const compiler::TiledNetwork tiled = compiled(options.cin_split);
  if (!options.contrast.empty()) {
    return print_contrast(options, tiled, compiled(options.contrast), device, model);
  }
  const aie::NetworkEstimate estimate = aie::estimate_network(tiled.layers, device, model);

  json layers = json::array();
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < tiled.layers.size(); ++i) {
    const aie::LayerEstimate& layer = estimate.layers[i];
    json item = lanes_json(layer.lanes);
    item.update({{"name", tiled.layers[i].name},
                 {"iterations", layer.iterations},
                 {"total_ns", layer.total_ns},
                 {"notes", compiler::note_names(tiled.notes[i])}});
    layers.push_back(std::move(item));
    rows.push_back({tiled.layers[i].name, std::to_string(layer.iterations),
                    fmt::format("{:.2f}", layer.lanes.comp_ns / 1e3),
                    fmt::format("{:.2f}", layer.total_ns / 1e3),
                    fmt::format("{}", fmt::join(compiler::note_names(tiled.notes[i]), ", "))});
  }
  const double total_s = estimate.published_scope_ns * 1e-9;
  if (options.json) {
    fmt::print("{}\n", json{{"network", tiled.network},
                            {"device", tiled.device},
                            {"pattern", options.pattern},
                            {"densities", "nominal"},
                            {"estimator", aie::model_name(model)},
                            {"total_s", total_s},
                            {"total_with_linear_s", estimate.total_ns * 1e-9},
                            {"layers", std::move(layers)}}
                           .dump());
    return 0;
  }
  fmt::print("{}", aligned({"layer", "iterations", "COMP us", "total us", "splits"}, rows));
  fmt::print(
      "{} on {}, {}, nominal densities, estimator '{}': {:.4f} ms without fully connected "
      "layers, {:.4f} ms with them\n",
      tiled.network, tiled.device, options.pattern, aie::model_name(model), total_s * 1e3,
      estimate.total_ns * 1e-6);
  return 0;
}

/// Our tiling and the published one under the event model.
int print_tilings(const Options& options) {
  AieModelChoice choice;
  choice.network = options.network;
  choice.input = options.input;
  choice.pattern = options.pattern;
  const TilingComparison comparison = compare_tilings(choice, choose_array(options.array).device);
  if (options.json) {
    fmt::print("{}\n", to_json(comparison).dump());
  } else {
    fmt::print("{}", to_text(comparison));
  }
  return 0;
}

}  // namespace

void add_simulate_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand(
      "simulate",
      "Run a compiled program, estimate execution times of a network, or replay logged tilings");
  const auto options = std::make_shared<Options>();
  auto* replay_option = command->add_option(
      "--replay", options->replay, "CSV of logged sub-volumes: predict their iterations and times");
  command->add_option("--network", options->network, "Zoo name or .onnx file")
      ->excludes(replay_option);
  command->add_option("--input", options->input, "Image size CxHxW");
  command->add_option("--pattern", options->pattern, "Sparsity pattern")->capture_default_str();
  command->add_option("--array", options->array, "Array (columns x rows) or device")
      ->capture_default_str();
  command->add_option("--estimator", options->estimator, "published or corrected")
      ->capture_default_str();
  command
      ->add_option("--cin-split", options->cin_split,
                   "When input channels are split: last_resort, even_shares or authors")
      ->capture_default_str();
  command->add_option("--contrast", options->contrast,
                      "Another --cin-split: print the layers in which the two differ");
  command->add_flag("--tilings", options->tilings,
                    "With --network: our tiling and the published one under the event model, "
                    "convolution by convolution");
  add_program_options(*command, options->program);
  add_gemm_options(*command, options->gemm);
  command->add_option("--kernel", options->kernel.size, "Cycles of a product MxKxN on one core");
  command
      ->add_option("--type", options->kernel.types,
                   "With --gemm, --kernel: int8:int8, int8:int16, "
                   "int8:int32 or bf16:bf16")
      ->capture_default_str();
  command
      ->add_option("--device", options->kernel.device, "With --gemm, --kernel: device or TOML file")
      ->capture_default_str();
  command->add_flag("--json", options->json, "Print JSON");
  command->callback([&action, options, command] {
    options->program.roofline = command->count("--roofline") > 0;
    action = [options] {
      options->program.json = options->kernel.json = options->json;
      if (options->gemm.wanted()) {
        return simulate_gemm_run(options->gemm, options->kernel.types,
                                 choose_device("", options->kernel.device).device, options->json);
      }
      if (!options->kernel.size.empty()) return simulate_kernel(options->kernel);
      if (!options->program.file.empty()) return simulate_program(options->program);
      const aie::Model model =
          value_or_throw(aie::find_model(options->estimator), ErrorKind::usage);
      if (!options->replay.empty()) return replay(*options, model);
      if (options->network.empty()) {
        throw Error(ErrorKind::usage,
                    "simulate needs a program of wbs compile, --network NAME, --replay FILE.csv "
                    "--gemm MxKxN or --kernel MxKxN");
      }
      return options->tilings ? print_tilings(*options) : estimate(*options, model);
    };
  });
}

}  // namespace wbs::apps
