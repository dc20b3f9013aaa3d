#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>

#include "aie_model/device.hpp"
#include "aie_model/estimator.hpp"
#include "apps/aie/compile_program.hpp"
#include "apps/aie/device_choice.hpp"
#include "apps/aie/int8_model.hpp"
#include "apps/aie/program_file.hpp"
#include "apps/aie/published_tiling.hpp"
#include "apps/network_source.hpp"
#include "apps/pruned_file.hpp"
#include "apps/quantised_file.hpp"
#include "apps/stages/checks.hpp"
#include "apps/stages/model_parameters.hpp"
#include "apps/stages/parameters.hpp"
#include "apps/stages/stages.hpp"
#include "apps/text_file.hpp"
#include "compiler/density.hpp"
#include "compiler/explain.hpp"
#include "compiler/tiler.hpp"
#include "core/digest.hpp"
#include "core/error.hpp"
#include "sparsity/pattern.hpp"

namespace wbs::apps {
namespace {

using harness::ValueType;

/// How many layers of `tiled` have one of `notes`.
std::int64_t layers_with(const compiler::TiledNetwork& tiled, unsigned notes) {
  std::int64_t count = 0;
  for (const unsigned layer_notes : tiled.notes) count += (layer_notes & notes) != 0 ? 1 : 0;
  return count;
}

/// One row per layer that the authors' rule of splitting input channels would have tiled otherwise:
/// what makes our published totals differ from theirs, layer by layer.
std::vector<harness::Values> difference_to_authors(const compiler::TiledNetwork& tiled,
                                                   const compiler::TiledNetwork& authors,
                                                   const aie::Device& device) {
  const auto estimate = [&device](const compiler::TiledNetwork& network) {
    return aie::estimate_network(network.layers, device, aie::Model::published);
  };
  std::vector<harness::Values> rows;
  for (const compiler::ContrastRow& row :
       compiler::contrast(tiled, estimate(tiled), authors, estimate(authors))) {
    rows.push_back({{"layer", row.layer},
                    {"published_ms", row.milliseconds},
                    {"published_ms_with_authors_splits", row.other_milliseconds},
                    {"splits", row.splits},
                    {"splits_of_authors", row.other_splits}});
  }
  return rows;
}

/// The weights' file, whose bytes decide the program.
void check_weights_file(const harness::Values& parameters, std::vector<std::string>& problems,
                        std::map<std::string, std::string>& data_digests) {
  try {
    const std::string file = weights_file(weights_choice(parameters));
    if (!file.empty()) data_digests["weights"] = digest_of_file(file);
  } catch (const Error& error) {
    problems.emplace_back(error.what());
  }
}

/// The masked weights of the stages before, else pruned here.
Model masked_model(const harness::StageRun& run) {
  Model model = dense_model(run.parameters);
  if (masked_input(run.inputs) != run.inputs.end()) {
    apply_pruned(run.inputs, model);
  } else {
    prune_model(model, value_or_throw(sparsity::parse_pattern(text(run.parameters, "pattern"))));
  }
  return model;
}

/// The network of the stages before: quantised if there was a stage quantize, else with masked
/// weights (pruned here if nobody did) and scales from noise. Throws Error(usage) when the
/// quantised weights follow another pattern than the case's.
ScaledModel model_of(const harness::StageRun& run) {
  const std::string& pattern = text(run.parameters, "pattern");
  ScaledModel model;
  model.pattern = pattern;
  const auto quantised = run.inputs.find("quantize");
  if (quantised == run.inputs.end()) {
    model.model = masked_model(run);
    choose_scales({}, model);
    return model;
  }
  model.model = dense_model(run.parameters);
  if (masked_input(run.inputs) != run.inputs.end()) apply_pruned(run.inputs, model.model);
  AieModelChoice choice;
  choice.quantisation = quantised->second;
  choose_scales(choice, model);
  const auto canonical = [](const std::string& name) {
    return sparsity::to_string(value_or_throw(sparsity::parse_pattern(name)));
  };
  if (canonical(model.pattern) != canonical(pattern)) {
    throw Error(
        ErrorKind::usage,
        fmt::format("the quantized weights are '{}', the case asks for '{}': list the stage "
                    "prune or train before quantize",
                    model.pattern, pattern));
  }
  model.scales_source = model.calibration == kSeededNoise ? std::string(kNoiseScales)
                                                          : "calibrated on " + model.calibration;
  return model;
}

/// A device file's bytes decide the program; estimates go by a device's name only.
void check_device_file(const harness::Values& parameters, std::vector<std::string>& problems,
                       std::map<std::string, std::string>& data_digests) {
  const std::string& array = text(parameters, "array");
  if (!array.ends_with(".toml")) return;
  if (text(parameters, "model") != "event") {
    problems.push_back(fmt::format("array '{}': a device file needs model = \"event\"", array));
  }
  if (std::filesystem::exists(array)) data_digests["array"] = digest_of_file(array);
}

ChosenDevice array_of(const harness::Values& parameters) {
  return choose_array(text(parameters, "array"), parameter<double>(parameters, "ddr_slowdown"));
}

harness::Values metrics_of(const aie::Program& program, const std::string& scales) {
  const ProgramSize size = size_of(program);
  return {{"program_steps", size.steps},
          {"program_instructions", size.instructions},
          {"program_descriptors", size.descriptors},
          {"program_packed_bytes", size.packed_bytes},
          {"program_tensors_in_ddr", size.tensors_in_ddr},
          {"program_scales", scales}};
}

/// Generates the replay of the published tiling and writes it. Returns its metrics.
harness::Values write_replay(const harness::StageRun& run) {
  const ChosenDevice device = array_of(run.parameters);
  const ReplayChoice choice{
      .lanes = value_or_throw(compiler::find_replay_lanes(text(run.parameters, "tiling"))),
      .cin_split = value_or_throw(find_cin_split(text(run.parameters, "cin_split")))};
  const CompiledReplay replay =
      compile_replay(masked_model(run), text(run.parameters, "pattern"), device.device, choice);
  write_program_file(run.output_path, replay_content(replay, device, "as in the stages before"));
  harness::Values metrics = metrics_of(replay.published.program, "none: for timing only");
  metrics["program_exceeds"] =
      static_cast<std::int64_t>(exceeded_limits(replay.published, device.device).size());
  return metrics;
}

/// Generates the program and writes it beside the tiling. Returns its metrics.
harness::Values write_program(const harness::StageRun& run, const std::string& tiling) {
  const ScaledModel model = model_of(run);
  const ChosenDevice device = array_of(run.parameters);
  const CompiledProgram compiled =
      compile_program(model, model.pattern, device.device, {}, {},
                      parameter<std::int64_t>(run.parameters, "depth_tiles"));
  write_program_file(run.output_path,
                     {compiled.program, nullptr, device.text, "", model.scales_source, tiling});
  harness::Values metrics = metrics_of(compiled.program, model.scales_source);
  metrics["program_depth_cuts"] = fmt::format("{}", fmt::join(compiled.depth_cuts, ", "));
  return metrics;
}

class CompileStage final : public harness::Stage {
 public:
  [[nodiscard]] std::string_view name() const override { return "compile"; }
  [[nodiscard]] int version() const override { return 1; }

