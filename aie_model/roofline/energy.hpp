// A proxy for the energy of a run: counted events times constants from the literature. It ranks
// programs by what they move and multiply; it is no measurement of any device and leaves out
// leakage, clocks, instruction fetch, control and the host.
#pragma once

#include "aie_model/roofline/roofline.hpp"

namespace wbs::aie {

/// Picojoules per event.
///
/// Starting point: M. Horowitz, "Computing's energy problem", ISSCC 2014, figure 1.1.9 (45 nm, 0.9
/// V): int8 multiply 0.2, int32 add 0.1, 64-bit access of 8 KB / 32 KB / 1 MB SRAM 10 / 20 / 100,
/// DRAM 1300 to 2600 per 64 bits. In 7 nm, the node of these arrays (Phoenix: 4 nm): N. Jouppi et
/// al., "Ten lessons from three generations shaped Google's TPUv4i", ISCA 2021, table 2: 0.07,
/// 0.03, 7.5 / 8.5 / 14, DDR 1300.
struct EnergyConstants {
  double mac = 0.10;  ///< int8 multiply and int32 add, 7 nm (0.07 + 0.03)
  /// A byte in or out of a core's data memory: 64-bit access of an 8 KB bank in 7 nm, 7.5 / 8.
  double core_memory_byte = 0.94;
  /// A byte in or out of a Memtile: 64-bit access of a 32 KB bank in 7 nm, 8.5 / 8.
  double memtile_byte = 1.06;
  /// A byte over a link between two tiles. Wires at 0.1 pJ per bit and mm (S. Keckler et al., "GPUs
  /// and the future of parallel computing", IEEE Micro 2011: 26 pJ for 256 bits over 1 mm), and an
  /// assumption: tiles are 1 mm apart. The switch itself is not counted.
  double link_byte = 0.81;
  double dram_byte = 162.5;  ///< 1300 pJ for 64 bits
};

/// Microjoules of one image.
struct EnergyProxy {
  double mac = 0.0;          ///< all multipliers that switch, filled-up lanes included
  double core_memory = 0.0;  ///< calls' loads and stores, DMA in and out
  double links = 0.0;
  double memtile = 0.0;  ///< DMA in and out
  double dram = 0.0;
  [[nodiscard]] double total() const noexcept { return mac + core_memory + links + memtile + dram; }
};

[[nodiscard]] EnergyProxy energy_proxy(const RooflineLayer& layer,
                                       const EnergyConstants& constants = {});

}  // namespace wbs::aie
