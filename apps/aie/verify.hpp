// Functional runs: the program's bytes against the integer reference, layer by layer.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "aie_model/device.hpp"
#include "aie_model/machine/machine.hpp"
#include "aie_model/program/program.hpp"
#include "networks/int8_network.hpp"

namespace wbs::apps {

struct Verification {
  bool bit_exact = false;  ///< every compared layer and the output, and no fault
  std::string difference;  ///< the first, as a sentence; empty when there is none
  std::optional<aie::Fault> fault;
  std::int64_t layers_compared = 0, layers = 0;
  /// Fewest distinct byte values of a compared tensor, and whose: equality of constant tensors
  /// would prove little.
  std::int64_t distinct_values_least = 256;
  std::string least_layer;
  std::vector<std::uint8_t> output;  ///< [channels][rows][columns]
  double machine_s = 0.0, reference_s = 0.0;
};

/// Runs `program` functionally on `image` (bytes [channels][rows][columns]) and interprets
/// `network` on the same. Throws Error(input) when network, program and device do not belong
/// together; differences and faults are results.
[[nodiscard]] Verification verify(const aie::Program& program, const aie::Device& device,
                                  const networks::Int8Network& network,
                                  std::span<const std::uint8_t> image);

}  // namespace wbs::apps
