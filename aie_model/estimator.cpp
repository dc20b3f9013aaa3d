#include "aie_model/estimator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "aie_model/geometry.hpp"
#include "aie_model/weights.hpp"

namespace wbs::aie {
namespace {

// Bytes around the weights of a chunk, from the logged LOADW and LOADWM times.
constexpr std::int64_t kLoadwHeader = 192;
constexpr std::int64_t kLoadwPiece = 128;
constexpr std::int64_t kLoadwmHeader = 192;
constexpr std::int64_t kLoadwmPiece = 16;
// Layers without weights still send their parameters.
constexpr std::int64_t kAddLoadw = 192, kAddLoadwm = 160;
constexpr std::int64_t kPoolLoadw = 128, kPoolLoadwm = 96;

double nanoseconds(std::int64_t bytes, double bandwidth) {
  return static_cast<double>(bytes) / bandwidth * 1e9;
}

std::int64_t cycles_for(double macs, const Device& device) {
  // The subtraction keeps exact multiples exact when the density is not a binary fraction.
  return static_cast<std::int64_t>(
      std::ceil(macs / static_cast<double>(device.macs_per_cycle) - 1e-9));
}

std::int64_t rows_sweep(const TiledLayer& layer) {
  std::int64_t count = 0;
  for (const IterationGroup& group : iteration_groups(layer)) count += group.count;
  return count;
}

std::int64_t loadfm_iteration(const TiledLayer& layer) {
  const Extent& in = layer.core_input;
  if (has_weights(layer)) return in.h * round_up(in.w, 8) * in.c;
  std::int64_t inputs = 1;
  if (layer.kind == LayerKind::add) {
    inputs = std::max<std::int64_t>(2, static_cast<std::int64_t>(layer.producers.size()));
  }
  return inputs * in.h * in.w * in.c;
}

std::int64_t writefm_iteration(const TiledLayer& layer) {
  const Extent& out = layer.core_output;
  return out.h * (has_weights(layer) ? round_up(out.w, 8) : out.w) * out.c;
}

void fill_weight_lanes(const TiledLayer& layer, const Device& device, LaneTimes& lanes) {
  std::int64_t loadw = kPoolLoadw, loadwm = kPoolLoadwm;
  if (layer.kind == LayerKind::add) {
    loadw = kAddLoadw;
    loadwm = kAddLoadwm;
  } else if (has_weights(layer)) {
    const std::int64_t unified = unified_bytes(layer.core_weight, layer.density);
    const std::int64_t sends =
        layer.height_tiles * layer.passes * concat_repeat(layer, device) * layer.width_splits;
    loadw = layer.height_tiles * round_up(memtile_weight_bytes(layer, device), kLoadwPiece) +
            kLoadwHeader;
    loadwm = sends * round_up(unified, kLoadwmPiece) + kLoadwmHeader;
  }
  if (layer.loadw_bytes >= 0) loadw = layer.loadw_bytes;
  lanes.loadw_ns = nanoseconds(loadw, device.loadw_bandwidth);
  lanes.loadwm_ns = nanoseconds(loadwm, device.loadwm_bandwidth);
}

}  // namespace

std::string_view model_name(Model model) {
  return model == Model::published ? "published" : "corrected";
}

Result<Model> find_model(std::string_view name) {
  if (name == "published") return Model::published;
  if (name == "corrected") return Model::corrected;
  return refusal(fmt::format("unknown estimator '{}': expected 'published' or 'corrected'", name));
}

std::int64_t concat_repeat(const TiledLayer& layer, const Device& device) {
  if (layer.concat_channels <= 0 || layer.through_ddr) return 1;
  return std::max<std::int64_t>(1, ceil_div(layer.concat_channels, device.rows * layer.output.c));
}

std::int64_t sweeps(const TiledLayer& layer, const Device& device) {
  std::int64_t channel_sweeps = layer.channel_splits;
  // Channel groups that pass through DDR are logged in pairs (Mixed_7c's pool).
  if (layer.kind == LayerKind::avg_pool && layer.through_ddr) {
    channel_sweeps = std::max<std::int64_t>(1, channel_sweeps / 2);
  }
  return layer.width_splits * channel_sweeps * layer.passes * concat_repeat(layer, device);
}

std::int64_t iterations(const TiledLayer& layer, const Device& device) {
  return layer.kind == LayerKind::concat ? 0 : rows_sweep(layer) * sweeps(layer, device);
}

std::int64_t published_cycles(const TiledLayer& layer, const Device& device) {
  const Extent& in = layer.core_input;
  const auto input = static_cast<double>(in.h * in.w * in.c);
  if (!has_weights(layer)) return cycles_for(input, device);
  const WeightBlock& w = layer.core_weight;
  return cycles_for(input * static_cast<double>(w.kh * w.kw * w.cin) * layer.density, device);
}

std::int64_t corrected_cycles(const TiledLayer& layer, const Device& device) {
  if (!has_weights(layer)) return published_cycles(layer, device);
  const Extent& out = layer.core_output;
  const double density = layer.corrected_density >= 0 ? layer.corrected_density : layer.density;
  const std::int64_t channels = ceil_div(layer.output.c, device.rows);
  const std::int64_t cin = ceil_div(stored_channels(layer.input.c), layer.groups);
  const std::int64_t macs = out.h * out.w * channels * layer.window.kh * layer.window.kw * cin;
  return cycles_for(static_cast<double>(macs) * density, device);
}

LayerEstimate estimate_layer(const TiledLayer& layer, const Device& device, Model model) {
  LayerEstimate estimate;
  if (layer.kind == LayerKind::concat) return estimate;
  const std::int64_t repeat = sweeps(layer, device);
  std::int64_t per_sweep = 0, alone = 0;
  const auto groups = iteration_groups(layer);
  for (const IterationGroup& group : groups) {
    per_sweep += group.count;
    if (group.count == 1 && group.pad_top + group.pad_bottom > 0) ++alone;
  }
  estimate.iterations = per_sweep * repeat;
  estimate.alone = alone * repeat;
  estimate.groups = static_cast<std::int64_t>(groups.size()) * repeat;

  LaneTimes& lanes = estimate.lanes;
  lanes.load_ns = nanoseconds(layer.load_bytes, device.load_bandwidth);
  lanes.write_ns = nanoseconds(layer.write_bytes, device.write_bandwidth);
  fill_weight_lanes(layer, device, lanes);
  lanes.loadfm_ns =
      nanoseconds(estimate.iterations * loadfm_iteration(layer), device.loadfm_bandwidth);
  lanes.writefm_ns =
      nanoseconds(estimate.iterations * writefm_iteration(layer), device.writefm_bandwidth);
  const bool corrected = model == Model::corrected && has_weights(layer);
  const std::int64_t cycles = corrected
                                  ? per_sweep * layer.width_splits * corrected_cycles(layer, device)
                                  : estimate.iterations * published_cycles(layer, device);
  lanes.comp_ns = static_cast<double>(cycles) / device.clock_hz * 1e9;

  const double longest = std::max({lanes.loadfm_ns, lanes.comp_ns, lanes.writefm_ns});
  const double sequence = lanes.loadfm_ns + lanes.comp_ns + lanes.writefm_ns;
  const double share = estimate.iterations > 0 ? static_cast<double>(estimate.alone) /
                                                     static_cast<double>(estimate.iterations)
                                               : 0.0;
  estimate.total_ns = std::max(lanes.load_ns, lanes.loadw_ns) + lanes.loadwm_ns +
                      longest * (1 - share) + sequence * share + lanes.write_ns;
  return estimate;
}

NetworkEstimate estimate_network(std::span<const TiledLayer> layers, const Device& device,
                                 Model model) {
  NetworkEstimate network;
  for (const TiledLayer& layer : layers) {
    network.start_ns.push_back(network.total_ns);
    network.layers.push_back(estimate_layer(layer, device, model));
    const double ns = network.layers.back().total_ns;
    network.total_ns += ns;
    if (layer.kind != LayerKind::fully_connected) network.published_scope_ns += ns;
  }
  return network;
}

}  // namespace wbs::aie
