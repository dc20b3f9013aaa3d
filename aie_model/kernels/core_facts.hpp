// What the cost model knows of a core: every constant of it, with its source.
#pragma once

#include <cstdint>

#include "aie_model/device.hpp"

namespace wbs::aie {

/// A core's VLIW machine. A bundle issues at most two loads, one store, one multiply-accumulate and
/// one vector move per cycle (UG1603, AM020 chapter 4); the cycles of a hardware loop are the
/// bundles of its body, plus 1 for each bundle with two accesses to one bank (measured: ignite).
struct CoreFacts {
  /// Rows (pixels) of the int8 operand: 4x8x8 on AIE2 (aie_api mmul_8_8.hpp), 8x8x8 on AIE2P.
  std::int64_t rows = 4;
  /// Loads per cycle (AM020 chapter 4). Only one of them can write accumulators (AM020).
  std::int64_t load_units = 2;
  /// Bytes of a load or store: 256 bits on AIE2 (AM020 chapter 4). 512 bits on AIE2P: an
  /// assumption; the XDNA2 rows of StB table 1 fit it and not 256.
  std::int64_t access_bytes = 32;
  /// Accumulators that a tile of a convolution fills. AIE2: 8 of cm0..cm8 (measured: ignite).
  /// AIE2P: 4; an assumption.
  std::int64_t accumulators = 8;
  /// Bundles from a load to its use (measured: ignite, Peano's tables).
  std::int64_t load_to_use = 7;
  /// Bundles from a multiply-accumulate to its result (measured: ignite B1).
  std::int64_t latency_int8 = 5, latency_bf16 = 6;
  /// Bundles between two int8 multiply-accumulates into one accumulator (measured: ignite B1).
  std::int64_t accumulate_distance = 2;
  /// Cycles of an empty call: 2604.8 - 2584.4 (measured: ignite l1_tile_mm_direct_64x64x64).
  std::int64_t call = 20;

  // Our own kernels; no measurement exists.
  /// Bundles per accumulator for shifts that differ by channel: two moves to 32-bit lanes, beside
  /// which the multiplier scales them, before the rounding store. An assumption.
  std::int64_t requantize = 2;
  /// Bundles per accumulator for a second input that is added: its load, the move that widens it
  /// and the multiply-accumulate that scales it go side by side. An assumption.
  std::int64_t fused_add = 1;
  /// Bundles to start an output block: pointers of its list, bias and shifts. An assumption.
  std::int64_t block_start = 8;
  /// Taps of one element-wise multiply-accumulate of `rows` x 8 lanes (aie_api mac_elem_32_2).
  /// Each tap's input also takes a move to align it, one per bundle: an assumption.
  std::int64_t taps_per_elementwise_mac = 2;
};

/// The facts of a device's cores: AIE2P where they do 512 MACs per cycle, else AIE2. Operand rows
/// follow Device::macs_per_cycle.
[[nodiscard]] CoreFacts core_facts(const Device& device) noexcept;

}  // namespace wbs::aie
