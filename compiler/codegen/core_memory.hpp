// Where the buffers of a core lie among the banks of its memory.
#pragma once

#include <array>
#include <cstdint>

#include "aie_model/device.hpp"
#include "aie_model/kernels/banks.hpp"

namespace wbs::compiler {

/// Buffers of a core in a step, and how its calls use them.
struct CoreBuffers {
  /// Bytes of a slot of the rings (two slots each) of input, results, weights and second input;
  /// then those of the accumulators. 0: none.
  std::array<std::int64_t, 5> bytes{};
  std::array<double, 4> words{};  ///< that DMA moves through each ring during a call
  aie::CallAccesses accesses;
  double cycles = 0.0;      ///< of a call
  std::int64_t second = 0;  ///< where it begins in an input slot; 0: elsewhere
  friend bool operator==(const CoreBuffers&, const CoreBuffers&) = default;
};

struct CorePlaces {
  std::array<std::uint32_t, 5> address{};
  std::int64_t end = 0;  ///< bytes up to the last buffer
};

/// The order of the buffers, and which of them begin at a bank, with the fewest expected conflicts;
/// one behind the other where that is as good or nothing else fits.
[[nodiscard]] CorePlaces place_in_banks(const CoreBuffers& buffers, const aie::Device& device);

}  // namespace wbs::compiler
