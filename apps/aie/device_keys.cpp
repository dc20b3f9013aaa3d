#include "apps/aie/device_keys.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <tuple>
#include <type_traits>

#include "core/error.hpp"
#include "core/text.hpp"

namespace wbs::apps {
namespace {

using nlohmann::json;

template <typename Visitor>
void visit_tile(Visitor& visit, const std::string& tile, aie::TileLimits& limits) {
  const auto key = [&](const char* name) { return fmt::format("silicon.{}.{}", tile, name); };
  visit(key("memory_bytes"), limits.memory_bytes);
  visit(key("bank_bytes"), limits.bank_bytes);
  visit(key("mm2s_channels"), limits.mm2s_channels);
  visit(key("s2mm_channels"), limits.s2mm_channels);
  visit(key("descriptors"), limits.descriptors);
  visit(key("split_descriptors"), limits.split_descriptors);
  visit(key("dimensions"), limits.dimensions);
  visit(key("max_words"), limits.max_words);
  visit(key("max_count"), limits.max_count);
  visit(key("max_stride"), limits.max_stride);
  visit(key("max_iteration"), limits.max_iteration);
  visit(key("locks"), limits.locks);
  visit(key("max_lock"), limits.max_lock);
  visit(key("masters"), limits.masters);
  visit(key("slaves"), limits.slaves);
}

template <typename Visitor>
void visit_times(Visitor& visit, aie::SiliconTimes& times) {
  const auto key = [](const char* name) { return fmt::format("silicon.times.{}", name); };
  visit(key("words_per_cycle"), times.words_per_cycle);
  visit(key("stream_intercept"), times.stream_intercept);
  visit(key("hop"), times.hop);
  visit(key("lock"), times.lock);
  visit(key("shim_mm2s_task"), times.shim_mm2s_task);
  visit(key("shim_s2mm_task"), times.shim_s2mm_task);
  visit(key("shim_mm2s_cold"), times.shim_mm2s_cold);
  visit(key("shim_s2mm_cold"), times.shim_s2mm_cold);
  visit(key("reconfigure_words_per_cycle"), times.reconfigure_words_per_cycle);
  visit(key("reconfigure_fixed"), times.reconfigure_fixed);
}

/// Calls visit(key, member) for everything that a file may set.
template <typename Visitor>
void visit_device(Visitor& visit, aie::Device& device) {
  visit("name", device.name);
  visit("source", device.source);
  visit("columns", device.columns);
  visit("rows", device.rows);
  visit("clock_hz", device.clock_hz);
  visit("macs_per_cycle", device.macs_per_cycle);
  visit("operand", device.operand);
  visit("core_memory", device.core_memory);
  visit("core.input_each", device.core.input_each);
  visit("core.output_each", device.core.output_each);
  visit("core.weights", device.core.weights);
  visit("core.misc", device.core.misc);
  visit("memtile_bytes", device.memtile_bytes);
  visit("memtiles_per_column", device.memtiles_per_column);
  visit("ddr_channels", device.ddr_channels);
  visit("load_bandwidth", device.load_bandwidth);
  visit("loadw_bandwidth", device.loadw_bandwidth);
  visit("write_bandwidth", device.write_bandwidth);
  visit("loadfm_bandwidth", device.loadfm_bandwidth);
  visit("loadwm_bandwidth", device.loadwm_bandwidth);
  visit("writefm_bandwidth", device.writefm_bandwidth);
  visit_tile(visit, "shim", device.silicon.shim);
  visit_tile(visit, "memtile", device.silicon.memtile);
  visit_tile(visit, "core", device.silicon.core);
  visit_times(visit, device.silicon.times);
  visit("silicon.dram_bytes_per_cycle", device.silicon.dram_bytes_per_cycle);
  visit("silicon.shim_columns", device.silicon.shim_columns);
  visit("silicon.program_bytes", device.silicon.program_bytes);
  visit("silicon.stack_bytes", device.silicon.stack_bytes);
}

/// Sets the member whose key is the wanted one.
class Setter {
 public:
  Setter(const std::string& key, const json& value) : key_(key), value_(value) {}

  template <typename T>
  void operator()(const std::string& key, T& member) {
    if (key == key_) set(member);
  }
  [[nodiscard]] bool found() const { return found_; }

 private:
  template <typename T>
  void set(T& member) {
    found_ = true;
    if constexpr (std::is_same_v<T, bool>) {
      require(value_.is_boolean(), "a boolean");
    } else if constexpr (std::is_integral_v<T>) {
      require(value_.is_number_integer() && value_.get<std::int64_t>() >= -1 &&
                  value_.get<std::int64_t>() <= std::int64_t{std::numeric_limits<T>::max()},
              "an integer in range");
    } else if constexpr (std::is_floating_point_v<T>) {
      require(value_.is_number(), "a number");
    } else if constexpr (std::is_same_v<T, std::string>) {
      require(value_.is_string(), "text");
    } else {
      require_list();
      if constexpr (!std::is_same_v<T, std::vector<std::int32_t>>) {
        require(value_.size() == std::tuple_size_v<T>,
                fmt::format("{} integers", std::tuple_size_v<T>));
      }
    }
    member = value_.get<T>();
  }
  void require_list() const {
    bool good = value_.is_array();
    for (const json& element : value_) good = good && element.is_number_integer();
    require(good, "a list of integers");
  }
  void require(bool good, const std::string& what) const {
    if (good) return;
    throw Error(ErrorKind::input,
                fmt::format("'{}' is {}, expected {}", key_, value_.dump(), what));
  }

  const std::string& key_;
  const json& value_;
  bool found_ = false;
};

void set_values(const json& values, const std::string& prefix, aie::Device& device) {
  for (const auto& [name, value] : values.items()) {
    const std::string key = prefix + name;
    if (value.is_object()) {
      set_values(value, key + ".", device);
      continue;
    }
    Setter setter(key, value);
    visit_device(setter, device);
    if (setter.found()) continue;
    const std::vector<std::string> keys = device_keys();
    throw Error(ErrorKind::input, fmt::format("unknown key '{}'{}", key, suggestion(key, keys)));
  }
}

}  // namespace

void set_device_values(const json& values, aie::Device& device) {
  set_values(values, "", device);
}

std::vector<std::string> device_keys() {
  std::vector<std::string> keys;
  const auto note = [&](const std::string& key, const auto&) { keys.push_back(key); };
  aie::Device device;
  visit_device(note, device);
  return keys;
}

}  // namespace wbs::apps
