#include "apps/aie/roofline_report.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "apps/columns.hpp"

namespace wbs::apps {
namespace {

using aie::Resource;
using nlohmann::json;

std::string name_of(std::size_t resource) {
  return std::string(to_string(static_cast<Resource>(resource)));
}

json finite(double value) {
  return std::isfinite(value) ? json(value) : json();
}

std::string short_number(double value) {
  if (!std::isfinite(value)) return "-";
  return value >= 100.0 ? fmt::format("{:.0f}", value) : fmt::format("{:.1f}", value);
}

std::string percent(double part, double whole) {
  return whole > 0.0 ? fmt::format("{:.0f}", 100.0 * part / whole) : "-";
}

json core_time_json(const aie::CoreTime& core) {
  const double whole = core.total() > 0.0 ? core.total() : 1.0;
  return {{"multiply", core.multiply / whole}, {"fill", core.fill / whole},
          {"waits", core.waits / whole},       {"results", core.results / whole},
          {"starts", core.starts / whole},     {"idle", core.idle / whole}};
}

json layer_json(const aie::RooflineLayer& layer) {
  json resources = json::object();
  for (std::size_t i = 0; i < aie::kResources; ++i) {
    const aie::ResourceUse& use = layer.use[i];
    if (use.cycles == 0 && use.bytes == 0) continue;
    const auto resource = static_cast<Resource>(i);
    resources[name_of(i)] = {{"bytes", use.bytes},
                             {"cycles", use.cycles},
                             {"even_cycles", use.even_cycles},
                             {"macs_per_byte", finite(layer.intensity(resource))},
                             {"ceiling_macs_per_cycle", finite(layer.ceiling(resource))},
                             {"even_ceiling_macs_per_cycle", finite(layer.even_ceiling(resource))}};
  }
  return {{"name", layer.name},
          {"operation", layer.operation},
          {"macs", layer.macs},
          {"kept_macs", layer.kept_macs},
          {"mac_rate", layer.mac_rate},
          {"cycles", layer.cycles},
          {"least_cycles", layer.least_cycles},
          {"even_least_cycles", layer.even_least_cycles},
          {"macs_per_cycle", layer.reached()},
          {"bound", to_string(layer.bound())},
          {"ceiling_macs_per_cycle", finite(layer.ceiling(layer.bound()))},
          {"reached_of_ceiling", layer.reached_of_ceiling()},
          {"even_bound", to_string(layer.even_bound())},
          {"even_ceiling_macs_per_cycle", finite(layer.even_ceiling(layer.even_bound()))},
          {"core_time", core_time_json(layer.core)},
          {"resources", std::move(resources)}};
}

std::vector<std::string> row_of(const aie::RooflineLayer& layer, double peak) {
  const aie::CoreTime& core = layer.core;
  const auto share = [&](double part) { return percent(part, core.total()); };
  const bool multiplies = layer.kept_macs > 0;
  return {layer.name,
          fmt::format("{:.2f}", 1e-6 * static_cast<double>(layer.kept_macs)),
          std::to_string(layer.cycles),
          multiplies ? short_number(layer.reached()) : "-",
          multiplies ? percent(layer.reached(), peak * layer.mac_rate) : "-",
          std::string(to_string(layer.bound())),
          multiplies ? short_number(layer.ceiling(layer.bound())) : "-",
          percent(layer.reached_of_ceiling(), 1.0),
          std::string(to_string(layer.even_bound())),
          multiplies ? short_number(layer.even_ceiling(layer.even_bound())) : "-",
          multiplies ? short_number(layer.intensity(Resource::core_in)) : "-",
          multiplies ? short_number(layer.intensity(Resource::memtile_out)) : "-",
          multiplies ? short_number(layer.intensity(Resource::shim_read)) : "-",
          share(core.multiply),
          share(core.fill),
          share(core.waits),
          share(core.results),
          share(core.starts),
          share(core.idle)};
}

json gain_json(const aie::LayerGain& gain) {
  json demand = json::object();
  for (std::size_t i = 0; i < aie::kResources; ++i) {
    if (gain.demand[i] > 0.0) demand[name_of(i)] = gain.demand[i];
  }
  return {{"name", gain.name},
          {"dense_cycles", gain.dense_cycles},
          {"cycles", gain.cycles},
          {"gain", gain.gain},
          {"macs_gain", gain.macs},
          {"dense_bound", to_string(gain.dense_bound)},
          {"bound", to_string(gain.bound)},
          {"allowed_gain", gain.allowed},
          {"even_allowed_gain", gain.even_allowed},
          {"least_gain", gain.least_gain},
          {"demand_gain", std::move(demand)}};
}

std::vector<std::string> gain_row(const aie::LayerGain& gain) {
  const auto times = [](double value) {
    return value > 0.0 ? fmt::format("{:.2f}", value) : std::string("-");
  };
  const auto demand = [&](Resource resource) {
    return times(gain.demand[static_cast<std::size_t>(resource)]);
  };
  return {gain.name,
          std::to_string(gain.dense_cycles),
          std::to_string(gain.cycles),
          times(gain.gain),
          times(gain.macs),
          std::string(to_string(gain.dense_bound)),
          std::string(to_string(gain.bound)),
          demand(Resource::core),
          demand(Resource::core_in),
          demand(Resource::core_out),
          demand(Resource::memtile_in),
          demand(Resource::memtile_out),
          demand(Resource::shim_read),
          demand(Resource::reconfigure),
          times(gain.least_gain),
          times(gain.allowed),
          times(gain.even_allowed)};
}

}  // namespace

json to_json(const aie::Roofline& roofline) {
  json layers = json::array();
  for (const aie::RooflineLayer& layer : roofline.layers) layers.push_back(layer_json(layer));
  json peaks = json::object();
  for (std::size_t i = 1; i < aie::kResources; ++i) {
    if (roofline.peak[i] > 0.0) peaks[name_of(i)] = roofline.peak[i];
  }
  return {{"peak_macs_per_cycle", roofline.peak[static_cast<std::size_t>(Resource::core)]},
          {"peak_bytes_per_cycle", std::move(peaks)},
          {"total", layer_json(roofline.total)},
          {"layers", std::move(layers)}};
}

std::string to_text(const aie::Roofline& roofline) {
  const double peak = roofline.peak[static_cast<std::size_t>(Resource::core)];
  std::vector<std::vector<std::string>> rows;
  for (const aie::RooflineLayer& layer : roofline.layers) rows.push_back(row_of(layer, peak));
  rows.push_back(row_of(roofline.total, peak));
  std::string text =
      aligned({"layer", "kept MMAC", "cycles", "MAC/cycle", "% of peak", "bound", "allows",
               "reached %", "shared evenly", "allows", "MAC/B core in", "Memtile out", "DDR read",
               "multiply %", "fill %", "waits %", "results %", "starts %", "idle %"},
              rows);
  text += fmt::format(
      "Peak {:.0f} MAC a cycle. bound: the busiest core or channel, and the MAC a cycle that it "
      "allows; shared evenly: the same if all of a kind shared the work. The last six columns "
      "divide the cycles of all cores.\n",
      peak);
  return text;
}

json to_json(const aie::SparseGain& gain) {
  json layers = json::array();
  for (const aie::LayerGain& layer : gain.layers) layers.push_back(gain_json(layer));
  json shares = json::object();
  for (std::size_t i = 0; i < aie::kResources; ++i) {
    if (gain.bound_share[i] > 0.0) shares[name_of(i)] = gain.bound_share[i];
  }
  return {{"total", gain_json(gain.total)},
          {"pruned", gain_json(gain.pruned)},
          {"bound_share", std::move(shares)},
          {"layers", std::move(layers)}};
}

std::string to_text(const aie::SparseGain& gain) {
  std::vector<std::vector<std::string>> rows;
  for (const aie::LayerGain& layer : gain.layers) rows.push_back(gain_row(layer));
  rows.push_back(gain_row(gain.pruned));
  rows.push_back(gain_row(gain.total));
  std::string text =
      aligned({"layer", "dense cycles", "cycles", "gain", "MACs", "dense bound", "bound", "cores",
               "core in", "core out", "Memtile in", "Memtile out", "shim read", "reconfigure",
               "both at least", "allowed", "shared evenly"},
              rows);
  text += fmt::format(
      "Each figure is dense by sparse. MACs: kept multiply-accumulates alone; cores to "
      "reconfigure: the time of that resource's busiest unit; both at least: if no step of either "
      "ever waited; "
      "allowed: if no step of the sparse program ever waited, the largest gain that its resources "
      "allow; shared evenly: if moreover all cores and channels of a kind shared the work.\n");
  const auto sentence = [](const char* what, const aie::LayerGain& all) {
    return fmt::format(
        "{} {:.3f} times faster than in the dense program; MACs alone {:.2f}, cores {:.2f}, "
        "allowed "
        "{:.2f}, shared evenly {:.2f}.\n",
        what, all.gain, all.macs, all.demand[static_cast<std::size_t>(Resource::core)], all.allowed,
        all.even_allowed);
  };
  text += sentence("Pruned layers:", gain.pruned) + sentence("Network:", gain.total);
  text += "Time in layers bound by";
  const char* separator = " ";
  for (std::size_t i = 0; i < aie::kResources; ++i) {
    if (gain.bound_share[i] < 0.005) continue;
    text += fmt::format("{}{} {:.0f}%", separator, name_of(i), 100.0 * gain.bound_share[i]);
    separator = ", ";
  }
  return text + "\n";
}

json to_json(const aie::EnergyProxy& energy) {
  return {{"what",
           "proxy: counted events times literature constants for 7 nm (README of "
           "aie_model/roofline); no measurement, no leakage, no control"},
          {"total_uj", energy.total()},
          {"mac_uj", energy.mac},
          {"core_memory_uj", energy.core_memory},
          {"links_uj", energy.links},
          {"memtile_uj", energy.memtile},
          {"dram_uj", energy.dram}};
}

}  // namespace wbs::apps
