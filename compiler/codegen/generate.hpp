// From an integer network to a program: every descriptor, lock, route, kernel call and packed
// weight.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "aie_model/device.hpp"
#include "aie_model/program/program.hpp"
#include "networks/int8_network.hpp"

namespace wbs::compiler {

struct CodegenOptions {
  bool skip_zero_blocks = true;   ///< false: every 8x8 operand is moved and multiplied
  bool sparse_mac = true;         ///< layers that satisfy 2:4 use the sparse unit
  bool compress_weights = false;  ///< zero bytes of weights stay out of streams and DDR
  bool keep_in_memtiles = true;   ///< false: every tensor between layers passes through DDR
};

/// The program of `network` on `device`. Throws Error(unsupported) naming the node, tile and limit
/// when something does not fit.
[[nodiscard]] aie::Program generate(const networks::Int8Network& network, const aie::Device& device,
                                    const CodegenOptions& options = {});

/// The image as the program's input buffer holds it, from bytes [channels][rows][columns].
[[nodiscard]] std::vector<std::uint8_t> to_input_layout(const aie::Program& program,
                                                        std::vector<std::uint8_t> image);

/// Bytes [channels][rows][columns] from a buffer in the array's layout.
[[nodiscard]] std::vector<std::uint8_t> from_array_layout(const aie::TensorShape& shape,
                                                          const std::vector<std::uint8_t>& bytes);

}  // namespace wbs::compiler
