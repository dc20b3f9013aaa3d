#include "apps/training/train_parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <utility>

#include "apps/network_source.hpp"
#include "apps/paths.hpp"
#include "core/digest.hpp"
#include "core/error.hpp"
#include "harness/values.hpp"
#include "sparsity/pattern.hpp"
#include "trainers/request.hpp"

namespace wbs::apps {
namespace {

using harness::ParameterSpec;
using harness::Values;
using harness::ValueType;
using nlohmann::json;
namespace fs = std::filesystem;

/// Where a parameter goes in the request.
enum class Place { top, recipe, data };

struct Entry {
  ParameterSpec spec;
  Place place = Place::top;
};

ParameterSpec text_spec(const char* name, const char* value, const char* help) {
  return {name, ValueType::text, std::string(value), help};
}
ParameterSpec integer_spec(const char* name, std::int64_t value, const char* help) {
  return {name, ValueType::integer, value, help};
}
ParameterSpec number_spec(const char* name, double value, const char* help) {
  return {name, ValueType::number, value, help};
}
ParameterSpec flag_spec(const char* name, bool value, const char* help) {
  return {name, ValueType::boolean, value, help};
}

/// What the dense run and the sparse one have in common.
std::vector<Entry> shared_entries() {
  return {
      {{"network", ValueType::text, {}, "zoo name (wbs list networks)", true}},
      {text_spec("input", "", "image size CxHxW; empty: the data's")},
      {text_spec("data", "embedded", "embedded, or a folder or archive (also below WBS_DATA_DIR)")},
      {integer_spec("seed", 1, "of initial weights, order of the data and augmentation")},
      {integer_spec("batch", 128, "images of a step"), Place::recipe},
      {text_spec("optimiser", "sgd", "sgd or adamw"), Place::recipe},
      {number_spec("momentum", 0.9, "of SGD, with Nesterov's look ahead"), Place::recipe},
      {number_spec("weight_decay", 5e-4, "of weights, not of norms and biases"), Place::recipe},
      {text_spec("schedule", "cosine", "constant, cosine, step or one_cycle"), Place::recipe},
      {number_spec("label_smoothing", 0.0, ""), Place::recipe},
      {number_spec("ema_decay", 0.0, "of the moving average that is stored; 0: none"),
       Place::recipe},
      {number_spec("clip_norm", 0.0, "of all gradients together; 0: none"), Place::recipe},
      {flag_spec("bf16", false, "products and activations in bfloat16"), Place::recipe},
      {flag_spec("flip", false, "images left and right, at random"), Place::data},
      {integer_spec("crop_padding", 0, "of random crops"), Place::data},
      {integer_spec("cutout", 0, "side of a square that is blanked"), Place::data},
      {integer_spec("workers", 1, "threads that load; they change no result"), Place::data},
      {flag_spec("skip_bad_images", false, "name them and go on"), Place::data},
      {text_spec("device", "auto", "auto, cpu or cuda")},
      {integer_spec("train_threads", 1, "of the mathematics; more than 1 may change bits")},
      {integer_spec("ranks_per_case", 1, "processes that train one case together on one node")},
  };
}

std::vector<Entry> train_entries() {
  std::vector<Entry> entries = shared_entries();
  const std::vector<Entry> own = {
      {text_spec("method", "dense", "wbs list methods")},
      {text_spec("method_options", "{}", "of the method, as a JSON object")},
      {text_spec("pattern", "dense", "of every convolution but the first")},
      {flag_spec("prune_linear", false, "fully connected layers too")},
      {flag_spec("dense_last", false, "but not the last layer")},
      {integer_spec("epochs", 1, ""), Place::recipe},
      {integer_spec("batches", 0, "steps of an epoch; 0: as many as the data has"), Place::recipe},
      {number_spec("learning_rate", 0.1, ""), Place::recipe},
      {number_spec("warmup_epochs", 0.0, "the rate rises from 0"), Place::recipe},
      {integer_spec("recalibrate_batches", 0, "of new batch statistics before an evaluation"),
       Place::recipe},
      {number_spec("distill_weight", 0.0, "of the pretrained network's opinion in the loss"),
       Place::recipe},
      {text_spec("backend", "dense",
                 "of the sparse layers' FF and BP: dense (LibTorch) or sparse")},
      {integer_spec("evaluate_epochs", 1, "epochs between evaluations")},
      {text_spec("weights", "",
                 "file to start from (.onnx, .onnx.gz); empty: pretrain's or seeded")},
  };
  entries.insert(entries.end(), own.begin(), own.end());
  return entries;
}

std::vector<Entry> pretrain_entries() {
  std::vector<Entry> entries = shared_entries();
  const std::vector<Entry> own = {
      {integer_spec("pretrain_epochs", 1, "of the dense network"), Place::recipe},
      {integer_spec("pretrain_batches", 0, "steps of an epoch; 0: as many as the data has"),
       Place::recipe},
      {number_spec("pretrain_learning_rate", 0.1, ""), Place::recipe},
      {number_spec("pretrain_warmup_epochs", 0.0, ""), Place::recipe},
  };
  entries.insert(entries.end(), own.begin(), own.end());
  return entries;
}

std::vector<ParameterSpec> specs_of(const std::vector<Entry>& entries) {
  std::vector<ParameterSpec> specs;
  for (const Entry& entry : entries) specs.push_back(entry.spec);
  return specs;
}

json to_json(const harness::Value& value) {
  return std::visit([](const auto& held) { return json(held); }, value);
}

json input_list(const std::string& text) {
  std::array<std::int64_t, 3> extents{};
  char rest = 0;
  long long c = 0;
  long long h = 0;
  long long w = 0;
  if (std::sscanf(text.c_str(), "%lldx%lldx%lld%c", &c, &h, &w, &rest) != 3) {
    throw Error(ErrorKind::usage, fmt::format("input '{}': expected CxHxW", text));
  }
  extents = {c, h, w};
  return extents;
}

json method_of(const Values& parameters) {
  const std::string& text = std::get<std::string>(parameters.at("method_options"));
  json method = json::parse(text, nullptr, false);
  if (!method.is_object()) {
    throw Error(ErrorKind::usage, fmt::format("method_options '{}' is no JSON object", text));
  }
  method["name"] = std::get<std::string>(parameters.at("method"));
  return method;
}

/// Members whose names or forms differ between parameters and request.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kRenamed{
    {{"prune_linear", "linear"}, {"train_threads", "threads"}, {"data", "source"}}};
constexpr std::array<std::string_view, 5> kApart{"input", "method", "method_options", "weights",
                                                 "ranks_per_case"};

std::string member_name(std::string name) {
  constexpr std::string_view kPrefix = "pretrain_";
  if (name.starts_with(kPrefix)) name.erase(0, kPrefix.size());
  for (const auto& [from, to] : kRenamed) {
    if (name == from) return std::string(to);
  }
  return name;
}

json request_of(const Values& parameters, const std::vector<Entry>& entries) {
  json request{{"recipe", json::object()}, {"data", json::object()}};
  for (const Entry& entry : entries) {
    const std::string& name = entry.spec.name;
    if (std::find(kApart.begin(), kApart.end(), name) != kApart.end()) continue;
    const json value = to_json(parameters.at(name));
    const std::string member = member_name(name);
    if (entry.place == Place::recipe) {
      request["recipe"][member] = value;
    } else if (entry.place == Place::data || member == "source") {
      request["data"][member] = value;
    } else {
      request[member] = value;
    }
  }
  const std::string& input = std::get<std::string>(parameters.at("input"));
  if (!input.empty()) request["input"] = input_list(input);
  request["data"]["source"] = resolve_data_path(request["data"]["source"]);
  return request;
}

}  // namespace

