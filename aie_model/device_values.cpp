#include "aie_model/device_values.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>

#include "core/text.hpp"

namespace wbs::aie {
namespace {

/// The keys of one kind of tile. `visit(key, meaning, member)` sees each.
template <typename Limits, typename Visit>
void visit_tile(const std::string& kind, Limits& tile, Visit& visit) {
  const auto one = [&](std::string_view key, std::string_view meaning, auto& member) {
    visit(fmt::format("{}.{}", kind, key), meaning, member);
  };
  if (kind != "shim") {
    one("memory_bytes", "data memory of one tile", tile.memory_bytes);
    one("bank_bytes", "a bank of it", tile.bank_bytes);
  }
  one("mm2s_channels", "DMA channels from memory to stream", tile.mm2s_channels);
  one("s2mm_channels", "DMA channels from stream to memory", tile.s2mm_channels);
  one("descriptors", "buffer descriptors", tile.descriptors);
  one("split_descriptors", "1: even channels use the lower half, odd ones the upper half",
      tile.split_descriptors);
  one("dimensions", "loops of a descriptor, iteration not counted", tile.dimensions);
  one("max_words", "32-bit words of a descriptor", tile.max_words);
  one("max_count", "rounds of a loop, the outermost free", tile.max_count);
  one("max_stride", "words", tile.max_stride);
  one("max_iteration", "rounds of the iteration", tile.max_iteration);
  one("locks", "semaphores", tile.locks);
  one("max_lock", "largest value of a semaphore", tile.max_lock);
  one("masters", "stream ports out: north, south, east, west", tile.masters);
  one("slaves", "stream ports in: north, south, east, west", tile.slaves);
  one("max_padding", "zero words before and after loops 0, 1, 2", tile.max_padding);
}

template <typename Times, typename Visit>
void visit_times(Times& times, Visit& visit) {
  visit("times.words_per_cycle", "of a stream", times.words_per_cycle);
  visit("times.stream_intercept", "cycles, fixed, of a transfer", times.stream_intercept);
  visit("times.hop", "cycles per switch", times.hop);
  visit("times.lock", "cycles per acquire or release of a core", times.lock);
  visit("times.shim_mm2s_task", "cycles per task", times.shim_mm2s_task);
  visit("times.shim_s2mm_task", "cycles per task", times.shim_s2mm_task);
  visit("times.shim_mm2s_cold", "cycles, first task of a channel", times.shim_mm2s_cold);
  visit("times.shim_s2mm_cold", "cycles, first task of a channel", times.shim_s2mm_cold);
  visit("times.dram_burst_bytes", "a contiguous run of a read costs at least as much",
        times.dram_burst_bytes);
  visit("times.reconfigure_words_per_cycle", "control words into one column",
        times.reconfigure_words_per_cycle);
  visit("times.reconfigure_fixed", "cycles per step", times.reconfigure_fixed);
}

/// The one list of keys.
template <typename AnyDevice, typename Visit>
void visit_device(AnyDevice& device, Visit& visit) {
  visit("columns", "columns of tiles", device.columns);
  visit("rows", "cores of a column", device.rows);
  visit("memtiles_per_column", "Memtiles of a column", device.memtiles_per_column);
  visit("clock_hz", "array clock", device.clock_hz);
  visit("macs_per_cycle", "int8 multiply-accumulates of a core", device.macs_per_cycle);
  visit("operand", "side of the weight operand of a multiply-accumulate", device.operand);
  visit("core.input_each", "bytes; estimators: one of two input buffers", device.core.input_each);
  visit("core.output_each", "bytes; estimators: one of two output buffers",
        device.core.output_each);
  visit("core.weights", "bytes; estimators: weights buffer", device.core.weights);
  visit("core.misc", "bytes; estimators: everything else", device.core.misc);
  visit("ddr_channels", "estimators: per Memtile and direction", device.ddr_channels);
  visit("load_bandwidth", "bytes/s; estimators: DDR to Memtile, activations",
        device.load_bandwidth);
  visit("loadw_bandwidth", "bytes/s; estimators: DDR to Memtile, weights", device.loadw_bandwidth);
  visit("write_bandwidth", "bytes/s; estimators: Memtile to DDR", device.write_bandwidth);
  visit("loadfm_bandwidth", "bytes/s; estimators: Memtile to cores, activations",
        device.loadfm_bandwidth);
  visit("loadwm_bandwidth", "bytes/s; estimators: Memtile to cores, weights",
        device.loadwm_bandwidth);
  visit("writefm_bandwidth", "bytes/s; estimators: cores to Memtile", device.writefm_bandwidth);
  auto& silicon = device.silicon;
  visit_tile("shim", silicon.shim, visit);
  visit_tile("memtile", silicon.memtile, visit);
  visit_tile("core", silicon.core, visit);
  visit("shim_columns", "columns whose shim reaches external memory; none: all",
        silicon.shim_columns);
  visit("dram_bytes_per_cycle", "both directions together; 0: only the shims limit",
        silicon.dram_bytes_per_cycle);
  visit("program_bytes", "program memory of a core", silicon.program_bytes);
  visit("stack_bytes", "kept free at the end of a core's data memory", silicon.stack_bytes);
  visit_times(silicon.times, visit);
}

struct List {
  std::vector<DeviceKey>& keys;