  [[nodiscard]] std::vector<harness::ParameterSpec> parameters() const override {
    std::vector<harness::ParameterSpec> specs = network_parameters();
    specs.push_back({"array",
                     ValueType::text,
                     {},
                     "AIE2 array, columns x rows (4x4), a device's name, or a device file (.toml)",
                     true});
    specs.push_back(
        {"cin_split", ValueType::text, std::string("even_shares"),
         "when input channels are split: last_resort, even_shares, authors (compiler/README.md)"});
    specs.push_back({"model", ValueType::text, std::string("estimators"),
                     "event: generate the program too, for the event model beside the estimators"});
    specs.push_back({"depth_tiles", ValueType::integer, std::int64_t{1},
                     "event: depth-wise tiles of layers whose tensors do not fit; 0: by trying"});
    specs.push_back({"ddr_slowdown", ValueType::number, 1.0,
                     "event: external memory so many times slower than the shims"});
    specs.push_back(
        {"tiling", ValueType::text, std::string("ours"),
         "event: ours; published, published_complete: the authors' tiling, for timing only"});
    specs.push_back({"weights", ValueType::text, std::string(), "event: as in the prune stage"});
    specs.push_back({"seed", ValueType::integer, std::int64_t{1}, "event: of seeded weights"});
    return specs;
  }

