#include "aie_model/roofline/roofline.hpp"

#include <algorithm>
#include <limits>

#include "core/error.hpp"

namespace wbs::aie {
namespace {

/// The DMA channels behind a resource; none for cores and DRAM.
struct ChannelsOf {
  Resource resource;
  TileKind kind;
  Direction direction;
};
constexpr std::array<ChannelsOf, 6> kChannels{{
    {Resource::core_in, TileKind::core, Direction::s2mm},
    {Resource::core_out, TileKind::core, Direction::mm2s},
    {Resource::memtile_in, TileKind::memtile, Direction::s2mm},
    {Resource::memtile_out, TileKind::memtile, Direction::mm2s},
    {Resource::shim_read, TileKind::shim, Direction::mm2s},
    {Resource::shim_write, TileKind::shim, Direction::s2mm},
}};

std::size_t index_of(Resource resource) {
  return static_cast<std::size_t>(resource);
}

double number(auto value) {
  return static_cast<double>(value);
}

double ratio(double macs, double cycles) {
  return cycles > 0.0 ? macs / cycles : std::numeric_limits<double>::infinity();
}

/// Tiles of a kind that have DMA channels to their neighbours in the array.
double tiles_of(TileKind kind, const Device& device) {
  if (kind == TileKind::core) return number(device.cores());
  if (kind == TileKind::memtile) return number(device.columns * device.memtiles_per_column);
  const std::vector<std::int32_t>& shims = device.silicon.shim_columns;
  return shims.empty() ? number(device.columns) : number(shims.size());
}

const TileLimits& limits_of(TileKind kind, const Silicon& silicon) {
  if (kind == TileKind::core) return silicon.core;
  return kind == TileKind::memtile ? silicon.memtile : silicon.shim;
}

/// The step's demand on each resource.
std::array<ResourceUse, kResources> use_of(const StepTime& step) {
  std::array<ResourceUse, kResources> use{};
  use[index_of(Resource::core)].cycles = step.core;
  for (const ChannelsOf& channels : kChannels) {
    const ChannelUse& moved = step.channels[channel_class(channels.kind, channels.direction)];
    use[index_of(channels.resource)] = {moved.bytes, moved.busiest, 0.0};
  }
  use[index_of(Resource::dram_read)] = {step.ddr_read_bytes, step.dram_read, 0.0};
  use[index_of(Resource::dram_write)] = {step.ddr_write_bytes, step.dram_write, 0.0};
  use[index_of(Resource::reconfigure)].cycles = step.reconfigure;
  return use;
}

void add_step(const StepTime& step, RooflineLayer& layer) {
  const std::array<ResourceUse, kResources> use = use_of(step);
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < kResources; ++i) {
    layer.use[i].bytes += use[i].bytes;
    layer.use[i].cycles += use[i].cycles;
    if (i != index_of(Resource::reconfigure)) most = std::max(most, use[i].cycles);
  }
  layer.cycles += step.end - step.begin;
  layer.least_cycles += step.reconfigure + most;
  layer.link_bytes += step.link_bytes;
}

/// Fills in what follows from the sums over the layer's steps.
void finish(const CallParts& calls, const Device& device, const Roofline& roofline,
            RooflineLayer& layer) {
  const double unit = number(device.macs_per_cycle);
  const double rate = calls.slots > 0 ? number(calls.macs) / number(calls.slots) : 1.0;
  layer.mac_rate = rate;
  layer.core_memory_bytes = calls.memory_bytes;
  CoreTime& core = layer.core;
  core.multiply = std::min(number(calls.compute), number(layer.kept_macs) / rate / unit);
  core.fill = number(calls.compute) - core.multiply;
  core.waits = number(calls.waits + calls.conflicts);
  core.results = number(calls.results);
  core.starts = number(calls.starts);
  core.idle = number(device.cores()) * number(layer.cycles) - core.busy();
  layer.mac_slots = calls.slots == 0 ? 0 : calls.compute * static_cast<std::uint64_t>(unit);
  layer.use[index_of(Resource::core)].even_cycles = core.busy() / number(device.cores());
  for (const ChannelsOf& channels : kChannels) {
    ResourceUse& use = layer.use[index_of(channels.resource)];
    use.even_cycles = number(use.bytes) / roofline.peak[index_of(channels.resource)];
  }
  for (const Resource one : {Resource::dram_read, Resource::dram_write, Resource::reconfigure}) {
    ResourceUse& use = layer.use[index_of(one)];
    use.even_cycles = number(use.cycles);  // nothing to share
  }
  const double reconfigure = layer.of(Resource::reconfigure).even_cycles;
  const Resource most = layer.even_bound();
  layer.even_least_cycles =
      most == Resource::reconfigure ? reconfigure : reconfigure + layer.of(most).even_cycles;
}

/// The resource for which `cycles` is largest; cores when all are 0.
Resource largest(const std::array<ResourceUse, kResources>& use, auto cycles) {
  const auto found = std::max_element(
      use.begin(), use.end(), [&](const auto& a, const auto& b) { return cycles(a) < cycles(b); });
  return static_cast<Resource>(found - use.begin());
}

}  // namespace

