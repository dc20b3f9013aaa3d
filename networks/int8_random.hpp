// Random integer networks for property tests: every kind of operation, window and shape, with
// results that use their range.
#pragma once

#include <cstdint>
#include <vector>

#include "networks/int8_network.hpp"

namespace wbs::networks {

struct RandomOptions {
  std::int64_t least_pixels = 5, most_pixels = 24;  ///< rows and columns of the input
  std::int64_t least_layers = 2, most_layers = 8;   ///< a branching layer is several operations
  std::int64_t most_channels = 48;                  ///< of a layer; at least 8
  double zero_blocks = 0.5;   ///< mean share of zero 8x8 blocks; it differs by layer, 0 to 1
  double two_of_four = 0.25;  ///< share of convs with at most 2 of 4 neighbouring input channels
  bool pools = true, depthwise = true, branches = true;  ///< branches: residuals and concats
  bool classifier = true;  ///< an average and a linear layer at the end
};

/// The same arguments give the same network. Inputs have 3 channels or a multiple of 8, all others
/// a multiple of 8. Shifts are chosen from sums over a random image, so that results neither
/// vanish nor all saturate. Operation names are "input", "op1", "op2", ...
[[nodiscard]] Int8Network random_int8_network(std::uint64_t seed,
                                              const RandomOptions& options = {});

/// An image of random bytes for the network.
[[nodiscard]] std::vector<std::uint8_t> random_int8_image(const Int8Network& network,
                                                          std::uint64_t seed);

}  // namespace wbs::networks
