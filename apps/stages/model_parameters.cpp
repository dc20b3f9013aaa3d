#include "apps/stages/model_parameters.hpp"

#include <filesystem>
#include <utility>

#include "apps/paths.hpp"
#include "apps/pruned_file.hpp"
#include "apps/stages/parameters.hpp"
#include "apps/training/train_parameters.hpp"
#include "core/digest.hpp"
#include "core/error.hpp"

namespace wbs::apps {
namespace {

/// Digest of an archive's bytes, or of a folder's names and images.
std::string digest_of_images(const std::string& path) {
  if (!std::filesystem::is_directory(path)) return digest_of_file(path);
  const auto list = datasets::ImageList::open(path);
  Digester digest;
  for (std::int64_t i = 0; i < list.size(); ++i) digest.add(list[i].name).add(list.bytes(i));
  return digest.hex();
}

}  // namespace

std::vector<harness::ParameterSpec> model_parameters() {
  using harness::ValueType;
  return {
      {"network", ValueType::text, {}, "zoo name (wbs list networks) or .onnx file", true},
      {"input", ValueType::text, std::string(), "image size CxHxW; empty: the network's own"},
      {"weights", ValueType::text, std::string(), "as in the prune stage"},
      {"seed", ValueType::integer, std::int64_t{1}, "of seeded weights"},
  };
}

WeightsChoice weights_choice(const harness::Values& parameters) {
  return {text(parameters, "network"), text(parameters, "weights"),
          parameter<std::int64_t>(parameters, "seed")};
}

std::vector<std::string> check_model(const harness::Values& parameters, const std::string& images,
                                     std::map<std::string, std::string>& data_digests) {
  std::vector<std::string> problems;
  const auto attempt = [&](const auto& check) {
    try {
      check();
    } catch (const Error& error) {
      problems.emplace_back(error.what());
    }
  };
  if (parameter<std::int64_t>(parameters, "seed") < 0) {
    problems.emplace_back("seed must not be negative");
  }
  attempt([&] {
    const networks::Graph& graph =
        load_graph(text(parameters, "network"), text(parameters, "input"));
    if (!images.empty()) (void)transform_for(graph, 0);
  });
  attempt([&] {
    const std::string file = weights_file(weights_choice(parameters));
    if (!file.empty()) data_digests["weights"] = digest_of_file(file);
  });
  if (const std::string& data = text(parameters, "data"); images.empty() && !data.empty()) {
    if (data != "embedded") {
      attempt([&] { data_digests["data"] = digest_of_data(resolve_data_path(data)); });
    }
  }
  if (!images.empty()) {
    attempt([&] { data_digests["images"] = digest_of_images(resolve_data_path(images)); });
  }
  return problems;
}

Model dense_model(const harness::Values& parameters) {
  Model model;
  model.graph = load_graph(text(parameters, "network"), text(parameters, "input"));
  model.weights = load_weights(model.graph, weights_choice(parameters)).values;
  return model;
}

std::map<std::string, std::string>::const_iterator masked_input(
    const std::map<std::string, std::string>& inputs) {
  const auto pruned = inputs.find("prune");
  return pruned != inputs.end() ? pruned : inputs.find("train");
}

void apply_pruned(const std::map<std::string, std::string>& inputs, Model& model) {
  const auto pruned = masked_input(inputs);
  if (pruned == inputs.end()) return;
  if (pruned->first == "train") {
    // Every tensor of the network is there.
    for (auto& [name, tensor] : read_stored_tensors(pruned->second)) {
      model.weights.at(name) = std::move(tensor);
    }
  }
  for (auto& [node, layer] : read_pruned_layers(pruned->second)) {
    model.weights.at(node + "/weight") = std::move(layer.weight);
    // A mask that keeps everything is a dense layer.
    if (layer.mask.kept_cells() < layer.mask.cells()) model.masks.emplace(node, layer.mask);
  }
}

TransformedImages stage_images(const harness::Values& parameters, const Model& model,
                               datasets::Split split) {
  if (const std::string& images = text(parameters, "images"); !images.empty()) {
    return {
        std::make_unique<datasets::ImageList>(datasets::ImageList::open(resolve_data_path(images))),
        transform_for(model.graph, 0)};
  }
  if (const std::string& data = text(parameters, "data"); !data.empty()) {
    return trained_images(model.graph, resolve_data_path(data), split);
  }
  return {};
}

ImageRun image_run(const harness::StageRun& run, const TransformedImages& images,
                   std::vector<std::int64_t> indices, std::int64_t batch) {
  ImageRun result{*images.list, images.transform, std::move(indices), batch, 1};
  if (run.progress) {
    result.progress = [&run](std::int64_t done, std::int64_t total) {
      run.progress(static_cast<double>(done) / static_cast<double>(total));
    };
  }
  return result;
}

}  // namespace wbs::apps