std::string_view to_string(Resource resource) noexcept {
  constexpr std::array<std::string_view, kResources> kNames{
      "cores",     "core in",    "core out",  "Memtile in", "Memtile out",
      "shim read", "shim write", "DRAM read", "DRAM write", "reconfiguration"};
  return kNames[index_of(resource)];
}

double peak_per_cycle(Resource resource, const Device& device) {
  if (resource == Resource::core) return number(device.cores() * device.macs_per_cycle);
  for (const ChannelsOf& channels : kChannels) {
    if (channels.resource != resource) continue;
    const TileLimits& limits = limits_of(channels.kind, device.silicon);
    const std::int32_t each =
        channels.direction == Direction::mm2s ? limits.mm2s_channels : limits.s2mm_channels;
    return tiles_of(channels.kind, device) * each * 4.0 * device.silicon.times.words_per_cycle;
  }
  return resource == Resource::reconfigure ? 0.0 : device.silicon.dram_bytes_per_cycle;
}

CoreTime& CoreTime::operator+=(const CoreTime& other) noexcept {
  multiply += other.multiply;
  fill += other.fill;
  waits += other.waits;
  results += other.results;
  starts += other.starts;
  idle += other.idle;
  return *this;
}

RooflineLayer& RooflineLayer::operator+=(const RooflineLayer& layer) noexcept {
  macs += layer.macs;
  kept_macs += layer.kept_macs;
  cycles += layer.cycles;
  least_cycles += layer.least_cycles;
  even_least_cycles += layer.even_least_cycles;
  for (std::size_t i = 0; i < kResources; ++i) {
    use[i].bytes += layer.use[i].bytes;
    use[i].cycles += layer.use[i].cycles;
    use[i].even_cycles += layer.use[i].even_cycles;
  }
  core += layer.core;
  link_bytes += layer.link_bytes;
  core_memory_bytes += layer.core_memory_bytes;
  mac_slots += layer.mac_slots;
  return *this;
}

// A stream keeps the channels at both its ends busy, and shims wait on DRAM: of resources that work
// about as long, the one that has least to spare is the bound.
Resource RooflineLayer::bound() const noexcept {
  constexpr double kAsLong = 0.98;
  const Resource most = largest(use, [](const ResourceUse& of) { return of.cycles; });
  const double least = kAsLong * number(of(most).cycles);
  return largest(use, [least](const ResourceUse& of) {
    return number(of.cycles) >= least ? of.even_cycles : -1.0;
  });
}

Resource RooflineLayer::even_bound() const noexcept {
  return largest(use, [](const ResourceUse& of) { return of.even_cycles; });
}

double RooflineLayer::reached() const noexcept {
  return cycles == 0 ? 0.0 : number(kept_macs) / number(cycles);
}

double RooflineLayer::ceiling(Resource resource) const noexcept {
  return ratio(number(kept_macs), number(of(resource).cycles));
}

double RooflineLayer::even_ceiling(Resource resource) const noexcept {
  return ratio(number(kept_macs), of(resource).even_cycles);
}

double RooflineLayer::intensity(Resource resource) const noexcept {
  return ratio(number(kept_macs), number(of(resource).bytes));
}

double RooflineLayer::reached_of_ceiling() const noexcept {
  return cycles == 0 ? 0.0 : number(of(bound()).cycles) / number(cycles);
}

Roofline roofline(const Program& program, const Device& device, const RunResult& run) {
  if (run.fault) {
    throw Error(ErrorKind::input,
                "a run that ended with a fault has no roofline: " + run.fault->message);
  }
  Roofline result{.network = program.network,
                  .pattern = program.pattern,
                  .device = program.device,
                  .clock_hz = device.clock_hz,
                  .total = {},
                  .layers = std::vector<RooflineLayer>(program.layers.size())};
  for (std::size_t i = 0; i < kResources; ++i) {
    result.peak[i] = peak_per_cycle(static_cast<Resource>(i), device);
  }
  std::vector<CallParts> calls(program.layers.size());
  for (std::size_t i = 0; i < run.steps.size(); ++i) {
    const std::uint32_t layer = program.steps.at(i).layer;
    add_step(run.steps[i], result.layers.at(layer));
    calls[layer] += run.steps[i].calls;
  }
  result.total.name = program.network;
  result.total.operation = "network";
  for (std::size_t i = 0; i < program.layers.size(); ++i) {
    RooflineLayer& layer = result.layers[i];
    layer.name = program.layers[i].name;
    layer.operation = program.layers[i].operation;
    layer.macs = program.layers[i].macs;
    layer.kept_macs = program.layers[i].kept_macs;
    finish(calls[i], device, result, layer);
    result.total += layer;
  }
  return result;
}

}  // namespace wbs::aie
