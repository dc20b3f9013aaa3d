#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "apps/inference.hpp"
#include "apps/paths.hpp"
#include "apps/pruned_file.hpp"
#include "apps/quantised_file.hpp"
#include "apps/stages/model_parameters.hpp"
#include "apps/stages/parameters.hpp"
#include "apps/stages/stages.hpp"
#include "core/error.hpp"
#include "networks/fold.hpp"
#include "runtime/calibrate.hpp"

namespace wbs::apps {
namespace {

using harness::ValueType;

class QuantizeStage final : public harness::Stage {
 public:
  [[nodiscard]] std::string_view name() const override { return "quantize"; }
  [[nodiscard]] int version() const override { return 2; }

  [[nodiscard]] std::vector<harness::ParameterSpec> parameters() const override {
    std::vector<harness::ParameterSpec> specs = model_parameters();
    specs.insert(
        specs.end(),
        {
            {"images", ValueType::text, std::string(),
             "folder or archive of images for calibration (also below WBS_DATA_DIR); empty: noise, "
             "whose scales are right for timing only"},
            {"data", ValueType::text, std::string(),
             "without images: the stage train's data, whose training split calibrates"},
            {"calibrate", ValueType::integer, std::int64_t{100}, "images used, evenly spread"},
            {"range", ValueType::text, std::string("mse"), "largest value: max, percentile or mse"},
            {"power_of_two", ValueType::boolean, false, "all scales are powers of two"},
        });
    return specs;
  }

  [[nodiscard]] std::vector<std::string> inputs() const override { return {"prune", "train"}; }
  [[nodiscard]] harness::Resources resources(const harness::Values&) const override { return {}; }

  [[nodiscard]] std::vector<std::string> validate(
      const harness::Values& parameters,
      std::map<std::string, std::string>& data_digests) const override;

  [[nodiscard]] harness::StageResult run(const harness::StageRun& run) const override;
};

std::vector<std::string> QuantizeStage::validate(
    const harness::Values& parameters, std::map<std::string, std::string>& data_digests) const {
  std::vector<std::string> problems;
  if (const auto range = networks::parse_range_method(text(parameters, "range")); !range) {
    problems.push_back("range: " + range.error());
  }
  if (parameter<std::int64_t>(parameters, "calibrate") < 1) {
    problems.emplace_back("calibrate must be at least 1");
  }
  for (std::string& problem : check_model(parameters, text(parameters, "images"), data_digests)) {
    problems.push_back(std::move(problem));
  }
  return problems;
}

networks::Quantisation scales_of(const Model& model, const harness::StageRun& run,
                                 const networks::QuantisationOptions& options) {
  const TransformedImages images = stage_images(run.parameters, model, datasets::Split::train);
  if (!images.list) return runtime::nominal_quantisation(model.graph, model.weights, options);
  const ImageRun calibration = image_run(
      run, images,
      spread_indices(parameter<std::int64_t>(run.parameters, "calibrate"), images.list->size()), 4);
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
  Model model = dense_model(run.parameters);
  apply_pruned(run.inputs, model);
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
  const std::string source =
      text(run.parameters, "images") + text(run.parameters, "data");  // one of them, or none
  const bool noise = source.empty();
  const auto masked = masked_input(run.inputs);
  if (noise) result.warnings.emplace_back("scales of activations come from noise: for timing only");
  const std::string digest = write_quantised(
      run.output_path,
      {{"network", graph.name},
       {"calibration", noise ? kSeededNoise : source},
       {"pattern", masked == run.inputs.end() ? "dense" : read_pattern(masked->second)}},
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