std::vector<ParameterSpec> train_parameters() {
  return specs_of(train_entries());
}
std::vector<ParameterSpec> pretrain_parameters() {
  return specs_of(pretrain_entries());
}

json train_request(const Values& parameters) {
  json request = request_of(parameters, train_entries());
  request["method"] = method_of(parameters);
  return request;
}

json pretrain_request(const Values& parameters) {
  json request = request_of(parameters, pretrain_entries());
  request["method"] = "dense";
  return request;
}

std::vector<std::string> check_train_request(const json& request,
                                             std::map<std::string, std::string>& data_digests) {
  std::vector<std::string> problems;
  const auto attempt = [&](const auto& check) {
    try {
      check();
    } catch (const Error& error) {
      problems.emplace_back(error.what());
    }
  };
  attempt([&] {
    json own = request;
    own["recipe"].erase("distill_weight");  // its teacher is added later
    (void)trainers::parse_request(own);
  });
  attempt([&] {
    std::string input;
    if (request.contains("input")) {
      const auto extents = request["input"].get<std::vector<std::int64_t>>();
      input = fmt::format("{}x{}x{}", extents[0], extents[1], extents[2]);
    }
    const networks::Graph& graph = load_graph(request.at("network"), input);
    const auto pattern =
        value_or_throw(sparsity::parse_pattern(request.value("pattern", std::string("dense"))));
    for (const networks::Node& node : graph.nodes) {
      if (!is_pruned(graph, node, request.value("linear", false))) continue;
      if (const auto fits = sparsity::check_fits(pattern, node.weight_shapes.at("weight")); !fits) {
        problems.push_back(fmt::format("pattern '{}' does not fit layer {}: {}",
                                       sparsity::to_string(pattern), node.name, fits.error()));
        break;
      }
    }
  });
  const std::string source = request["data"]["source"];
  if (source != "embedded") attempt([&] { data_digests["data"] = digest_of_data(source); });
  return problems;
}

const std::string& digest_of_data(const std::string& path) {
  constexpr std::uintmax_t kMostRead = std::uintmax_t{1} << 30;
  static std::map<std::string, std::string> known;
  if (const auto found = known.find(path); found != known.end()) return found->second;
  if (!fs::exists(path)) {
    throw Error(ErrorKind::input,
                fmt::format("data '{}' is not there: expected embedded, or a path (also below "
                            "WBS_DATA_DIR)",
                            path));
  }
  std::vector<fs::path> files;
  if (fs::is_directory(path)) {
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
  } else {
    files.emplace_back(path);
  }
  std::uintmax_t bytes = 0;
  for (const fs::path& file : files) bytes += fs::file_size(file);
  Digester digest;
  for (const fs::path& file : files) {
    digest.add(fs::relative(file, path).string()).add(std::to_string(fs::file_size(file)));
    if (bytes <= kMostRead) digest.add(digest_of_file(file.string()));
  }
  return known[path] = digest.hex();
}

}  // namespace wbs::apps
