#include "aie_model/device.hpp"

#include <fmt/format.h>

#include <utility>

#include "core/text.hpp"

namespace wbs::aie {
namespace {

constexpr std::int64_t kMaxSide = 64;

Device physical(std::string name, std::int64_t columns, std::int64_t rows, std::string source) {
  Device device = aie2_array(columns, rows);
  device.name = std::move(name);
  device.source = std::move(source);
  return device;
}

/// Physical arrays. Only parameters that differ from the abstract array are set; clock is the
/// target clock, the estimators' bandwidths stay those of the abstract model (4 bytes per cycle and
/// channel). External memory: effective bandwidth in matrix products with DDR5-5600 (arXiv
/// 2512.13282, section 5.2.1); no such figure is known for the Versal boards, so their shims limit.
/// Columns with shims: mlir-aie AIETargetModel.
std::vector<Device> named_devices() {
  std::vector<Device> devices;
  Device npu1 = physical("npu1", 4, 4,
                         "Phoenix/Hawk Point, 4x4 usable of 5x4 cores, one Memtile a column; "
                         "clock 1 GHz, DRAM 15 GB/s (arXiv 2512.13282); mlir-aie AIETargetModel");
  npu1.silicon.dram_bytes_per_cycle = 15e9 / npu1.clock_hz;
  devices.push_back(std::move(npu1));
  Device npu2 = physical("npu2", 8, 4,
                         "Strix/Krackan (AIE2P), 8x4 cores, 512 int8 MAC/cycle, 8x8x8 operand, "
                         "1.8 GHz, DRAM 50 GB/s (arXiv 2512.13282); mlir-aie AIETargetModel");
  npu2.clock_hz = 1.8e9;
  npu2.macs_per_cycle = 512;
  npu2.silicon.dram_bytes_per_cycle = 50e9 / npu2.clock_hz;
  devices.push_back(std::move(npu2));
  Device ve2302 = physical("ve2302", 17, 2,
                           "Versal VE2302, 34 cores, 17 Memtiles; mlir-aie AIETargetModel; clock "
                           "1 GHz for -1L (AM020 chapter 1)");
  ve2302.silicon.shim_columns = {2, 3, 6, 7, 10, 11};
  devices.push_back(std::move(ve2302));
  Device ve2802 = physical("ve2802", 38, 8,
                           "Versal VE2802 (VEK280, V70), 304 cores, 76 Memtiles in two rows; "
                           "mlir-aie AIETargetModel; clock 1 GHz for -1L (AM020 chapter 1)");
  ve2802.memtiles_per_column = 2;
  ve2802.memtile_bytes *= ve2802.memtiles_per_column;
  ve2802.silicon.shim_columns = {2, 3, 6, 7, 14, 15, 22, 23, 30, 31, 34, 35};
  devices.push_back(std::move(ve2802));
  return devices;
}

void require(std::vector<std::string>& problems, bool good, std::string sentence) {
  if (!good) problems.push_back(std::move(sentence));
}

}  // namespace

std::vector<std::string> Device::validate() const {
  std::vector<std::string> problems;
  const auto positive = [&](auto value, std::string_view what) {
    require(problems, value > 0, fmt::format("{} is {}, expected more than 0", what, value));
  };
  require(problems, !name.empty(), "name is empty");
  require(problems, columns >= 1 && columns <= kMaxSide,
          fmt::format("columns is {}, expected 1 to {}", columns, kMaxSide));
  require(problems, rows >= 1 && rows <= kMaxSide,
          fmt::format("rows is {}, expected 1 to {}", rows, kMaxSide));
  positive(clock_hz, "clock_hz");
  positive(macs_per_cycle, "macs_per_cycle");
  positive(operand, "operand");
  positive(core_memory, "core_memory");
  positive(memtile_bytes, "memtile_bytes");
  positive(memtiles_per_column, "memtiles_per_column");
  positive(ddr_channels, "ddr_channels");
  positive(core.input_each, "core.input_each");
  positive(core.output_each, "core.output_each");
  positive(core.weights, "core.weights");
  require(problems, core.misc >= 0, fmt::format("core.misc is {}, expected 0 or more", core.misc));
  const std::int64_t used = 2 * core.input_each + 2 * core.output_each + core.weights + core.misc;
  require(problems, used <= core_memory,
          fmt::format("the core's buffers take {} bytes, expected at most core_memory = {}", used,
                      core_memory));
  positive(load_bandwidth, "load_bandwidth");
  positive(loadw_bandwidth, "loadw_bandwidth");
  positive(write_bandwidth, "write_bandwidth");
  positive(loadfm_bandwidth, "loadfm_bandwidth");
  positive(loadwm_bandwidth, "loadwm_bandwidth");
  positive(writefm_bandwidth, "writefm_bandwidth");
  require(problems, silicon.core.memory_bytes == core_memory,
          fmt::format("core.memory_bytes is {}, expected core_memory = {}",
                      silicon.core.memory_bytes, core_memory));
  require(problems, silicon.memtile.memory_bytes * memtiles_per_column == memtile_bytes,
          fmt::format("memtile.memory_bytes is {}, expected memtile_bytes / memtiles_per_column = "
                      "{} / {}",
                      silicon.memtile.memory_bytes, memtile_bytes, memtiles_per_column));
  for (std::string& sentence : aie::problems(silicon, columns)) {
    problems.push_back(std::move(sentence));
  }
  return problems;
}

Device aie2_array(std::int64_t columns, std::int64_t rows) {
  Device device;
  device.name = fmt::format("aie2:{}x{}", columns, rows);
  device.source =
      "Weight Block Sparsity (arXiv 2407.09453): 1 GHz, 256 MAC/cycle, one 512 KiB Memtile a "
      "column, 4 GiB/s a lane (the logged events divide by 2^30)";
  device.columns = columns;
  device.rows = rows;
  device.silicon = aie2_silicon();
  return device;
}

Result<Device> find_device(std::string_view name) {
  constexpr std::string_view kPrefix = "aie2:";
  if (name.starts_with(kPrefix)) {
    const auto sides = split(name.substr(kPrefix.size()), 'x');
    const auto columns = sides.size() == 2 ? parse_integer(sides[0]) : std::nullopt;
    const auto rows = sides.size() == 2 ? parse_integer(sides[1]) : std::nullopt;
    if (!columns || !rows) {
      return refusal(fmt::format(
          "device '{}' has no size: expected aie2:COLUMNSxROWS, for example aie2:4x4", name));
    }
    Device device = aie2_array(*columns, *rows);
    const auto problems = device.validate();
    if (!problems.empty()) {
      return refusal(fmt::format("device '{}': {}", name, fmt::join(problems, "; ")));
    }
    return device;
  }
  std::vector<std::string> names;
  for (Device& device : named_devices()) {
    if (device.name == name) return std::move(device);
    names.push_back(device.name);
  }
  return refusal(fmt::format("unknown device '{}'{}: expected aie2:COLUMNSxROWS or one of {}", name,
                             suggestion(name, names), fmt::join(names, ", ")));
}

std::vector<Device> list_devices() {
  std::vector<Device> devices;
  for (std::int64_t side = 2; side <= 8; ++side) devices.push_back(aie2_array(side, side));
  for (Device& device : named_devices()) devices.push_back(std::move(device));
  return devices;
}

}  // namespace wbs::aie
