// wbs list: what this build knows.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "aie_model/device.hpp"
#include "apps/columns.hpp"
#include "apps/commands/commands.hpp"
#include "apps/stages/register.hpp"
#include "apps/training/train_process.hpp"
#include "harness/values.hpp"
#include "kernels/conv.hpp"
#include "kernels/peers/peers.hpp"
#include "networks/cost.hpp"
#include "networks/zoo.hpp"
#include "sparsity/pattern.hpp"

namespace wbs::apps {
namespace {

using nlohmann::json;
using Rows = std::vector<std::vector<std::string>>;

/// A listing in both forms.
struct Listing {
  std::vector<std::string> header;
  Rows rows;
  json items = json::array();
  std::string footer;
};

Listing list_methods() {
  Listing listing{{"method", "what", "source"}, {}, list_train_methods(), ""};
  for (const json& method : listing.items) {
    listing.rows.push_back({method.at("name"), method.at("summary"), method.at("source")});
  }
  listing.footer =
      "For wbs train --method and the stage train; options: trainers/methods/README.md.\n";
  return listing;
}

Listing list_networks() {
  Listing listing{{"network", "parameters", "MACs", "input", "what"}, {}, json::array(), ""};
  for (const networks::NetworkInfo& info : networks::networks()) {
    const networks::Graph graph = networks::build_network(info.name);
    const networks::NodeCost cost = networks::cost_of(graph).total;
    const std::string input = fmt::format("{}x{}x{}", info.input[0], info.input[1], info.input[2]);
    listing.items.push_back({{"name", info.name},
                             {"parameters", cost.parameters},
                             {"macs", cost.macs},
                             {"input", input},
                             {"summary", info.summary}});
    listing.rows.push_back({std::string(info.name), grouped(cost.parameters), grouped(cost.macs),
                            input, std::string(info.summary)});
  }
  listing.footer = "An .onnx or .onnx.gz file is a network too. MACs are those of one image.\n";
  return listing;
}

Listing list_patterns() {
  Listing listing{{"pattern", "form", "example", "meaning"}, {}, json::array(), ""};
  for (const sparsity::PatternKind& kind : sparsity::pattern_kinds()) {
    listing.items.push_back({{"name", kind.name},
                             {"form", kind.form},
                             {"example", kind.example},
                             {"meaning", kind.meaning}});
    listing.rows.push_back({std::string(kind.name), std::string(kind.form),
                            std::string(kind.example), std::string(kind.meaning)});
  }
  return listing;
}

Listing list_devices() {
  Listing listing{
      {"device", "columns", "rows", "clock GHz", "MAC/cycle", "source"}, {}, json::array(), ""};
  for (const aie::Device& device : aie::list_devices()) {
    listing.items.push_back({{"name", device.name},
                             {"columns", device.columns},
                             {"rows", device.rows},
                             {"clock_hz", device.clock_hz},
                             {"macs_per_cycle", device.macs_per_cycle},
                             {"core_memory_bytes", device.core_memory},
                             {"memtile_bytes", device.memtile_bytes},
                             {"source", device.source}});
    listing.rows.push_back({device.name, std::to_string(device.columns),
                            std::to_string(device.rows),
                            fmt::format("{:.2f}", device.clock_hz / 1e9),
                            std::to_string(device.macs_per_cycle), device.source});
  }
  listing.footer = "aie2:COLUMNSxROWS of any size works, and COLUMNSxROWS for short.\n";
  return listing;
}

/// Our implementations, then the peers: what runs here, and why the others do not.
Listing list_kernels() {
  Listing listing{{"type", "implementation", "needs", "runs", "why not"}, {}, json::array(), ""};
  const auto add = [&listing](const std::string& type, const std::string& name,
                              const std::string& needs, const std::string& refusal) {
    listing.items.push_back({{"operation", "convolution, matrix product"},
                             {"type", type},
                             {"name", name},
                             {"isa", needs},
                             {"runs", refusal.empty()},
                             {"reason", refusal}});
    listing.rows.push_back({type, name, needs, refusal.empty() ? "yes" : "no", refusal});
  };
  for (const kernels::ImplementationInfo& info : kernels::list_implementations()) {
    add(std::string(info.element), std::string(info.name), std::string(info.isa), info.refusal);
  }
  for (const kernels::peers::PeerInfo& peer : kernels::peers::list_peers()) {
    add("peer", std::string(peer.name), std::string(peer.package), peer.refusal);
    listing.items.back()["what"] = peer.what;
    listing.items.back()["version"] = peer.version;
    if (peer.refusal.empty()) listing.rows.back().back() = "(" + peer.version + ")";
  }
  listing.footer =
      "Fastest first: the first that runs is chosen; wbs bench --force-impl pins one. Peers are "
      "the\n"
      "dense libraries that wbs bench compares with; they need the Debian package named.\n";
  return listing;
}

Listing list_stages() {
  harness::StageRegistry registry;
  register_stages(registry);
  Listing listing{{"stage", "parameter", "type", "default", "what"}, {}, json::array(), ""};
  for (const harness::Stage* stage : registry.all()) {
    json parameters = json::array();
    std::string shown(stage->name());
    for (const harness::ParameterSpec& spec : stage->parameters()) {
      const std::string fallback =
          spec.required ? "required" : harness::to_text(spec.default_value);
      const std::string phrase(harness::type_phrase(spec.type));  // "an integer"
      const std::string type = phrase.substr(phrase.find(' ') + 1);
      parameters.push_back({{"name", spec.name},
                            {"type", type},
                            {"required", spec.required},
                            {"default", fallback},
                            {"help", spec.help}});
      listing.rows.push_back({shown, spec.name, type, fallback, spec.help});
      shown.clear();
    }
    if (parameters.empty()) listing.rows.push_back({shown, "-", "", "", "none of its own"});
    listing.items.push_back({{"name", stage->name()},
                             {"version", stage->version()},
                             {"inputs", stage->inputs()},
                             {"parameters", std::move(parameters)}});
  }
  return listing;
}

struct Options {
  bool json = false;
};

}  // namespace

void add_list_command(CLI::App& program, Action& action) {
  CLI::App* list = program.add_subcommand("list", "What this build knows");
  list->require_subcommand(1);
  const auto options = std::make_shared<Options>();
  const auto add = [&](const char* name, const char* help, Listing (*make)()) {
    CLI::App* command = list->add_subcommand(name, help);
    command->add_flag("--json", options->json, "Print JSON");
    command->callback([make, options, &action] {
      action = [make, options] {
        const Listing listing = make();
        if (options->json) {
          fmt::print("{}\n", listing.items.dump(2));
        } else {
          fmt::print("{}{}", aligned(listing.header, listing.rows), listing.footer);
        }
        return 0;
      };
    });
  };
  add("networks", "Networks of the zoo with their parameters and MACs", list_networks);
  add("patterns", "Sparsity patterns and their text form", list_patterns);
  add("devices", "AIE2 arrays and devices", list_devices);
  add("kernels", "CPU kernels, and which of them run here", list_kernels);
  add("methods", "Training methods", list_methods);
  add("stages", "Stages of a case and their parameters", list_stages);
}

}  // namespace wbs::apps