  [[nodiscard]] std::vector<std::string> inputs() const override {
    return {"prune", "train", "quantize"};
  }

  [[nodiscard]] harness::Resources resources(const harness::Values&) const override { return {}; }

  [[nodiscard]] std::vector<std::string> validate(
      const harness::Values& parameters,
      std::map<std::string, std::string>& data_digests) const override {
    std::vector<std::string> problems =
        check_network_and_pattern(parameters, data_digests, /*linear_too=*/false);
    if (const auto device = find_array(text(parameters, "array")); !device) {
      problems.push_back(device.error());
    }
    if (const auto split = find_cin_split(text(parameters, "cin_split")); !split) {
      problems.push_back(split.error());
    }
    const std::string& model = text(parameters, "model");
    check_device_file(parameters, problems, data_digests);
    if (model != "estimators" && model != "event") {
      problems.push_back(fmt::format("model '{}' is unknown: expected estimators or event", model));
    }
    const double slowdown = parameter<double>(parameters, "ddr_slowdown");
    const auto tiles = parameter<std::int64_t>(parameters, "depth_tiles");
    if (!(slowdown > 0)) problems.emplace_back("ddr_slowdown must be more than 0");
    if (tiles < 0) problems.emplace_back("depth_tiles must not be negative");
    if (model != "event" && (slowdown != 1.0 || tiles != 1)) {
      problems.emplace_back("depth_tiles and ddr_slowdown need model = \"event\"");
    }
    const std::string& tiling = text(parameters, "tiling");
    const auto lanes = compiler::find_replay_lanes(tiling);
    if (tiling != "ours" && !lanes) {
      problems.push_back(lanes.error());
    } else if (tiling != "ours" && model != "event") {
      problems.emplace_back("a tiling other than ours needs model = \"event\"");
    }
    if (model == "event") check_weights_file(parameters, problems, data_digests);
    return problems;
  }

  [[nodiscard]] harness::StageResult run(const harness::StageRun& run) const override {
    const aie::Device device = array_of(run.parameters).device;
    const networks::Graph& graph =
        load_graph(text(run.parameters, "network"), text(run.parameters, "input"));
    const std::string& pattern = text(run.parameters, "pattern");
    compiler::CompileOptions options;
    options.weights = pattern;
    options.cin_split = value_or_throw(find_cin_split(text(run.parameters, "cin_split")));
    const auto pruned = masked_input(run.inputs);
    if (pruned == run.inputs.end()) {
      options.densities.convolutions =
          compiler::nominal_density(value_or_throw(sparsity::parse_pattern(pattern)));
    } else {
      options.densities.by_layer = read_densities(pruned->second);
    }
    const compiler::TiledNetwork tiled = compiler::compile(graph, device, options);
    options.cin_split = compiler::CinSplit::authors;
    const compiler::TiledNetwork authors = compiler::compile(graph, device, options);
    harness::StageResult result;
    if (text(run.parameters, "tiling") != "ours") {
      result.metrics = write_replay(run);
    } else if (text(run.parameters, "model") == "event") {
      result.metrics = write_program(run, compiler::to_json(tiled));
    } else {
      write_text_file(run.output_path, compiler::to_json(tiled));
    }
    result.rows = difference_to_authors(tiled, authors, device);
    result.metrics["layers_split_unlike_authors"] = static_cast<std::int64_t>(result.rows.size());
    result.metrics["densities"] =
        std::string(pruned == run.inputs.end() ? "nominal" : "measured on the masks");
    result.metrics["layers"] = static_cast<std::int64_t>(tiled.layers.size());
    result.metrics["layers_through_ddr"] =
        layers_with(tiled, compiler::kThroughDdr | compiler::kHeightTiles);
    result.metrics["layers_with_cin_split"] =
        layers_with(tiled, compiler::kCinWeightPieces | compiler::kCinInputPieces);
    result.metrics["layers_uneven"] =
        layers_with(tiled, compiler::kUnevenWidth | compiler::kUnevenChannels);
    result.metrics["layers_over_a_buffer"] = layers_with(
        tiled, compiler::kOverWeightLimit | compiler::kOverInputLimit | compiler::kOverOutputLimit);
    return result;
  }
};

}  // namespace

std::unique_ptr<harness::Stage> make_compile_stage() {
  return std::make_unique<CompileStage>();
}

}  // namespace wbs::apps
