// Descriptions of AIE2 arrays: what the compiler and the estimators know of the hardware.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aie_model/silicon.hpp"
#include "core/error.hpp"

namespace wbs::aie {

/// How a core's data memory is divided (bytes).
struct CorePartition {
  std::int64_t input_each = 8192;   ///< one of the two ping/pong input buffers
  std::int64_t output_each = 8192;  ///< one of the two ping/pong output buffers
  std::int64_t weights = 16384;
  std::int64_t misc = 1024;
};

/// A named array with all its parameters. A value: copy it, change it, validate() it.
struct Device {
  std::string name;    ///< as in an experiment file: "aie2:4x4", "npu1"
  std::string source;  ///< where the numbers come from
  std::int64_t columns = 0;
  std::int64_t rows = 0;  ///< cores of one column
  double clock_hz = 1e9;
  std::int64_t macs_per_cycle = 256;  ///< int8 multiply-accumulates of one core
  std::int64_t operand = 8;           ///< side of the weight operand of one MAC instruction
  std::int64_t core_memory = 65536;
  CorePartition core;
  std::int64_t memtile_bytes = 524288;  ///< of a column: all its Memtiles together
  std::int64_t memtiles_per_column = 1;
  std::int64_t ddr_channels = 2;  ///< per Memtile and direction
  // Bytes per second of each lane, per Memtile.
  double load_bandwidth = 4294967296.0;     ///< DDR -> Memtile, activations
  double loadw_bandwidth = 4294967296.0;    ///< DDR -> Memtile, weights
  double write_bandwidth = 4294967296.0;    ///< Memtile -> DDR
  double loadfm_bandwidth = 4294967296.0;   ///< Memtile -> cores of a column, activations
  double loadwm_bandwidth = 4294967296.0;   ///< Memtile -> cores of a row, weights
  double writefm_bandwidth = 4294967296.0;  ///< cores -> Memtile
  Silicon silicon;                          ///< what programs are checked against and timed by

  [[nodiscard]] std::int64_t cores() const { return columns * rows; }

  /// Empty when the description is usable; otherwise one sentence for each thing that is wrong.
  [[nodiscard]] std::vector<std::string> validate() const;
};

/// The abstract array of the Weight Block Sparsity paper with `columns` x `rows` cores.
[[nodiscard]] Device aie2_array(std::int64_t columns, std::int64_t rows);

/// The device of that name: "aie2:COLUMNSxROWS" of any size, or one of list_devices(); otherwise
/// the reason, with the names that exist.
[[nodiscard]] Result<Device> find_device(std::string_view name);

/// The devices with a name of their own, and the seven square arrays of the published table.
[[nodiscard]] std::vector<Device> list_devices();

}  // namespace wbs::aie
