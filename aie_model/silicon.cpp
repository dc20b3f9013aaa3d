#include "aie_model/silicon.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string_view>

namespace wbs::aie {
namespace {

/// AM020 chapter 3: 16 descriptors with three dimensions, 32-bit streams. Field widths as
/// mlir-aie checks them: counts 10 bits, strides 20 bits, iteration 6 bits.
TileLimits shim_limits() {
  TileLimits limits;
  limits.mm2s_channels = 2;
  limits.s2mm_channels = 2;
  limits.descriptors = 16;
  limits.dimensions = 3;
  limits.max_words = std::int64_t{1} << 30;
  limits.max_count = 1023;
  limits.max_stride = std::int64_t{1} << 20;
  limits.max_iteration = 64;
  limits.locks = 16;
  limits.masters = {6, 6, 4, 4};
  limits.slaves = {4, 8, 4, 4};
  return limits;
}

/// AM020 chapter 5: 16 banks of 32 KiB, 48 descriptors of which a channel reaches half. Counts 10
/// bits, strides 17 bits; zeros before and after loops 0, 1, 2 in 6, 5, 4 bits.
TileLimits memtile_limits() {
  TileLimits limits;
  limits.memory_bytes = 524288;
  limits.bank_bytes = 32768;
  limits.mm2s_channels = 6;
  limits.s2mm_channels = 6;
  limits.descriptors = 48;
  limits.split_descriptors = true;
  limits.dimensions = 4;
  limits.max_words = (std::int64_t{1} << 17) - 1;
  limits.max_count = 1023;
  limits.max_stride = std::int64_t{1} << 17;
  limits.max_iteration = 64;
  limits.locks = 64;
  limits.masters = {6, 4, 0, 0};
  limits.slaves = {4, 6, 0, 0};
  limits.max_padding = {63, 31, 15};
  return limits;
}

/// AM020 chapter 2: 64 KiB in four banks as a program sees them (each two interleaved physical
/// ones), 16 descriptors. Counts 8 bits, strides 13 bits.
TileLimits core_limits() {
  TileLimits limits;
  limits.memory_bytes = 65536;
  limits.bank_bytes = 16384;
  limits.mm2s_channels = 2;
  limits.s2mm_channels = 2;
  limits.descriptors = 16;
  limits.dimensions = 3;
  limits.max_words = (std::int64_t{1} << 14) - 1;
  limits.max_count = 255;
  limits.max_stride = std::int64_t{1} << 13;
  limits.max_iteration = 64;
  limits.locks = 16;
  limits.masters = {6, 4, 4, 4};
  limits.slaves = {4, 6, 4, 4};
  return limits;
}

class Problems {
 public:
  void at_least(double value, double least, std::string_view what) {
    if (!(value >= least)) {
      found.push_back(fmt::format("{} is {}, expected at least {}", what, value, least));
    }
  }
  void positive(double value, std::string_view what) {
    if (!(value > 0)) found.push_back(fmt::format("{} is {}, expected more than 0", what, value));
  }
  std::vector<std::string> found;
};

void check_tile(Problems& problems, std::string_view kind, const TileLimits& tile) {
  const auto name = [&](std::string_view what) { return fmt::format("{}.{}", kind, what); };
  const auto number = [](std::int64_t value) { return static_cast<double>(value); };
  if (kind != "shim") {
    problems.positive(number(tile.memory_bytes), name("memory_bytes"));
    problems.positive(number(tile.bank_bytes), name("bank_bytes"));
    if (tile.bank_bytes > 0 && tile.memory_bytes % tile.bank_bytes != 0) {
      problems.found.push_back(fmt::format("{} is {}, expected a whole number of banks of {}",
                                           name("memory_bytes"), tile.memory_bytes,
                                           tile.bank_bytes));
    }
  }
  problems.positive(tile.mm2s_channels, name("mm2s_channels"));
  problems.positive(tile.s2mm_channels, name("s2mm_channels"));
  problems.positive(tile.descriptors, name("descriptors"));
  if (tile.split_descriptors && tile.descriptors % 2 != 0) {
    problems.found.push_back(fmt::format("{} is {}, expected an even number to split",
                                         name("descriptors"), tile.descriptors));
  }
  problems.positive(tile.dimensions, name("dimensions"));
  problems.positive(number(tile.max_words), name("max_words"));
  problems.positive(number(tile.max_count), name("max_count"));
  problems.positive(number(tile.max_stride), name("max_stride"));
  problems.positive(tile.max_iteration, name("max_iteration"));
  problems.positive(tile.locks, name("locks"));
  problems.positive(tile.max_lock, name("max_lock"));
  for (const auto& ports : {tile.masters, tile.slaves}) {
    problems.at_least(*std::min_element(ports.begin(), ports.end()), 0, name("ports"));
  }
  problems.at_least(*std::min_element(tile.max_padding.begin(), tile.max_padding.end()), 0,
                    name("max_padding"));
}

}  // namespace

Silicon aie2_silicon() {
  Silicon silicon;
  silicon.shim = shim_limits();
  silicon.memtile = memtile_limits();
  silicon.core = core_limits();
  return silicon;
}

std::vector<std::string> problems(const Silicon& silicon, std::int64_t columns) {
  Problems problems;
  check_tile(problems, "shim", silicon.shim);
  check_tile(problems, "memtile", silicon.memtile);
  check_tile(problems, "core", silicon.core);
  const SiliconTimes& times = silicon.times;
  problems.positive(times.words_per_cycle, "times.words_per_cycle");
  problems.positive(times.reconfigure_words_per_cycle, "times.reconfigure_words_per_cycle");
  problems.at_least(times.stream_intercept, 0, "times.stream_intercept");
  problems.at_least(times.hop, 0, "times.hop");
  problems.at_least(times.lock, 0, "times.lock");
  problems.at_least(times.shim_mm2s_task, 0, "times.shim_mm2s_task");
  problems.at_least(times.shim_s2mm_task, 0, "times.shim_s2mm_task");
  problems.at_least(times.shim_mm2s_cold, 0, "times.shim_mm2s_cold");
  problems.at_least(times.shim_s2mm_cold, 0, "times.shim_s2mm_cold");
  problems.at_least(times.reconfigure_fixed, 0, "times.reconfigure_fixed");
  problems.at_least(silicon.dram_bytes_per_cycle, 0, "dram_bytes_per_cycle");
  problems.positive(static_cast<double>(silicon.program_bytes), "program_bytes");
  problems.at_least(silicon.stack_bytes, 0, "stack_bytes");
  if (silicon.stack_bytes >= silicon.core.memory_bytes) {
    problems.found.push_back(
        fmt::format("stack_bytes is {}, expected less than core.memory_bytes "
                    "= {}",
                    silicon.stack_bytes, silicon.core.memory_bytes));
  }
  const auto& shims = silicon.shim_columns;
  if (std::adjacent_find(shims.begin(), shims.end(), std::greater_equal<>()) != shims.end()) {
    problems.found.emplace_back("shim_columns are not ascending, expected each column once");
  }
  for (const std::int32_t column : silicon.shim_columns) {
    if (column < 0 || column >= columns) {
      problems.found.push_back(
          fmt::format("shim_columns has {}, expected 0 to {}", column, columns - 1));
    }
  }
  return problems.found;
}

}  // namespace wbs::aie
