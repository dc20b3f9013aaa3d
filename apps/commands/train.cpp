// wbs train: one training run, without an experiment file.
#include <fmt/format.h>

#include <unistd.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "apps/commands/commands.hpp"
#include "apps/network_source.hpp"
#include "apps/training/train_parameters.hpp"
#include "apps/training/trained_network.hpp"
#include "core/error.hpp"

namespace wbs::apps {
namespace {

using nlohmann::json;

struct Options {
  std::map<std::string, std::string> given;  ///< of the stage's parameters, as text
  std::set<std::string> flags;
  std::string out;
  std::string checkpoints;
  bool json = false;
};

std::string option_name(const std::string& parameter) {
  std::string name = "--" + parameter;
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

/// The stage's parameters as options: the same names, defaults and help.
void add_options(CLI::App& command, Options& options) {
  for (const harness::ParameterSpec& spec : train_parameters()) {
    const std::string name = option_name(spec.name);
    if (spec.type == harness::ValueType::boolean) {
      command.add_flag_callback(
          name, [&options, key = spec.name] { options.flags.insert(key); }, spec.help);
      continue;
    }
    CLI::Option* option = command.add_option(name, options.given[spec.name], spec.help);
    if (spec.required) option->required();
  }
  command.add_option("--out", options.out, "HDF5 file for the trained network");
  command.add_option("--checkpoints", options.checkpoints,
                     "Folder for checkpoints: the same command continues a stopped run");
  command.add_flag("--json", options.json, "Print JSON");
}

/// The whole of `text` as a number.
template <typename Number>
std::optional<Number> number_in(const std::string& text) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [rest, problem] = std::from_chars(text.data(), end, value);
  if (problem != std::errc{} || rest != end) return std::nullopt;
  return value;
}

harness::Value parsed(const harness::ParameterSpec& spec, const std::string& text) {
  if (spec.type == harness::ValueType::text) return text;
  if (spec.type == harness::ValueType::integer) {
    if (const auto value = number_in<std::int64_t>(text)) return *value;
  } else if (const auto value = number_in<double>(text)) {
    return *value;
  }
  throw Error(ErrorKind::usage,
              fmt::format("{} '{}': expected a number", option_name(spec.name), text));
}

harness::Values values_of(const Options& options) {
  harness::Values values;
  for (const harness::ParameterSpec& spec : train_parameters()) {
    if (spec.type == harness::ValueType::boolean) {
      values[spec.name] = std::get<bool>(spec.default_value) || options.flags.contains(spec.name);
      continue;
    }
    const std::string& given = options.given.at(spec.name);
    values[spec.name] = given.empty() ? spec.default_value : parsed(spec, given);
    if (given.empty() && spec.required) values[spec.name] = std::string();
  }
  return values;
}

void show_event(const json& event) {
  if (event["event"] == "message") {
    fmt::print(stderr, "{}\n", event.value("text", std::string()));
  }
  if (event["event"] != "epoch") return;
  fmt::print(stderr, "epoch {}/{}  loss {:.4f}  train {:.2f}%", event["epoch"].get<int>(),
             event["epochs"].get<int>(), event["loss"].get<double>(),
             100.0 * event["train_accuracy"].get<double>());
  if (event.contains("accuracy") && event["accuracy"].is_number()) {
    fmt::print(stderr, "  test {:.2f}%", 100.0 * event["accuracy"].get<double>());
  }
  const double seconds = event["seconds"];
  const int left = event["epochs"].get<int>() - event["epoch"].get<int>();
  fmt::print(stderr, "  {:.1f} s, ETA {:.0f} s\n", seconds, seconds * left);
}

void print_result(const json& result) {
  if (result["outcome"] != "passed") {
    fmt::print("{}: {}\n", result["outcome"].get<std::string>(),
               result.value("reason", std::string()));
    return;
  }
  if (result["accuracy"].is_number()) {
    fmt::print("accuracy {:.2f}%", 100.0 * result["accuracy"].get<double>());
  } else {
    fmt::print("no accuracy: {}", result.value("reason", std::string("not evaluated")));
  }
  const json& macs = result["macs"];
  fmt::print(" on {}, {:.1f}% of the pruned layers' weights are zero\n",
             result["data"].get<std::string>(), 100.0 * result["achieved_sparsity"].get<double>());
  fmt::print(
      "{} under {}, seed {}: {:.2f} of the dense multiply-accumulates per step "
      "(FF {:.3g}, BP {:.3g}, WU {:.3g}), {:.1f} ms per step\n",
      result["method"].get<std::string>(), result["pattern"].get<std::string>(),
      result["seed"].get<std::int64_t>(), macs["share"].get<double>(), macs["ff"].get<double>(),
      macs["bp"].get<double>(), macs["wu"].get<double>(), result["step_ms"].get<double>());
  fmt::print("weights {}\n", result["weights_digest"].get<std::string>());
}

int train(const Options& options) {
  const harness::Values values = values_of(options);
  TrainJob job;
  job.request = train_request(values);
  std::map<std::string, std::string> digests;
  const auto problems = check_train_request(job.request, digests);
  if (!problems.empty()) throw Error(ErrorKind::usage, problems.front());
  if (const auto& file = std::get<std::string>(values.at("weights")); !file.empty()) {
    const auto& network = std::get<std::string>(values.at("network"));
    job.start = load_weights(load_graph(network, std::get<std::string>(values.at("input"))),
                             {network, file, 1})
                    .values;
    job.teach = std::get<double>(values.at("distill_weight")) > 0.0;
  }
  job.ranks = static_cast<int>(std::get<std::int64_t>(values.at("ranks_per_case")));
  job.scratch =
      (std::filesystem::temp_directory_path() / fmt::format("wbs-train-{}", ::getpid())).string();
  job.checkpoint_folder = options.checkpoints;
  if (!options.json) job.on_event = show_event;
  const TrainedNetwork network = run_train_job(job);
  if (!options.out.empty() && !network.weights.empty()) write_trained_file(options.out, network);
  if (options.json) {
    fmt::print("{}\n", network.result.dump());
  } else {
    print_result(network.result);
  }
  return network.result["outcome"] == "passed" ? 0 : 1;
}

}  // namespace

void add_train_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand(
      "train", "Train a network densely or by a sparse-training method (wbs list methods)");
  const auto options = std::make_shared<Options>();
  add_options(*command, *options);
  command->footer(
      "Example: wbs train --network resnet20 --data embedded --method bdwp --pattern nm:2:8/in "
      "--epochs 2\nStages of experiments take the same parameters (docs/experiments.md).");
  command->callback([&action, options] { action = [options] { return train(*options); }; });
}

}  // namespace wbs::apps
