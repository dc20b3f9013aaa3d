// What a kernel call does to a core's memory, and how long it takes.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "aie_model/device.hpp"
#include "aie_model/kernels/kernel_call.hpp"

namespace wbs::aie {

/// A kernel call with its operands resolved to addresses.
struct ResolvedCall {
  const KernelCall* call = nullptr;
  std::uint32_t input = 0, second = 0, weights = 0, output = 0;
};

/// Bytes that a call touches, by operand; 0 where it does not use one. `weights` is what the
/// chunk's own header says, or the size without any kept operand when it can't be read.
struct CallFootprint {
  std::uint32_t input = 0, second = 0, weights = 0, output = 0, accumulators = 0;
};

/// The footprint from the call alone and the number of kept operands (conv, conv_sparse4).
[[nodiscard]] CallFootprint footprint(const KernelCall& call, std::uint32_t kept_operands);

/// Kept operands (sum over output blocks) that the header of a weights chunk announces.
[[nodiscard]] std::uint32_t kept_in_chunk(const KernelCall& call,
                                          std::span<const std::uint8_t> chunk);

/// Runs the call on a core's memory; `memory` is all of it. Returns an empty string, or what is
/// wrong with the chunk (an index out of range, a mask with more than 2 of 4, a range error).
/// gemm is refused.
[[nodiscard]] std::string execute(const ResolvedCall& call, std::span<std::uint8_t> memory);

/// Cycles of the call on one core, from the VLIW facts of README.md. `kept_operands`: the sum of
/// kept input blocks (pairs for conv_sparse4) over the call's output blocks.
[[nodiscard]] std::uint64_t call_cycles(const KernelCall& call, std::uint32_t kept_operands,
                                        const Device& device);

}  // namespace wbs::aie
