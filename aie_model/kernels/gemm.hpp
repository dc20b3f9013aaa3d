// Cycles of matrix products on one core, by the schedule of the kernel that does them.
#pragma once

#include <cstdint>
#include <string_view>

#include "aie_model/device.hpp"
#include "aie_model/kernels/core_facts.hpp"
#include "aie_model/kernels/kernel_call.hpp"

namespace wbs::aie {

/// A static VLIW schedule: outputs in tiles held by accumulators, an inner loop over k.
struct GemmSchedule {
  std::string_view name;
  std::int64_t tile_m = 0, tile_n = 0;  ///< outputs of a tile
  std::int64_t tile_k = 8;              ///< of one iteration
  double iteration = 0;                 ///< bundles of one iteration plus its bank conflicts
  double tile = 0;                      ///< cycles of a tile outside its inner loop
  double call = 0;                      ///< cycles of a call outside its tiles
  double stack_pairs = 0;  ///< bundles of a tile that access C and the stack: 1 cycle more if both
                           ///< lie in one bank
};

/// How a kernel treats its output tile C.
struct OutputUse {
  bool read = true;           ///< sums over k continue from an earlier call
  bool store_hidden = false;  ///< stores run beside the next tile's multiplications
};

/// Cycles of m x k by k x n; sizes that no tile divides are rounded up.
[[nodiscard]] double schedule_cycles(const GemmSchedule& schedule, std::int64_t m, std::int64_t k,
                                     std::int64_t n, bool c_in_stack_bank = false) noexcept;

/// A software-pipelined kernel derived from the core's facts alone. Tile: 2 x 2 operands of int8, 4
/// x 4 of bf16 (mlir-aie mm.cc's bf16 tile; 16 fp32 accumulators). An iteration is bound by its
/// multiply-accumulates or its loads; a tile adds the latency of the last one, and C's words, each
/// read by the one load unit that reaches accumulators and stored by the one store unit.
[[nodiscard]] GemmSchedule pipelined_gemm(const CoreFacts& facts, GemmTypes types,
                                          OutputUse output = {}) noexcept;

/// mlir-aie's mm.cc as compiled by Peano for AIE2 (see README.md for its two calibrated constants).
[[nodiscard]] GemmSchedule peano_gemm(bool bf16) noexcept;

/// Cycles of one call of the pipelined kernel on a core of the device.
[[nodiscard]] double single_core_gemm_cycles(std::int64_t m, std::int64_t k, std::int64_t n,
                                             GemmTypes types, const Device& device) noexcept;

/// Multiply-accumulates that a core of the device can do per cycle with these types: bf16 half of
/// int8 (AIE2: AM020 table 7; AIE2P: an assumption).
[[nodiscard]] std::int64_t peak_macs(GemmTypes types, const Device& device) noexcept;

}  // namespace wbs::aie
