#include "apps/aie/device_choice.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "apps/aie/device_keys.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "harness/toml_json.hpp"

namespace wbs::apps {
namespace {

using nlohmann::json;

struct Size {
  std::int64_t columns = 0, rows = 0;
};

Size parse_size(const std::string& array) {
  const std::vector<std::string_view> sides = split(array, 'x');
  const std::int64_t columns = sides.size() == 2 ? parse_integer(sides[0]).value_or(0) : 0;
  const std::int64_t rows = sides.size() == 2 ? parse_integer(sides[1]).value_or(0) : 0;
  if (columns < 1 || rows < 1) {
    throw Error(
        ErrorKind::usage,
        fmt::format("array '{}' is no size: expected COLUMNSxROWS, for example 4x4", array));
  }
  return {columns, rows};
}

/// The first columns and rows of `device`.
aie::Device part_of(aie::Device device, Size size) {
  if (size.columns > device.columns || size.rows > device.rows) {
    throw Error(
        ErrorKind::unsupported,
        fmt::format("array {}x{} is larger than device {}, which has {} columns of {} cores",
                    size.columns, size.rows, device.name, device.columns, device.rows));
  }
  if (size.columns == device.columns && size.rows == device.rows) return device;
  device.name += fmt::format(":{}x{}", size.columns, size.rows);
  device.columns = size.columns;
  device.rows = size.rows;
  std::vector<std::int32_t>& shims = device.silicon.shim_columns;
  const bool some = !shims.empty();
  std::erase_if(shims, [&](std::int32_t column) { return column >= size.columns; });
  if (some && shims.empty()) {
    throw Error(ErrorKind::unsupported,
                fmt::format("device {}: none of its first {} columns has a shim that reaches DDR",
                            device.name, size.columns));
  }
  return device;
}

void require_valid(const aie::Device& device) {
  const std::vector<std::string> problems = device.validate();
  if (problems.empty()) return;
  throw Error(ErrorKind::input,
              fmt::format("device {}: {}", device.name, fmt::join(problems, "; ")));
}

/// The device of {"base": name, "values": what a file sets, "array": size}.
aie::Device device_of(const json& description) {
  const auto base = description.at("base").get<std::string>();
  aie::Device device = value_or_throw(aie::find_device(base), ErrorKind::usage);
  if (const json& values = description.at("values"); !values.empty()) {
    device.name += "+";  // no longer the device of that name, unless the file gives another
    device.source = "device file on the base of " + base;
    set_device_values(values, device);
  }
  require_valid(device);
  const auto array = description.at("array").get<std::string>();
  if (!array.empty()) device = part_of(std::move(device), parse_size(array));
  return device;
}

/// The description that a device file gives.
json describe_file(const std::string& path, const std::string& array) {
  json values = harness::read_toml(path);
  if (!values.contains("base") || !values["base"].is_string()) {
    throw Error(
        ErrorKind::input,
        fmt::format("{}: needs base = \"NAME\", the device whose numbers it changes", path));
  }
  const auto base = values["base"].get<std::string>();
  values.erase("base");
  return {{"base", base}, {"values", std::move(values)}, {"array", array}};
}

}  // namespace

ChosenDevice choose_device(const std::string& array, const std::string& device) {
  json description{{"base", device}, {"values", json::object()}, {"array", array}};
  if (device.empty()) {
    // A device's name is an array too.
    if (aie::find_device(array).has_value()) return choose_device("", array);
    const Size size = parse_size(array);
    description["base"] = fmt::format("aie2:{}x{}", size.columns, size.rows);
    description["array"] = "";
  }
  if (!device.ends_with(".toml")) return {device_of(description), description.dump()};
  description = describe_file(device, array);
  try {
    return {device_of(description), description.dump()};
  } catch (const Error& error) {
    const ErrorKind kind = error.kind() == ErrorKind::unsupported ? error.kind() : ErrorKind::input;
    throw Error(kind, fmt::format("{}: {}", device, error.what()));
  }
}

ChosenDevice choose_array(const std::string& array, double ddr_slowdown) {
  const bool is_size = !array.empty() && array[0] >= '0' && array[0] <= '9';
  ChosenDevice chosen = is_size ? choose_device(array, "") : choose_device("", array);
  if (ddr_slowdown == 1.0) return chosen;
  const aie::Device& d = chosen.device;
  const double shims =
      4 * d.silicon.times.words_per_cycle * static_cast<double>(d.columns * d.ddr_channels);
  const double memory = d.silicon.dram_bytes_per_cycle;
  json description = json::parse(chosen.text);
  description["values"] = {
      {"name", fmt::format("{} with {} times slower DDR", d.name, ddr_slowdown)},
      {"load_bandwidth", d.load_bandwidth / ddr_slowdown},
      {"loadw_bandwidth", d.loadw_bandwidth / ddr_slowdown},
      {"write_bandwidth", d.write_bandwidth / ddr_slowdown},
      {"silicon", {{"dram_bytes_per_cycle", (memory > 0 ? memory : shims) / ddr_slowdown}}}};
  return {device_of(description), description.dump()};
}

aie::Device device_of_text(const std::string& text) {
  try {
    return device_of(json::parse(text));
  } catch (const json::exception&) {
    throw Error(ErrorKind::input,
                fmt::format("the program's device '{}' is no description of a device", text));
  }
}

}  // namespace wbs::apps
