#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "apps/inference.hpp"
#include "apps/network_source.hpp"
#include "apps/paths.hpp"
#include "apps/pruned_file.hpp"
#include "apps/quantised_file.hpp"
#include "apps/stages/parameters.hpp"
#include "apps/stages/stages.hpp"
#include "core/digest.hpp"
#include "core/error.hpp"
#include "networks/fold.hpp"
#include "runtime/calibrate.hpp"

namespace wbs::apps {
namespace {

using harness::ValueType;

WeightsChoice weights_choice(const harness::Values& parameters) {
  return {text(parameters, "network"), text(parameters, "weights"),
          parameter<std::int64_t>(parameters, "seed")};
}

/// Digest of an archive's bytes, or of a folder's names and images.
std::string digest_of_images(const std::string& path) {
  if (!std::filesystem::is_directory(path)) return digest_of_file(path);
  const auto list = datasets::ImageList::open(path);
  Digester digest;
  for (std::int64_t i = 0; i < list.size(); ++i) digest.add(list[i].name).add(list.bytes(i));
  return digest.hex();
}

class QuantizeStage final : public harness::Stage {
 public:
  [[nodiscard]] std::string_view name() const override { return "quantize"; }
  [[nodiscard]] int version() const override { return 1; }

  [[nodiscard]] std::vector<harness::ParameterSpec> parameters() const override {
    return {
        {"network", ValueType::text, {}, "zoo name (wbs list networks) or .onnx file", true},
        {"input", ValueType::text, std::string(), "image size CxHxW; empty: the network's own"},
        {"weights", ValueType::text, std::string(), "as in the prune stage"},
        {"seed", ValueType::integer, std::int64_t{1}, "of seeded weights"},
        {"images", ValueType::text, std::string(),
         "folder or archive of images for calibration (also below WBS_DATA_DIR); empty: noise, "
         "whose scales are right for timing only"},
        {"calibrate", ValueType::integer, std::int64_t{100}, "images used, evenly spread"},
        {"range", ValueType::text, std::string("mse"), "largest value: max, percentile or mse"},
        {"power_of_two", ValueType::boolean, false, "all scales are powers of two"},
    };
  }

  [[nodiscard]] std::vector<std::string> inputs() const override { return {"prune"}; }
  [[nodiscard]] harness::Resources resources(const harness::Values&) const override { return {}; }

  [[nodiscard]] std::vector<std::string> validate(
      const harness::Values& parameters,
      std::map<std::string, std::string>& data_digests) const override;

