#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "aie_model/estimator.hpp"
#include "aie_model/machine/machine.hpp"
#include "apps/aie/event_report.hpp"
#include "apps/aie/program_file.hpp"
#include "apps/stages/checks.hpp"
#include "apps/stages/parameters.hpp"
#include "apps/stages/stages.hpp"
#include "apps/text_file.hpp"
#include "compiler/tiled_network.hpp"
#include "core/error.hpp"

namespace wbs::apps {
namespace {

constexpr double kSecondsPerNs = 1e-9;

/// One row of details per layer: what a person asks when a total surprises.
harness::Values layer_row(const compiler::TiledNetwork& tiled, std::size_t index,
                          const aie::LayerEstimate& published,
                          const aie::LayerEstimate& corrected) {
  const aie::TiledLayer& layer = tiled.layers[index];
  std::string notes;
  for (const std::string& note : compiler::note_names(tiled.notes[index])) {
    notes += (notes.empty() ? "" : ", ") + note;
  }
  return {
      {"layer", layer.name},
      {"iterations", published.iterations},
      {"density", layer.density},
      {"published_ns", published.total_ns},
      {"corrected_ns", corrected.total_ns},
      {"published_comp_ns", published.lanes.comp_ns},
      {"corrected_comp_ns", corrected.lanes.comp_ns},
      {"load_ns", published.lanes.load_ns},
      {"loadw_ns", published.lanes.loadw_ns},
      {"loadfm_ns", published.lanes.loadfm_ns},
      {"loadwm_ns", published.lanes.loadwm_ns},
      {"write_ns", published.lanes.write_ns},
      {"writefm_ns", published.lanes.writefm_ns},
      {"notes", notes},
  };
}

double compute_seconds(const aie::NetworkEstimate& estimate) {
  double total = 0;
  for (const aie::LayerEstimate& layer : estimate.layers) total += layer.lanes.comp_ns;
  return total * kSecondsPerNs;
}

/// Adds up the rows from the layer FIRST to LAST of "FIRST:LAST": the time of a part of the network
/// under each model. Throws Error(usage) when there are no such layers.
void add_part(const std::string& part, harness::StageResult& result) {
  const std::size_t colon = part.find(':');
  const auto find = [&](const std::string& name) {
    return std::find_if(result.rows.begin(), result.rows.end(), [&](const harness::Values& row) {
      return std::get<std::string>(row.at("layer")) == name;
    });
  };
  const auto first = find(part.substr(0, colon));
  const auto last = colon == std::string::npos ? result.rows.end() : find(part.substr(colon + 1));
  if (first == result.rows.end() || last == result.rows.end() || last < first) {
    throw Error(
        ErrorKind::usage,
        fmt::format("part '{}': expected FIRST:LAST, two layers of the network in order", part));
  }
  for (const char* model : {"published", "corrected", "event"}) {
    const std::string column = std::string(model) + "_ns";
    double sum = 0;
    for (auto row = first; row <= last; ++row) {
      const auto value = row->find(column);
      if (value != row->end()) sum += std::get<double>(value->second);
    }
    if (sum > 0) result.metrics[std::string(model) + "_part_s"] = sum * kSecondsPerNs;
  }
}

/// The event model's metrics of a program, and each layer's time in the row of that name.
void add_event(const ProgramFile& file, const compiler::TiledNetwork& tiled,
               harness::StageResult& result) {
  const aie::RunResult run = aie::run(file.program, file.device, {});
  const EventReport report = event_report(file.program, file.device, run, 0.0);
  const std::vector<EventLayer> layers = untiled_layers(report);
  const double ns_per_cycle = 1e9 / file.device.clock_hz;
  std::uint64_t linear_cycles = 0, conv_cycles = 0;
  for (const aie::TiledLayer& layer : tiled.layers) {
    for (const EventLayer& timed : layers) {
      if (layer.name != timed.name) continue;
      if (layer.kind == aie::LayerKind::fully_connected) linear_cycles += timed.cycles;
      if (layer.kind == aie::LayerKind::conv) conv_cycles += timed.cycles;
    }
  }
  const double linear_s = static_cast<double>(linear_cycles) * ns_per_cycle * kSecondsPerNs;
  result.metrics.insert({
      {"event_s", report.ms * 1e-3 - linear_s},
      {"event_with_linear_s", report.ms * 1e-3},
      {"event_convolutions_s", static_cast<double>(conv_cycles) * ns_per_cycle * kSecondsPerNs},
      {"event_cycles", static_cast<std::int64_t>(report.cycles)},
      {"event_utilisation", report.mac_utilisation},
      {"event_images_per_second", report.images_per_second},
      {"event_core_busy", report.core_busy},
      {"event_energy_proxy_uj", report.energy.total()},
      {"event_energy_proxy_dram_uj", report.energy.dram},
      {"event_least_s",
       static_cast<double>(report.roofline.total.least_cycles) * ns_per_cycle * kSecondsPerNs},
      {"event_bound", report.bound},
      {"event_ddr_read_bytes", static_cast<std::int64_t>(report.ddr_read_bytes)},
      {"event_ddr_write_bytes", static_cast<std::int64_t>(report.ddr_write_bytes)},
      {"event_ddr_bytes",
       static_cast<std::int64_t>(report.ddr_read_bytes + report.ddr_write_bytes)},
  });
  for (harness::Values& row : result.rows) {
    for (const EventLayer& layer : layers) {
      if (std::get<std::string>(row.at("layer")) != layer.name) continue;
      row["event_ns"] = static_cast<double>(layer.cycles) * ns_per_cycle;
      row["event_bound"] = layer.bound;
    }
  }
}

class SimulateStage final : public harness::Stage {
 public:
  [[nodiscard]] std::string_view name() const override { return "simulate"; }
  [[nodiscard]] int version() const override { return 2; }

