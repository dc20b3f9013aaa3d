#include "aie_model/silicon.hpp"

#include <fmt/format.h>

#include <string_view>

namespace wbs::aie {
namespace {

/// AM020 chapter 3; mlir-aie AIETargetModel (wraps, strides); 128-bit AXI to the NoC.
TileLimits shim_limits() {
  TileLimits limits;
  limits.mm2s_channels = limits.s2mm_channels = 2;
  limits.descriptors = 16;
  limits.dimensions = 3;
  limits.max_words = std::int64_t{1} << 30;
  limits.max_count = 1023;
  limits.max_stride = 1 << 20;
  limits.max_iteration = 64;
  limits.locks = 16;
  limits.masters = {6, 0, 4, 4};
  limits.slaves = {4, 0, 4, 4};
  return limits;
}

/// AM020 chapter 5: 16 physical banks of 32 KB; 24 descriptors for even channels, 24 for odd ones.
TileLimits memtile_limits() {
  TileLimits limits;
  limits.memory_bytes = 524288;
  limits.bank_bytes = 32768;
  limits.mm2s_channels = limits.s2mm_channels = 6;
  limits.descriptors = 48;
  limits.split_descriptors = true;
  limits.dimensions = 4;
  limits.max_words = (1 << 17) - 1;
  limits.max_count = 1023;
  limits.max_stride = 1 << 17;
  limits.max_iteration = 64;
  limits.locks = 64;
  limits.masters = {6, 4, 0, 0};
  limits.slaves = {4, 6, 0, 0};
  return limits;
}

/// AM020 chapters 2 and 4: 4 banks of 16 KB in the programmer's view.
TileLimits core_limits() {
  TileLimits limits;
  limits.memory_bytes = 65536;
  limits.bank_bytes = 16384;
  limits.mm2s_channels = limits.s2mm_channels = 2;
  limits.descriptors = 16;
  limits.dimensions = 3;
  limits.max_words = (1 << 14) - 1;
  limits.max_count = 255;
  limits.max_stride = 1 << 13;
  limits.max_iteration = 64;
  limits.locks = 16;
  limits.masters = {6, 4, 4, 4};
  limits.slaves = {4, 6, 4, 4};
  return limits;
}

void check_tile(std::string_view name, const TileLimits& limits, bool memory,
                std::vector<std::string>& problems) {
  const auto positive = [&](std::int64_t value, std::string_view what) {
    if (value <= 0) {
      problems.push_back(fmt::format("{}.{} is {}, expected more than 0", name, what, value));
    }
  };
  if (memory) {
    positive(limits.memory_bytes, "memory_bytes");
    positive(limits.bank_bytes, "bank_bytes");
  }
  positive(limits.mm2s_channels, "mm2s_channels");
  positive(limits.s2mm_channels, "s2mm_channels");
  positive(limits.descriptors, "descriptors");
  positive(limits.dimensions, "dimensions");
  positive(limits.max_words, "max_words");
  positive(limits.max_count, "max_count");
  positive(limits.max_stride, "max_stride");
  positive(limits.max_iteration, "max_iteration");
  positive(limits.locks, "locks");
  positive(limits.max_lock, "max_lock");
}

}  // namespace

Silicon aie_ml_silicon() {
  Silicon silicon;
  silicon.shim = shim_limits();
  silicon.memtile = memtile_limits();
  silicon.core = core_limits();
  return silicon;
}

std::vector<std::string> problems_of(const Silicon& silicon, std::int64_t columns) {
  std::vector<std::string> problems;
  check_tile("shim", silicon.shim, false, problems);
  check_tile("memtile", silicon.memtile, true, problems);
  check_tile("core", silicon.core, true, problems);
  if (silicon.times.words_per_cycle <= 0) {
    problems.push_back(fmt::format("times.words_per_cycle is {}, expected more than 0",
                                   silicon.times.words_per_cycle));
  }
  if (silicon.times.reconfigure_words_per_cycle <= 0) {
    problems.push_back(fmt::format("times.reconfigure_words_per_cycle is {}, expected more than 0",
                                   silicon.times.reconfigure_words_per_cycle));
  }
  if (silicon.dram_bytes_per_cycle < 0) {
    problems.push_back(fmt::format("dram_bytes_per_cycle is {}, expected 0 (no limit) or more",
                                   silicon.dram_bytes_per_cycle));
  }
  for (const std::int32_t column : silicon.shim_columns) {
    if (column < 0 || column >= columns) {
      problems.push_back(fmt::format("shim_columns has {}, expected 0 to {}", column, columns - 1));
    }
  }
  if (silicon.program_bytes <= 0 || silicon.stack_bytes < 0) {
    problems.push_back("program_bytes must be positive and stack_bytes not negative");
  }
  return problems;
}

}  // namespace wbs::aie
