#include "apps/aie/event_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "apps/aie/roofline_report.hpp"
#include "apps/columns.hpp"
#include "core/error.hpp"
#include "networks/depth_tiles.hpp"

namespace wbs::apps {
namespace {

using nlohmann::json;

double ms_of(std::uint64_t cycles, double clock_hz) {
  return static_cast<double>(cycles) / clock_hz * 1e3;
}

json layer_json(const EventLayer& layer, double ms_per_cycle) {
  return {{"name", layer.name},
          {"operation", layer.operation},
          {"steps", layer.steps},
          {"cycles", layer.cycles},
          {"ms", static_cast<double>(layer.cycles) * ms_per_cycle},
          {"bound", layer.bound},
          {"core_cycles", layer.busy.core},
          {"core_stream_cycles", layer.busy.core_stream},
          {"memtile_cycles", layer.busy.memtile},
          {"shim_cycles", layer.busy.shim},
          {"dram_cycles", layer.busy.dram},
          {"reconfigure_cycles", layer.busy.reconfigure},
          {"bank_conflict_cycles", layer.busy.bank_conflicts},
          {"memtile_bank_cycles", layer.busy.memtile_banks},
          {"kept_macs", layer.kept_macs},
          {"ddr_read_bytes", layer.busy.ddr_read_bytes},
          {"ddr_write_bytes", layer.busy.ddr_write_bytes}};
}

}  // namespace

EventReport event_report(const aie::Program& program, const aie::Device& device,
                         const aie::RunResult& run, double run_s) {
  if (run.fault) {
    throw Error(ErrorKind::input,
                fmt::format("the program stopped in step {} ('{}') by {}: {}", run.fault->step,
                            program.steps.at(run.fault->step).name, aie::to_string(run.fault->kind),
                            run.fault->message));
  }
  EventReport report;
  report.network = program.network;
  report.pattern = program.pattern;
  report.device = program.device;
  report.cycles = run.cycles;
  report.ms = ms_of(run.cycles, device.clock_hz);
  report.run_s = run_s;
  report.events = run.events;
  for (const aie::ProgramLayer& layer : program.layers) {
    report.layers.push_back({.name = layer.name,
                             .operation = layer.operation,
                             .bound = {},
                             .busy = {},
                             .kept_macs = layer.kept_macs});
  }
  aie::StepTime all;
  for (std::size_t i = 0; i < run.steps.size(); ++i) {
    const aie::StepTime& step = run.steps[i];
    EventLayer& layer = report.layers.at(program.steps[i].layer);
    if (layer.steps++ == 0) layer.begin = step.begin;
    layer.cycles += step.end - step.begin;
    layer.busy += step;
    all += step;
  }
  for (EventLayer& layer : report.layers) {
    layer.bound = layer.steps == 0 ? "nothing" : std::string(layer.busy.bound());
  }
  report.bound = all.bound();
  report.ddr_read_bytes = all.ddr_read_bytes;
  report.ddr_write_bytes = all.ddr_write_bytes;
  report.compressed_bytes = run.compressed_words * 4;
  report.compressed_stream_bytes = run.compressed_stream_words * 4;
  report.data_dependent_stream_bytes = run.unknown_stream_words * 4;
  report.roofline = aie::roofline(program, device, run);
  report.energy = aie::energy_proxy(report.roofline.total);
  if (run.cycles == 0) return report;
  report.images_per_second = device.clock_hz / static_cast<double>(run.cycles);
  const double core_cycles = static_cast<double>(device.cores()) * static_cast<double>(run.cycles);
  const auto macs = std::accumulate(
      program.layers.begin(), program.layers.end(), 0.0,
      [](double sum, const auto& layer) { return sum + static_cast<double>(layer.kept_macs); });
  report.mac_utilisation = macs / (core_cycles * static_cast<double>(device.macs_per_cycle));
  report.core_busy =
      static_cast<double>(std::accumulate(run.core_busy_cycles.begin(), run.core_busy_cycles.end(),
                                          std::uint64_t{0})) /
      core_cycles;
  return report;
}

std::vector<EventLayer> untiled_layers(const EventReport& report) {
  std::vector<EventLayer> layers;
  for (const EventLayer& tile : report.layers) {
    const std::string name(networks::untiled_name(tile.name));
    const auto known = std::find_if(layers.begin(), layers.end(),
                                    [&](const EventLayer& layer) { return layer.name == name; });
    if (known == layers.end()) {
      layers.push_back(tile);
      layers.back().name = name;
      continue;
    }
    known->steps += tile.steps;
    known->cycles += tile.cycles;
    known->busy += tile.busy;
    known->kept_macs += tile.kept_macs;
    if (known->steps > 0) known->bound = known->busy.bound();
  }
  return layers;
}

json to_json(const EventReport& report) {
  const double ms_per_cycle =
      report.cycles == 0 ? 0.0 : report.ms / static_cast<double>(report.cycles);
  json layers = json::array();
  for (const EventLayer& layer : report.layers) layers.push_back(layer_json(layer, ms_per_cycle));
  return {{"model", "event"},
          {"network", report.network},
          {"pattern", report.pattern},
          {"device", report.device},
          {"cycles", report.cycles},
          {"ms", report.ms},
          {"images_per_second", report.images_per_second},
          {"seconds", report.run_s},
          {"simulated_cycles_per_second",
           report.run_s > 0 ? static_cast<double>(report.cycles) / report.run_s : 0.0},
          {"events", report.events},
          {"utilisation", report.mac_utilisation},
          {"core_busy", report.core_busy},
          {"bound", report.bound},
          {"ddr_read_bytes", report.ddr_read_bytes},
          {"ddr_write_bytes", report.ddr_write_bytes},
          {"compressed_bytes", report.compressed_bytes},
          {"compressed_stream_bytes", report.compressed_stream_bytes},
          {"data_dependent_stream_bytes", report.data_dependent_stream_bytes},
          {"energy_proxy", to_json(report.energy)},
          {"roofline", to_json(report.roofline)},
          {"layers", std::move(layers)}};
}

std::string to_text(const EventReport& report) {
  const auto cycles = static_cast<double>(std::max<std::uint64_t>(report.cycles, 1));
  std::vector<std::vector<std::string>> rows;
  for (const EventLayer& layer : report.layers) {
    const auto share = [&](std::uint64_t busy) {
      return layer.cycles == 0 ? std::string("-")
                               : fmt::format("{:.0f}", 100.0 * static_cast<double>(busy) /
                                                           static_cast<double>(layer.cycles));
    };
    rows.push_back(
        {layer.name, layer.operation, std::to_string(layer.steps), std::to_string(layer.cycles),
         fmt::format("{:.1f}", 100.0 * static_cast<double>(layer.cycles) / cycles), layer.bound,
         share(layer.busy.core), share(layer.busy.bank_conflicts), share(layer.busy.core_stream),
         share(layer.busy.memtile), share(layer.busy.memtile_banks), share(layer.busy.shim),
         share(layer.busy.dram), share(layer.busy.reconfigure),
         fmt::format("{:.1f}", 1e-3 * static_cast<double>(layer.busy.ddr_read_bytes)),
         fmt::format("{:.1f}", 1e-3 * static_cast<double>(layer.busy.ddr_write_bytes))});
  }
  std::string text =
      aligned({"layer", "operation", "steps", "cycles", "% of time", "bound", "core %",
               "bank conflicts %", "core stream %", "memtile %", "memtile banks %", "shim %",
               "dram %", "reconfigure %", "DDR read KB", "DDR written KB"},
              rows);
  text += fmt::format(
      "{} ({}) on {}, model 'event': {} cycles, {:.4f} ms, {:.1f} images a second, bound by {}; "
      "MAC units {:.1f}% used, "
      "cores busy {:.1f}%; DDR read {:.2f} MB, written {:.2f} MB\n",
      report.network, report.pattern, report.device, report.cycles, report.ms,
      report.images_per_second, report.bound, 100.0 * report.mac_utilisation,
      100.0 * report.core_busy, 1e-6 * static_cast<double>(report.ddr_read_bytes),
      1e-6 * static_cast<double>(report.ddr_write_bytes));
  if (report.compressed_bytes > 0) {
    text += fmt::format("compressed streams between tiles: {:.2f} MB in {:.2f} MB",
                        1e-6 * static_cast<double>(report.compressed_bytes),
                        1e-6 * static_cast<double>(report.compressed_stream_bytes));
    text += report.data_dependent_stream_bytes == 0
                ? "\n"
                : fmt::format("; {:.2f} MB of it depend on the data and are charged in full\n",
                              1e-6 * static_cast<double>(report.data_dependent_stream_bytes));
  }
  const aie::EnergyProxy& energy = report.energy;
  text += fmt::format(
      "energy proxy {:.0f} uJ an image (7 nm constants, not measured): DRAM {:.0f}, multipliers "
      "{:.0f}, core memories {:.0f}, links {:.0f}, Memtiles {:.0f}\n",
      energy.total(), energy.dram, energy.mac, energy.core_memory, energy.links, energy.memtile);
  text += fmt::format(
      "simulated in {:.3f} s: {:.2f} million cycles and {:.2f} million events a "
      "second\n",
      report.run_s, 1e-6 * static_cast<double>(report.cycles) / report.run_s,
      1e-6 * static_cast<double>(report.events) / report.run_s);
  return text;
}

}  // namespace wbs::apps