  [[nodiscard]] std::vector<harness::ParameterSpec> parameters() const override {
    return {{"part", harness::ValueType::text, std::string(),
             "FIRST:LAST, layers whose time is added up as event_part_s and so on"}};
  }

  [[nodiscard]] std::vector<std::string> inputs() const override { return {"compile"}; }

  [[nodiscard]] harness::Resources resources(const harness::Values&) const override { return {}; }

  [[nodiscard]] std::vector<std::string> validate(
      const harness::Values&, std::map<std::string, std::string>&) const override {
    return {};
  }

  [[nodiscard]] harness::StageResult run(const harness::StageRun& run) const override {
    const auto compiled = run.inputs.find("compile");
    if (compiled == run.inputs.end()) {
      throw Error(ErrorKind::usage, "simulate needs a program: list the stage compile before it");
    }
    std::optional<ProgramFile> program;
    if (is_hdf5_file(compiled->second)) program = read_program_file(compiled->second, false);
    const compiler::TiledNetwork tiled =
        compiler::from_json(program ? program->tiling : read_text_file(compiled->second));
    const aie::Device device =
        program ? program->device : value_or_throw(find_array(tiled.device), ErrorKind::input);
    const auto published = aie::estimate_network(tiled.layers, device, aie::Model::published);
    const auto corrected = aie::estimate_network(tiled.layers, device, aie::Model::corrected);

    harness::StageResult result;
    result.metrics = {
        {"published_s", published.published_scope_ns * kSecondsPerNs},
        {"corrected_s", corrected.published_scope_ns * kSecondsPerNs},
        {"published_with_linear_s", published.total_ns * kSecondsPerNs},
        {"corrected_with_linear_s", corrected.total_ns * kSecondsPerNs},
        {"published_comp_s", compute_seconds(published)},
        {"corrected_comp_s", compute_seconds(corrected)},
    };
    for (std::size_t i = 0; i < tiled.layers.size(); ++i) {
      result.rows.push_back(layer_row(tiled, i, published.layers[i], corrected.layers[i]));
    }
    if (program) add_event(*program, tiled, result);
    const std::string& part = text(run.parameters, "part");
    if (!part.empty()) add_part(part, result);
    return result;
  }
};

}  // namespace

std::unique_ptr<harness::Stage> make_simulate_stage() {
  return std::make_unique<SimulateStage>();
}

}  // namespace wbs::apps
