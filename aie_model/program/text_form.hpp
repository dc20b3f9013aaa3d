// A program as text for people and diffs. One line for each descriptor, channel, ring, call,
// instruction and connection; fields at their default are left out.
#pragma once

#include <cstdint>
#include <string>

#include "aie_model/program/program.hpp"

namespace wbs::aie {

/// The whole program: network, DDR buffers with the digest (core/digest.hpp) of their data,
/// layers, every step. A change of any field shows, except of operands that a core's instruction
/// does not use.
[[nodiscard]] std::string print(const Program& program);

/// What each tile does in that step, and the routes. Addresses are bytes; loops are
/// count*stride from the innermost outwards, strides in words; `acquire 2>=1` waits until lock 2
/// is at least 1 and subtracts it, `release 3+=1` adds. Throws Error(usage) where there is no such
/// step.
[[nodiscard]] std::string print_step(const Program& program, std::uint32_t step);

}  // namespace wbs::aie
