// The numbers of a device by name: what a device file may set.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "aie_model/device.hpp"

namespace wbs::apps {

/// Sets what `values` holds: nested objects whose keys, joined by dots, are in device_keys().
/// Throws Error(input) naming the first key that is unknown (with the nearest one) or whose value
/// has another type. The result is not validated.
void set_device_values(const nlohmann::json& values, aie::Device& device);

/// "clock_hz", "silicon.core.locks", ...
[[nodiscard]] std::vector<std::string> device_keys();

}  // namespace wbs::apps
