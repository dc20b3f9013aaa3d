#include "compiler/codegen/room.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "compiler/codegen/phases.hpp"
#include "compiler/codegen/residence.hpp"
#include "core/error.hpp"

namespace wbs::compiler {
namespace {

using networks::Int8Network;

constexpr double kLeastShare = 1.0 / 64;

/// First fit in the given order; returns the index of a region that finds no place.
std::optional<std::size_t> place_in_order(std::vector<Region>& regions, std::int64_t memory,
                                          const std::vector<std::size_t>& order) {
  constexpr std::int64_t kAlign = 64;
  std::vector<std::size_t> placed;
  for (const std::size_t index : order) {
    Region& region = regions[index];
    std::vector<const Region*> beside;
    for (const std::size_t other : placed) {
      const Region& o = regions[other];
      if (o.first <= region.last && region.first <= o.last) beside.push_back(&o);
    }
    std::sort(beside.begin(), beside.end(),
              [](const Region* a, const Region* b) { return a->address < b->address; });
    std::int64_t address = 0;
    for (const Region* o : beside) {
      if (address + region.bytes <= o->address) break;
      address = std::max(address, (o->address + o->bytes + kAlign - 1) / kAlign * kAlign);
    }
    if (address + region.bytes > memory) return index;
    region.address = address;
    placed.push_back(index);
  }
  return std::nullopt;
}

/// Addresses for all regions: by first use, else the largest first.
std::optional<std::size_t> place_regions(std::vector<Region>& regions, std::int64_t memory) {
  std::vector<std::size_t> order(regions.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return regions[a].first < regions[b].first;
  });
  if (!place_in_order(regions, memory, order)) return std::nullopt;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return regions[a].bytes > regions[b].bytes;
  });
  return place_in_order(regions, memory, order);
}

/// Layers whose weights come early while the region is alive load them late instead. False: none.
bool load_late_beside(NetworkPlan& plan, const Region& region) {
  bool any = false;
  for (const Phase& phase : plan.phases) {
    if (phase.kind != Phase::Kind::preload || !plan.preload[phase.layer]) continue;
    const Region& own = plan.regions[phase.weights_region];
    if (own.first > region.last || region.first > own.last) continue;
    plan.preload[phase.layer] = false;
    any = true;
  }
  return any;
}

/// A tensor in the Memtiles.
struct Victim {
  std::size_t storage = 0;
  std::int64_t bytes = 0;  ///< of every Memtile
};

/// The largest resident tensor alive beside `region`, if there is one.
std::optional<Victim> largest_beside(const NetworkPlan& plan, const Region& region) {
  std::optional<Victim> victim;
  for (const Phase& phase : plan.phases) {
    if (phase.kind != Phase::Kind::compute) continue;
    const auto look = [&](const Strip& strip) {
      const Region& own = plan.regions[strip.region];
      const bool alive = own.first <= region.last && region.first <= own.last;
      if (plan.resident[strip.storage] && alive && (!victim || own.bytes > victim->bytes)) {
        victim = Victim{strip.storage, own.bytes};
      }
    };
    for (const Strip& strip : phase.inputs) look(strip);
    look(phase.output);
  }
  return victim;
}

/// The layer with the largest strips for external memory while the region is alive.
std::optional<std::size_t> largest_strips_beside(const NetworkPlan& plan, const Region& region) {
  std::optional<std::size_t> layer;
  std::int64_t most = 0;
  for (std::size_t i = region.first; i <= region.last; ++i) {
    const Phase& phase = plan.phases[i];
    if (phase.kind != Phase::Kind::compute) continue;
    std::int64_t bytes = 0;
    const auto add = [&](const Strip& strip) {
      if (!plan.resident[strip.storage]) bytes += plan.regions[strip.region].bytes;
    };
    for (const Strip& strip : phase.inputs) add(strip);
    add(phase.output);
    if (bytes > most && plan.layers[phase.layer].mapping.split != Split::channels) {
      most = bytes;
      layer = phase.layer;
    }
  }
  return layer;
}

