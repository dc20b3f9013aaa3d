#include "compiler/codegen/core_memory.hpp"

#include <algorithm>

namespace wbs::compiler {
namespace {

constexpr std::size_t kBuffers = 4, kAccumulators = 3;

std::int64_t up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

std::int64_t slots_of(std::size_t buffer) {
  return buffer == kAccumulators ? 1 : 2;
}

CorePlaces place(const CoreBuffers& buffers, const std::array<std::size_t, kBuffers>& order,
                 unsigned aligned, std::int64_t bank) {
  constexpr std::int64_t kAlign = 32;
  CorePlaces places;
  for (const std::size_t buffer : order) {
    if (buffers.bytes.at(buffer) == 0) continue;
    const std::int64_t begin = up(places.end, (aligned >> buffer & 1U) != 0 ? bank : kAlign);
    places.address.at(buffer) = static_cast<std::uint32_t>(begin);
    places.end = begin + slots_of(buffer) * up(buffers.bytes.at(buffer), kAlign);
  }
  return places;
}

/// Expected cycles that a call loses, over all slots of the rings.
double conflicts(const CoreBuffers& buffers, const CorePlaces& places, std::int64_t bank) {
  const auto share = [&](std::size_t buffer, unsigned slot) {
    const std::int64_t bytes = up(buffers.bytes.at(buffer), 32);
    return aie::bank_share(places.address.at(buffer) +
                               static_cast<std::uint64_t>(slot) * static_cast<std::uint64_t>(bytes),
                           static_cast<std::uint64_t>(bytes), bank);
  };
  std::array<aie::BankShare, 3> rings{};
  for (std::size_t ring = 0; ring < rings.size(); ++ring) {
    const auto bytes = static_cast<std::uint64_t>(2 * up(buffers.bytes.at(ring), 32));
    rings.at(ring) = aie::bank_share(places.address.at(ring), bytes, bank);
  }
  constexpr unsigned kCombinations = 8;
  double lost = 0.0;
  for (unsigned slots = 0; slots < kCombinations; ++slots) {
    aie::OperandBanks banks{
        share(0, slots & 1U), {}, share(2, slots >> 2U), share(1, slots >> 1U & 1U)};
    banks.second = banks.input;
    if (buffers.second > 0) {
      const auto half = static_cast<std::uint64_t>(buffers.second);
      const std::uint64_t begin =
          places.address[0] + (slots & 1U) * static_cast<std::uint64_t>(up(buffers.bytes[0], 32));
      banks.input = aie::bank_share(begin, half, bank);
      banks.second = aie::bank_share(begin + half, half, bank);
    }
    lost += aie::bank_conflicts(buffers.accesses, banks);
    for (std::size_t ring = 0; ring < rings.size(); ++ring) {
      lost += aie::dma_conflicts(buffers.accesses, banks, rings.at(ring), buffers.words.at(ring),
                                 buffers.cycles);
    }
  }
  return lost / kCombinations;
}

}  // namespace

CorePlaces place_in_banks(const CoreBuffers& buffers, const aie::Device& device) {
  constexpr double kSame = 1e-6;
  const std::int64_t bank = device.silicon.core.bank_bytes;
  const std::int64_t room = device.core_memory - device.silicon.stack_bytes;
  std::array<std::size_t, kBuffers> order{0, 1, 2, kAccumulators};
  CorePlaces best = place(buffers, order, 0, bank);
  double least = conflicts(buffers, best, bank);
  do {
    for (unsigned aligned = 0; aligned < 1U << kBuffers; ++aligned) {
      const CorePlaces places = place(buffers, order, aligned, bank);
      if (places.end > room) continue;
      const double lost = conflicts(buffers, places, bank);
      if (lost >= least - kSame) continue;
      least = lost;
      best = places;
    }
  } while (least > kSame && std::next_permutation(order.begin(), order.end()));
  return best;
}

}  // namespace wbs::compiler
