#include "aie_model/kernels/gemm.hpp"

#include <algorithm>
#include <cmath>

namespace wbs::aie {
namespace {

constexpr std::int64_t kSide = 8;

std::int64_t up(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

std::int64_t output_bytes(GemmTypes types) {
  switch (types) {
    case GemmTypes::i8_i8:
      return 1;
    case GemmTypes::i8_i16:
    case GemmTypes::bf16_bf16:
      return 2;
    case GemmTypes::i8_i32:
      return 4;
  }
  return 1;
}

// mm.cc keeps 16 accumulators of 512 bits in a tile: int8 4 x 2 of 1024 bits, bf16 4 x 4 of 512.
constexpr double kPeanoAccumulators = 16;
// Cycles of reading, converting, storing C and of restarting the loop, per accumulator of 512 bits.
// Calibrated on the int8 64x64x64 row; the same for both types and all sizes.
constexpr double kPeanoPerAccumulator = 5.2;
// 8 multiply-accumulates in 9 bundles and one bank conflict (measured: ignite).
constexpr double kPeanoInt8Iteration = 9 + 1;
// 16 multiply-accumulates. Calibrated on the bf16 64x64x64 row: no static schedule is published.
constexpr double kPeanoBf16Iteration = 32;
// 48 conflicts predicted from the object code for the 4 tiles of 32x64x32 (ignite B4).
constexpr double kPeanoStackPairs = 12;

}  // namespace

CoreFacts core_facts(const Device& device) noexcept {
  CoreFacts facts;
  facts.rows = std::max<std::int64_t>(1, device.macs_per_cycle / (kSide * kSide));
  if (device.macs_per_cycle >= 512) {
    facts.access_bytes = 64;
    facts.accumulators = 4;
  }
  return facts;
}

double schedule_cycles(const GemmSchedule& schedule, std::int64_t m, std::int64_t k, std::int64_t n,
                       bool c_in_stack_bank) noexcept {
  const auto tiles = static_cast<double>(up(m, schedule.tile_m) * up(n, schedule.tile_n));
  const auto iterations = static_cast<double>(up(k, schedule.tile_k));
  const double conflicts = c_in_stack_bank ? schedule.stack_pairs : 0;
  return schedule.call + tiles * (schedule.tile + conflicts + iterations * schedule.iteration);
}

GemmSchedule pipelined_gemm(const CoreFacts& facts, GemmTypes types, OutputUse output) noexcept {
  const bool bf16 = types == GemmTypes::bf16_bf16;
  const std::int64_t columns = bf16 ? kSide / 2 : kSide;  // of one operand
  const std::int64_t side = bf16 ? 4 : 2;                 // operands of a tile
  const std::int64_t element = bf16 ? 2 : 1;
  const std::int64_t words = side * (up(facts.rows * kSide * element, facts.access_bytes) +
                                     up(kSide * columns * element, facts.access_bytes));
  GemmSchedule schedule{.name = "pipelined", .tile_m = side * facts.rows, .tile_n = side * columns};
  schedule.iteration = static_cast<double>(std::max(side * side, up(words, facts.load_units)));
  const std::int64_t tile_bytes = schedule.tile_m * schedule.tile_n * output_bytes(types);
  const std::int64_t passes = (output.read ? 1 : 0) + (output.store_hidden ? 0 : 1);
  const std::int64_t drain = (bf16 ? facts.latency_bf16 : facts.latency_int8) - 1;
  schedule.tile = static_cast<double>(drain + passes * up(tile_bytes, facts.access_bytes));
  schedule.call = static_cast<double>(facts.call);
  return schedule;
}

GemmSchedule peano_gemm(bool bf16) noexcept {
  return {.name = bf16 ? "mm.cc bf16 (Peano)" : "mm.cc int8 (Peano)",
          .tile_m = 16,
          .tile_n = 16,
          .tile_k = 8,
          .iteration = bf16 ? kPeanoBf16Iteration : kPeanoInt8Iteration,
          .tile = kPeanoAccumulators * kPeanoPerAccumulator,
          .call = static_cast<double>(CoreFacts{}.call),
          .stack_pairs = bf16 ? 0 : kPeanoStackPairs};
}

double single_core_gemm_cycles(std::int64_t m, std::int64_t k, std::int64_t n, GemmTypes types,
                               const Device& device) noexcept {
  return schedule_cycles(pipelined_gemm(core_facts(device), types), m, k, n);
}

std::int64_t peak_macs(GemmTypes types, const Device& device) noexcept {
  return types == GemmTypes::bf16_bf16 ? device.macs_per_cycle / 2 : device.macs_per_cycle;
}

}  // namespace wbs::aie
