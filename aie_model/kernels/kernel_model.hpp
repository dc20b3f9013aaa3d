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

/// Where the cycles of calls go by the cost model, and what they do meanwhile. Summable.
struct CallParts {
  std::uint64_t compute = 0;  ///< bundles that issue a multiply-accumulate, or a pool's operation
  std::uint64_t waits = 0;    ///< the rest of inner loops: loads, moves, a result's next use
  std::uint64_t results =
      0;                     ///< around tiles: latencies, accumulators in and out, rounding, stores
  std::uint64_t starts = 0;  ///< of calls and of their output blocks
  std::uint64_t conflicts = 0;  ///< of banks; call_parts() does not know where operands lie
  /// Products of kept operands with pixels that exist, as the dense unit counts them: `compute`
  /// times Device::macs_per_cycle is more where operands reach beyond rows. The sparse unit does
  /// two of `macs` with one of `slots`.
  std::uint64_t slots = 0, macs = 0;
  std::uint64_t memory_bytes = 0;  ///< of the inner loops' loads, of accumulators and results
  [[nodiscard]] std::uint64_t cycles() const noexcept {
    return compute + waits + results + starts + conflicts;
  }
  CallParts& operator+=(const CallParts& other) noexcept;
};

/// The parts of a call on one core, from the VLIW facts of README.md. `kept_operands`: the sum of
/// kept input blocks (pairs for conv_sparse4) over the call's output blocks.
[[nodiscard]] CallParts call_parts(const KernelCall& call, std::uint32_t kept_operands,
                                   const Device& device);

/// call_parts().cycles().
[[nodiscard]] std::uint64_t call_cycles(const KernelCall& call, std::uint32_t kept_operands,
                                        const Device& device);

}  // namespace wbs::aie
