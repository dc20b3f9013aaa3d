// A device as named numbers: what a device file may set, and what a table shows.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "aie_model/device.hpp"
#include "core/error.hpp"

namespace wbs::aie {

/// Values by key. Most keys have one value; lists ("shim_columns", "core.masters") have more.
using DeviceValues = std::map<std::string, std::vector<double>, std::less<>>;

/// A key of a device, what it means with its unit, and its value.
struct DeviceKey {
  std::string key, meaning;
  std::vector<double> values;
};

/// Every key, in the order of the documentation, with the device's values. Flags are 0 or 1.
[[nodiscard]] std::vector<DeviceKey> device_keys(const Device& device);

/// `base` with other values: every key not given stays. The sizes that a Device holds twice
/// (memories of core and Memtile) follow "core.memory_bytes" and "memtile.memory_bytes". The
/// refusal names each unknown key with the nearest known one, each value of the wrong kind, and
/// what validate() finds.
[[nodiscard]] Result<Device> device_with(const Device& base, const DeviceValues& values);

}  // namespace wbs::aie