class RoomFinder {
 public:
  RoomFinder(const Int8Network& network, const aie::Device& device, const CodegenOptions& options,
             NetworkPlan& plan)
      : network_(network), device_(device), options_(options), plan_(plan) {}

  void run() {
    while (const auto homeless = place(plan_)) make_room(plan_.regions[*homeless]);
    for (const auto& [index, layer] : full_) grow(index, layer);
  }

 private:
  [[nodiscard]] std::optional<std::size_t> place(NetworkPlan& plan) const {
    make_phases(network_, device_, plan);
    return place_regions(plan.regions, device_.silicon.memtile.memory_bytes);
  }

  /// Cycles that external memory takes to move so many bytes of every Memtile.
  [[nodiscard]] double ddr_cycles(std::int64_t bytes) const {
    const auto columns = static_cast<double>(device_.columns);
    const double dram = device_.silicon.dram_bytes_per_cycle;
    return static_cast<double>(bytes) * columns /
           (dram > 0 ? std::min(dram, 4 * columns) : 4 * columns);
  }

  void make_room(const Region& region) {
    if (load_late_beside(plan_, region)) return;
    const auto victim = largest_beside(plan_, region);
    if (!victim) {
      shrink_last(region);
    } else if (!shrink_strips(region, 2 * ddr_cycles(victim->bytes))) {
      plan_.resident[victim->storage] = false;
    }
  }

  /// Halves the room for strips of the layer that has the largest ones beside the region, unless
  /// smaller strips (than at first) cost as much as `limit` cycles.
  bool shrink_strips(const Region& region, double limit) {
    const auto index = largest_strips_beside(plan_, region);
    if (!index) return false;
    const LayerPlan& layer = plan_.layers[*index];
    LayerPlan smaller = layer;
    while (smaller.mapping.strip_rows == layer.mapping.strip_rows) {
      smaller.memtile_share /= 2;
      if (smaller.memtile_share < kLeastShare) return false;
      try {
        map_layer(network_, device_, options_, smaller);
      } catch (const Error&) {
        return false;  // no strip is that small
      }
    }
    const LayerPlan& full = full_.try_emplace(*index, layer).first->second;
    const auto loaded = [](const LayerPlan& l) {
      return l.pieces.strips * l.pieces.strip_in_bytes;
    };
    const double cost =
        smaller.mapping.cycles - full.mapping.cycles + ddr_cycles(loaded(smaller) - loaded(full));
    if (smaller.mapping.split == Split::channels || cost >= limit) return false;
    plan_.layers[*index] = std::move(smaller);
    return true;
  }

  /// Nothing but strips is left: those of the layer that uses the region last become smaller.
  void shrink_last(const Region& region) {
    LayerPlan& layer = plan_.layers[plan_.phases[region.last].layer];
    layer.memtile_share /= 2;
    if (layer.memtile_share < kLeastShare) {
      throw Error(
          ErrorKind::unsupported,
          fmt::format("node '{}': a Memtile of device '{}' has no room for {} bytes of it",
                      network_.operations[layer.operation].name, device_.name, region.bytes));
    }
    map_layer(network_, device_, options_, layer);
    const std::vector<bool> possible = may_be_resident(network_, plan_, device_);
    for (std::size_t i = 0; i < possible.size(); ++i) {
      if (!possible[i]) plan_.resident[i] = false;
    }
  }

  /// The layer as it was before its strips shrank, if that fits now.
  void grow(std::size_t index, const LayerPlan& layer) {
    if (plan_.layers[index].memtile_share == layer.memtile_share) return;
    NetworkPlan grown = plan_;
    grown.layers[index] = layer;
    if (!place(grown)) plan_ = std::move(grown);
  }

  const Int8Network& network_;
  const aie::Device& device_;
  const CodegenOptions& options_;
  NetworkPlan& plan_;
  std::map<std::size_t, LayerPlan> full_;  ///< layers as they were before shrink_strips()
};

}  // namespace

void find_room(const Int8Network& network, const aie::Device& device, const CodegenOptions& options,
               NetworkPlan& plan) {
  RoomFinder(network, device, options, plan).run();
}

}  // namespace wbs::compiler