  [[nodiscard]] harness::StageResult run(const harness::StageRun& run) const override;
};

std::vector<std::string> QuantizeStage::validate(
    const harness::Values& parameters, std::map<std::string, std::string>& data_digests) const {
  std::vector<std::string> problems;
  const auto attempt = [&](const auto& check) {
    try {
      check();
    } catch (const Error& error) {
      problems.emplace_back(error.what());
    }
  };
  if (const auto range = networks::parse_range_method(text(parameters, "range")); !range) {
    problems.push_back("range: " + range.error());
  }
  if (parameter<std::int64_t>(parameters, "calibrate") < 1) {
    problems.emplace_back("calibrate must be at least 1");
  }
  if (parameter<std::int64_t>(parameters, "seed") < 0) {
    problems.emplace_back("seed must not be negative");
  }
  const std::string& images = text(parameters, "images");
  attempt([&] {
    const networks::Graph& graph =
        load_graph(text(parameters, "network"), text(parameters, "input"));
    if (!images.empty()) (void)transform_for(graph, 0);
  });
  attempt([&] {
    const std::string file = weights_file(weights_choice(parameters));
    if (!file.empty()) data_digests["weights"] = digest_of_file(file);
  });
  if (!images.empty()) {
    attempt([&] { data_digests["images"] = digest_of_images(resolve_data_path(images)); });
  }
  return problems;
}

/// The network as it is quantized: pruned where the prune stage ran.
Model model_of(const harness::StageRun& run) {
  Model model;
  model.graph = load_graph(text(run.parameters, "network"), text(run.parameters, "input"));
  model.weights = load_weights(model.graph, weights_choice(run.parameters)).values;
  const auto pruned = run.inputs.find("prune");
  if (pruned == run.inputs.end()) return model;
  for (auto& [node, layer] : read_pruned_layers(pruned->second)) {
    model.weights.at(node + "/weight") = std::move(layer.weight);
    model.masks.emplace(node, std::move(layer.mask));
  }
  return model;
}

networks::Quantisation scales_of(const Model& model, const harness::StageRun& run,
                                 const networks::QuantisationOptions& options) {
  const std::string& images = text(run.parameters, "images");
  if (images.empty()) return runtime::nominal_quantisation(model.graph, model.weights, options);
  const auto list = datasets::ImageList::open(resolve_data_path(images));
  ImageRun calibration{
      list, transform_for(model.graph, 0),
      spread_indices(parameter<std::int64_t>(run.parameters, "calibrate"), list.size()), 4,
      run.threads};
  if (run.progress) {
    calibration.progress = [&](std::int64_t done, std::int64_t total) {
      run.progress(static_cast<double>(done) / static_cast<double>(total));
    };
  }
  return calibrate_model(model, calibration, options);
}

/// Signal to quantisation noise, decibels; 200 for weights that are exact.
double ratio_db(const Tensor& weights, const networks::QuantisedWeights& quantised) {
  const std::size_t terms = weights.values.size() / quantised.scales.size();
  double signal = 0.0;
  double noise = 0.0;
  for (std::size_t i = 0; i < weights.values.size(); ++i) {
    const double value = weights.values[i];
    const double error =
        value - double{quantised.integers.values[i]} * double{quantised.scales[i / terms]};
    signal += value * value;
    noise += error * error;
  }
  constexpr double kExact = 200.0;
  return noise == 0.0 ? kExact : std::min(kExact, 10.0 * std::log10(signal / noise));
}

harness::StageResult QuantizeStage::run(const harness::StageRun& run) const {
  const networks::QuantisationOptions options{
      value_or_throw(networks::parse_range_method(text(run.parameters, "range"))),
      parameter<bool>(run.parameters, "power_of_two")};
  Model model = model_of(run);
  QuantisedNetwork network;
  network.quantisation = scales_of(model, run, options);

  harness::StageResult result;
  networks::Graph graph = networks::remove_identities(model.graph);
  networks::fold_batch_norms(graph, model.weights);
  double worst = std::numeric_limits<double>::max();
  for (const networks::Node& node : graph.nodes) {
    if (node.op != networks::Op::conv && node.op != networks::Op::linear) continue;
    const Tensor& weights = model.weights.at(networks::weight_key(node, "weight"));
    QuantisedLayer layer{networks::quantise_weights(weights, options.power_of_two), {}};
    if (node.weight_shapes.contains("bias")) {
      layer.bias = model.weights.at(networks::weight_key(node, "bias"));
    }
    const double ratio = ratio_db(weights, layer.weights);
    worst = std::min(worst, ratio);
    result.rows.push_back({{"layer", node.name}, {"weight_sqnr_db", ratio}});
    network.layers.emplace(node.name, std::move(layer));
  }
  if (network.layers.empty()) {
    throw Error(ErrorKind::unsupported, fmt::format("{} has no layer to quantize", graph.name));
  }
  const bool noise = text(run.parameters, "images").empty();
  if (noise) result.warnings.emplace_back("scales of activations come from noise: for timing only");
  const std::string digest =
      write_quantised(run.output_path,
                      {{"network", graph.name},
                       {"calibration", noise ? "seeded noise" : text(run.parameters, "images")}},
                      network);
  result.metrics = {
      {"quantized_layers", static_cast<std::int64_t>(network.layers.size())},
      {"activations", static_cast<std::int64_t>(network.quantisation.activations.size())},
      {"worst_weight_sqnr_db", worst},
      {"quantisation_digest", digest},
  };
  return result;
}

}  // namespace

std::unique_ptr<harness::Stage> make_quantize_stage() {
  return std::make_unique<QuantizeStage>();
}

}  // namespace wbs::apps
