// The arithmetic of the kernels, after execute.cpp has checked shapes and ranges.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "aie_model/kernels/kernel_call.hpp"

namespace wbs::aie {

/// The bytes of each operand of a call, of exactly the size that footprint() says.
struct CallBytes {
  std::span<const std::uint8_t> input, second, weights;
  std::span<std::uint8_t> output, accumulators;
};

/// conv and conv_sparse4; a sentence if the chunk is wrong, and then nothing was written.
[[nodiscard]] std::string convolve(const KernelCall& call, const CallBytes& bytes);

/// depthwise; a sentence if a shift is out of range.
[[nodiscard]] std::string convolve_depthwise(const KernelCall& call, const CallBytes& bytes);

void pool(const KernelCall& call, const CallBytes& bytes);
void add(const KernelCall& call, const CallBytes& bytes);

}  // namespace wbs::aie
