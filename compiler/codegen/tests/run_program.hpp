// Compiles an integer network, runs the program on the machine and compares every layer.
#pragma once

#include <string>

#include "aie_model/device.hpp"
#include "compiler/codegen/generate.hpp"
#include "networks/int8_network.hpp"

namespace wbs::compiler {

/// Empty when the program breaks no rule of the checker and every layer's result, as far as the
/// program notes where it lies, and the output equal the reference bit for bit; else what differs
/// first.
[[nodiscard]] std::string difference_from_reference(const networks::Int8Network& network,
                                                    const aie::Device& device,
                                                    const CodegenOptions& options,
                                                    std::uint64_t seed);

}  // namespace wbs::compiler
