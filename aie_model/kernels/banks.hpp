// Where the operands of a call lie among the banks of a core's memory, and how often accesses meet.
#pragma once

#include <array>
#include <cstdint>

#include "aie_model/device.hpp"
#include "aie_model/kernels/kernel_call.hpp"

namespace wbs::aie {

/// Loads and stores of a call, by operand, and the bundles in which two of them meet. From the
/// same counts as call_cycles(): loads that the loop's multiply-accumulates do not hide behind
/// share bundles, of different operands as long as there are some. Bias, shifts and accumulators
/// come and go outside the loops, one access per bundle. 0 for gemm, whose measured rows contain
/// what it suffers.
struct CallAccesses {
  std::uint64_t input = 0, second = 0, weights = 0, output = 0;
  std::uint64_t input_weights = 0, input_input = 0, input_second = 0;
  std::uint64_t load_store = 0;  ///< both inputs, and the result
  friend bool operator==(const CallAccesses&, const CallAccesses&) = default;
};

[[nodiscard]] CallAccesses call_accesses(const KernelCall& call, std::uint32_t kept_operands,
                                         const Device& device);

/// The share of a buffer's bytes in each bank as a program sees it (16 KiB: AM020 chapter 2); what
/// lies behind the last of these counts for it.
using BankShare = std::array<double, 8>;

[[nodiscard]] BankShare bank_share(std::uint64_t address, std::uint64_t bytes,
                                   std::int64_t bank_bytes);

/// The probability that accesses somewhere in two buffers go to the same bank.
[[nodiscard]] double meeting(const BankShare& a, const BankShare& b);

/// The banks of a call's operands.
struct OperandBanks {
  BankShare input{}, second{}, weights{}, output{};
};

/// Cycles that a call loses because accesses of one bundle meet: one for each bundle with two loads
/// in a bank, one for each with a load and a store (measured: ignite), where operands are at
/// independent places of their buffers.
[[nodiscard]] double bank_conflicts(const CallAccesses& accesses, const OperandBanks& banks);

/// Cycles that a call of `cycles` loses to a DMA channel that moves `words` of the buffer `dma`
/// meanwhile: one 128-bit access for four words (measured: xdna-emu); where core and channel want a
/// bank in the same cycle, round robin lets the core lose every second time (AM020 chapter 2).
[[nodiscard]] double dma_conflicts(const CallAccesses& accesses, const OperandBanks& banks,
                                   const BankShare& dma, double words, double cycles);

}  // namespace wbs::aie
