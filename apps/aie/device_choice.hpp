// Which array a program is for, as a user names it and as a program's file remembers it.
#pragma once

#include <string>

#include "aie_model/device.hpp"

namespace wbs::apps {

/// A device, and the text from which device_of_text() makes it again.
struct ChosenDevice {
  aie::Device device;
  std::string text;
};

/// The part `array` ("4x4", columns x rows; empty: all) of `device` (a name, or a TOML file whose
/// `base` names a device and whose other keys replace its numbers; empty: the abstract array of
/// that size). Throws Error: `usage` for unknown names, `input` for a wrong file, `unsupported`
/// when the array is larger than the device.
[[nodiscard]] ChosenDevice choose_device(const std::string& array, const std::string& device);

/// The device of an experiment's `array`: "4x4", "aie2:4x4" or a device's name. Its external memory
/// is `ddr_slowdown` times slower than what its shims (and its memory) can move, in the estimators
/// as in the event model; 1: as the device is. Throws Error(usage).
[[nodiscard]] ChosenDevice choose_array(const std::string& array, double ddr_slowdown = 1.0);

/// The device that choose_device() described. Throws Error(input).
[[nodiscard]] aie::Device device_of_text(const std::string& text);

}  // namespace wbs::apps
