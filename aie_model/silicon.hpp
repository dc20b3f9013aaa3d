// Limits and times of the hardware below a Device: what the checker enforces and the machine
// charges.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace wbs::aie {

/// What one kind of tile offers. Sources: AM020 (chapters 2, 3, 5), mlir-aie's AIETargetModel.
struct TileLimits {
  std::int64_t memory_bytes = 0;
  std::int64_t bank_bytes = 0;
  std::int32_t mm2s_channels = 0, s2mm_channels = 0;
  std::int32_t descriptors = 0;
  bool split_descriptors = false;  ///< even channels use the lower half, odd ones the upper half
  std::int32_t dimensions = 0;     ///< of a descriptor, iteration not counted
  std::int64_t max_words = 0;      ///< of a descriptor
  std::int64_t max_count = 0;      ///< of a dimension but the outermost, which the words end
  std::int64_t max_stride = 0;     ///< of a dimension, words; steps are at least 1
  std::int32_t max_iteration = 0;
  std::int32_t locks = 0;
  std::int32_t max_lock = 63;
  /// Ports of the stream switch: masters and slaves towards north, south, east, west.
  std::array<std::int32_t, 4> masters{}, slaves{};
  /// Zero words before and, as many, after a pass of loop 0, 1, 2; all 0: no padding.
  std::array<std::int32_t, 3> max_padding{};
};

/// Times in cycles, each with its source; measured ones are from open measurements of Phoenix.
struct SiliconTimes {
  double words_per_cycle = 1.0;       ///< of a stream (AM020; measured 1.000061 cycles/word)
  std::int32_t stream_intercept = 8;  ///< fixed cost of a Memtile -> core transfer (measured)
  std::int32_t hop = 2;               ///< per switch passed (measured)
  std::int32_t lock = 1;              ///< per completed acquire or release (measured)
  std::int32_t shim_mm2s_task = 287;  ///< per task (measured 249 to 325)
  std::int32_t shim_s2mm_task = 174;  ///< per task (measured 168 to 179)
  std::int32_t shim_mm2s_cold = 750;  ///< first task of a channel in a program (measured)
  std::int32_t shim_s2mm_cold = 255;  ///< (measured 170 to 341)
  /// What external memory is charged for at least, per contiguous run of a read: the longest burst
  /// of a shim (AM020 chapter 3). That shorter runs do not share bursts is an assumption; writes
  /// are taken to be combined. Held to StB's GEMM with runs of 112 bytes (compiler/gemm/README.md).
  std::int32_t dram_burst_bytes = 256;
  double reconfigure_words_per_cycle = 1.0;  ///< control words into one column
  std::int32_t reconfigure_fixed = 100;      ///< per step; an assumption, not measured
};

/// Everything below the level of a Device.
struct Silicon {
  TileLimits shim, memtile, core;
  SiliconTimes times;
  /// External memory, each direction for itself; 0: only the shims limit. Reads and writes do not
  /// share it: a copy on Phoenix moved 28.1 GB/s both ways at once, and 26 to 28 GB/s is the cap of
  /// either direction alone (measured: ignite 1.6, at 1.8 GHz).
  double dram_bytes_per_cycle = 0.0;
  std::vector<std::int32_t> shim_columns;  ///< columns whose shim reaches DDR; empty: all
  std::int64_t program_bytes = 16384;
  std::int32_t stack_bytes = 1024;  ///< the last bytes of a core's data memory
};

/// AIE2 tiles without a limit on external memory; every column's shim reaches it.
[[nodiscard]] Silicon aie2_silicon();

/// One sentence for each thing that is wrong with `silicon` in an array of `columns`.
[[nodiscard]] std::vector<std::string> problems(const Silicon& silicon, std::int64_t columns);

}  // namespace wbs::aie
