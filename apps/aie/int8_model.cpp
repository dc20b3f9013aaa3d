#include "apps/aie/int8_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "apps/network_source.hpp"
#include "apps/paths.hpp"
#include "apps/quantised_file.hpp"
#include "core/error.hpp"
#include "datasets/image_list.hpp"
#include "networks/fold.hpp"
#include "networks/shape_inference.hpp"
#include "runtime/calibrate.hpp"
#include "sparsity/pattern.hpp"

namespace wbs::apps {
namespace {

constexpr std::int64_t kCalibrationBatch = 4;

/// Share of zeros among the weights of layers that patterns apply to.
double zeros_of_pruned(const networks::Graph& graph, const networks::Weights& weights) {
  double zeros = 0.0, all = 0.0;
  for (const networks::Node& node : graph.nodes) {
    if (!is_pruned(graph, node, /*linear_too=*/false)) continue;
    const auto found = weights.find(networks::weight_key(node, "weight"));
    if (found == weights.end()) continue;
    const std::vector<float>& values = found->second.values;
    zeros += static_cast<double>(std::count(values.begin(), values.end(), 0.0F));
    all += static_cast<double>(values.size());
  }
  return all > 0.0 ? zeros / all : 0.0;
}

/// The numbers of the quantize stage's file in place of the model's: batch norms are inside the
/// layers, and weights are the file's integers times their scales.
void take_quantised(const std::string& path, ScaledModel& model) {
  QuantisedNetwork file = read_quantised(path);
  networks::Graph folded = networks::fold_batch_norms(model.model.graph);
  networks::infer_shapes(folded);
  networks::Weights weights;
  for (const networks::Node& node : folded.nodes) {
    const auto stored = file.layers.find(node.name);
    if (stored == file.layers.end()) {
      for (const auto& [role, shape] : node.weight_shapes) {
        const auto own = model.model.weights.find(networks::weight_key(node, role));
        const bool layer = node.op == networks::Op::conv || node.op == networks::Op::linear;
        if (layer || own == model.model.weights.end()) {
          throw Error(ErrorKind::input, fmt::format("{}: holds no layer '{}' of network '{}'", path,
                                                    node.name, folded.name));
        }
        weights.emplace(own->first, own->second);
      }
      continue;
    }
    networks::QuantisedWeights& quantised = stored->second.weights;
    Tensor values = std::move(quantised.integers);
    const std::size_t terms =
        values.values.size() / std::max<std::size_t>(1, quantised.scales.size());
    for (std::size_t i = 0; i < values.values.size(); ++i) {
      values.values[i] *= quantised.scales[i / terms];
    }
    weights.emplace(networks::weight_key(node, "weight"), std::move(values));
    if (node.weight_shapes.contains("bias")) {
      weights.emplace(networks::weight_key(node, "bias"), std::move(stored->second.bias));
    }
  }
  try {
    networks::check_weights(folded, weights);
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("{}: {}", path, error.what()));
  }
  // A folded layer gives what its batch norm gave.
  auto& scales = file.quantisation.activations;
  for (const networks::Node& node : model.model.graph.nodes) {
    if (node.op != networks::Op::batch_norm || networks::find_node(folded, node.name)) continue;
    const auto known = scales.find(node.name);
    const std::string& layer = model.model.graph.nodes[node.inputs.at(0)].name;
    if (known != scales.end()) scales.insert_or_assign(layer, known->second);
  }
  model.pattern = file.pattern.empty() ? "unknown" : file.pattern;
  model.calibration = file.calibration.empty() ? "unknown" : file.calibration;
  model.achieved_sparsity =
      model.pattern == "dense" ? 0.0 : zeros_of_pruned(model.model.graph, weights);
  model.model = {std::move(folded), std::move(weights), {}};
  model.scales = std::move(file.quantisation);
}

}  // namespace

ScaledModel load_scaled_model(const AieModelChoice& choice) {
  const auto pattern = value_or_throw(sparsity::parse_pattern(choice.pattern), ErrorKind::usage);
  const std::string& network = choice.network.empty() ? choice.weights : choice.network;
  if (network.empty()) {
    throw Error(ErrorKind::usage, "compile needs --network NAME or --weights FILE.onnx");
  }
  ScaledModel result;
  result.model.graph = load_graph(network, choice.input);
  const std::string weights = choice.network.empty() ? "" : choice.weights;
  const LoadedWeights& loaded = load_weights(result.model.graph, {network, weights, choice.seed});
  result.model.weights = loaded.values;
  result.weights_source = loaded.source;
  result.pattern = choice.pattern;
  if (choice.quantisation.empty()) {
    result.achieved_sparsity = prune_model(result.model, pattern);
  } else if (!sparsity::is_dense(pattern)) {
    throw Error(ErrorKind::usage,
                "--pattern and --quantisation exclude each other: the file's weights are already "
                "pruned, or already dense");
  }
  return result;
}

void choose_scales(const AieModelChoice& choice, ScaledModel& model) {
  if (!choice.quantisation.empty()) {
    take_quantised(choice.quantisation, model);
    model.weights_source = std::filesystem::path(choice.quantisation).filename().string();
    model.scales_source =
        fmt::format("{}, calibrated on {}{}", model.weights_source, model.calibration,
                    model.calibration == kSeededNoise ? ": right for timing only" : "");
    return;
  }
  const networks::QuantisationOptions options{networks::RangeMethod::mse, /*power_of_two=*/true};
  if (choice.calibrate == 0) {
    model.scales = runtime::nominal_quantisation(model.model.graph, model.model.weights);
    model.scales_source = kNoiseScales;
    return;
  }
  if (choice.images.empty()) {
    throw Error(ErrorKind::usage, "--calibrate needs --images FOLDER or TAR");
  }
  const auto list = datasets::ImageList::open(resolve_data_path(choice.images));
  const ImageRun run{list, transform_for(model.model.graph, 0),
                     spread_indices(choice.calibrate, list.size()), kCalibrationBatch, 1};
  model.scales = calibrate_model(model.model, run, options);
  model.scales_source =
      fmt::format("{} of {} images of {}", run.indices.size(), list.size(), choice.images);
}

}  // namespace wbs::apps