  template <typename Number>
  void operator()(std::string_view key, std::string_view meaning, const Number& value) {
    keys.push_back({std::string(key), std::string(meaning), {static_cast<double>(value)}});
  }
  template <std::size_t N>
  void operator()(std::string_view key, std::string_view meaning,
                  const std::array<std::int32_t, N>& list) {
    keys.push_back({std::string(key), std::string(meaning), {list.begin(), list.end()}});
  }
  void operator()(std::string_view key, std::string_view meaning,
                  const std::vector<std::int32_t>& list) {
    keys.push_back({std::string(key), std::string(meaning), {list.begin(), list.end()}});
  }
};

class Assign {
 public:
  explicit Assign(const DeviceValues& values) : values_(values) {}
  std::vector<std::string> problems;

  template <typename Number>
  void operator()(std::string_view key, std::string_view, Number& member) {
    if (const auto* given = find(key, 1)) convert(key, given->front(), member);
  }
  template <std::size_t N>
  void operator()(std::string_view key, std::string_view, std::array<std::int32_t, N>& list) {
    const auto* given = find(key, N);
    for (std::size_t i = 0; given != nullptr && i < N; ++i) convert(key, (*given)[i], list[i]);
  }
  void operator()(std::string_view key, std::string_view, std::vector<std::int32_t>& list) {
    const auto it = values_.find(key);
    if (it == values_.end()) return;
    list.assign(it->second.size(), 0);
    for (std::size_t i = 0; i < list.size(); ++i) convert(key, it->second[i], list[i]);
  }

 private:
  const std::vector<double>* find(std::string_view key, std::size_t count) {
    const auto it = values_.find(key);
    if (it == values_.end()) return nullptr;
    if (it->second.size() == count) return &it->second;
    problems.push_back(fmt::format("{} has {} values, expected {}", key, it->second.size(), count));
    return nullptr;
  }

  template <typename Number>
  void convert(std::string_view key, double value, Number& member) {
    // Up to 2^53 a double holds every whole number.
    constexpr bool kReal = std::is_same_v<Number, double>;
    constexpr bool kWide = sizeof(Number) >= sizeof(std::int64_t);
    using Limits = std::numeric_limits<Number>;
    const double most = kWide && !kReal ? 9007199254740992.0 : static_cast<double>(Limits::max());
    const double least = kWide && !kReal ? -most : static_cast<double>(Limits::lowest());
    const bool whole = kReal || std::floor(value) == value;
    if (!whole || !(value >= least && value <= most)) {
      problems.push_back(fmt::format("{} is {}, expected a {}", key, value,
                                     kReal                          ? "finite number"
                                     : std::is_same_v<Number, bool> ? "flag, 0 or 1"
                                                                    : "whole number"));
      return;
    }
    member = static_cast<Number>(value);
  }

  const DeviceValues& values_;
};

}  // namespace

std::vector<DeviceKey> device_keys(const Device& device) {
  std::vector<DeviceKey> keys;
  List list{keys};
  visit_device(device, list);
  return keys;
}

Result<Device> device_with(const Device& base, const DeviceValues& values) {
  Device device = base;
  Assign assign(values);
  visit_device(device, assign);
  std::vector<std::string> known;
  for (const DeviceKey& key : device_keys(base)) known.push_back(key.key);
  for (const auto& [key, value] : values) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      assign.problems.push_back(fmt::format("unknown key '{}'{}", key, suggestion(key, known)));
    }
  }
  if (assign.problems.empty()) {
    device.core_memory = device.silicon.core.memory_bytes;
    device.memtile_bytes = device.silicon.memtile.memory_bytes * device.memtiles_per_column;
    assign.problems = device.validate();
  }
  if (assign.problems.empty()) return device;
  return refusal(fmt::format("device '{}': {}", device.name, fmt::join(assign.problems, "; ")));
}

}  // namespace wbs::aie
