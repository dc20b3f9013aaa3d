#include "aie_model/kernels/banks.hpp"

#include <algorithm>

namespace wbs::aie {

BankShare bank_share(std::uint64_t address, std::uint64_t bytes, std::int64_t bank_bytes) {
  BankShare share{};
  const auto size = static_cast<std::uint64_t>(bank_bytes);
  for (std::uint64_t at = address; at < address + bytes;) {
    const std::uint64_t end = std::min(address + bytes, (at / size + 1) * size);
    share.at(std::min<std::uint64_t>(at / size, share.size() - 1)) +=
        static_cast<double>(end - at) / static_cast<double>(bytes);
    at = end;
  }
  return share;
}

double meeting(const BankShare& a, const BankShare& b) {
  double probability = 0.0;
  for (std::size_t bank = 0; bank < a.size(); ++bank) probability += a[bank] * b[bank];
  return probability;
}

double bank_conflicts(const CallAccesses& accesses, const OperandBanks& banks) {
  const auto times = [](std::uint64_t count, double probability) {
    return static_cast<double>(count) * probability;
  };
  double cycles = times(accesses.input_weights, meeting(banks.input, banks.weights)) +
                  times(accesses.input_input, meeting(banks.input, banks.input)) +
                  times(accesses.input_second, meeting(banks.input, banks.second));
  if (accesses.load_store > 0) {
    const double apart =
        (1.0 - meeting(banks.input, banks.output)) * (1.0 - meeting(banks.second, banks.output));
    cycles += times(accesses.load_store, 1.0 - apart);
  }
  return cycles;
}

double dma_conflicts(const CallAccesses& accesses, const OperandBanks& banks, const BankShare& dma,
                     double words, double cycles) {
  constexpr double kWordsPerAccess = 4.0, kLoses = 0.5;
  if (cycles <= 0.0) return 0.0;
  const double met = static_cast<double>(accesses.input) * meeting(banks.input, dma) +
                     static_cast<double>(accesses.second) * meeting(banks.second, dma) +
                     static_cast<double>(accesses.weights) * meeting(banks.weights, dma) +
                     static_cast<double>(accesses.output) * meeting(banks.output, dma);
  return words / kWordsPerAccess * std::min(1.0, met / cycles) * kLoses;
}

}  // namespace wbs::aie
