#include "compiler/codegen/core_memory.hpp"

#include <algorithm>
#include <vector>

namespace wbs::compiler {
namespace {

constexpr std::size_t kInput = 0, kOutput = 1, kWeights = 2, kSecond = 3, kAccumulators = 4;
constexpr std::int64_t kAlign = 32;

std::int64_t up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

std::int64_t slots_of(std::size_t buffer) {
  return buffer == kAccumulators ? 1 : 2;
}

/// Buffers in that order; bit i of `aligned`: the i-th begins at a bank.
CorePlaces place(const CoreBuffers& buffers, const std::vector<std::size_t>& order,
                 unsigned aligned, std::int64_t bank) {
  CorePlaces places;
  for (const std::size_t buffer : order) {
    const std::int64_t begin = up(places.end, (aligned & 1U) != 0 ? bank : kAlign);
    places.address.at(buffer) = static_cast<std::uint32_t>(begin);
    places.end = begin + slots_of(buffer) * up(buffers.bytes.at(buffer), kAlign);
    aligned >>= 1U;
  }
  return places;
}

/// Expected cycles that a call loses. Slots of different rings are current in all combinations, so
/// that the banks of a whole ring stand for its slot; accesses to the same slot meet in that one.
double conflicts(const CoreBuffers& buffers, const CorePlaces& places, std::int64_t bank) {
  const auto share = [&](std::size_t ring, std::int64_t from, std::int64_t bytes) {
    return aie::bank_share(places.address.at(ring) + static_cast<std::uint64_t>(from),
                           static_cast<std::uint64_t>(bytes), bank);
  };
  std::array<aie::BankShare, 4> rings{};
  for (std::size_t ring = 0; ring < rings.size(); ++ring) {
    rings.at(ring) = share(ring, 0, 2 * up(buffers.bytes.at(ring), kAlign));
  }
  double lost = 0.0;
  for (std::int64_t slot = 0; slot < 2; ++slot) {
    const std::int64_t begin = slot * up(buffers.bytes[kInput], kAlign);
    const std::int64_t first = buffers.second > 0 ? buffers.second : buffers.bytes[kInput];
    const aie::OperandBanks banks{
        share(kInput, begin, first),
        buffers.second > 0 ? share(kInput, begin + buffers.second, first) : rings[kSecond],
        rings[kWeights], rings[kOutput]};
    lost += aie::bank_conflicts(buffers.accesses, banks) / 2;
    for (std::size_t ring = 0; ring < rings.size(); ++ring) {
      lost += aie::dma_conflicts(buffers.accesses, banks, rings.at(ring), buffers.words.at(ring),
                                 buffers.cycles) /
              2;
    }
  }
  return lost;
}

}  // namespace

CorePlaces place_in_banks(const CoreBuffers& buffers, const aie::Device& device) {
  constexpr double kSame = 1e-6;
  const std::int64_t bank = device.silicon.core.bank_bytes;
  const std::int64_t room = device.core_memory - device.silicon.stack_bytes;
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < buffers.bytes.size(); ++i) {
    if (buffers.bytes.at(i) > 0) order.push_back(i);
  }
  CorePlaces best = place(buffers, order, 0, bank);
  double least = conflicts(buffers, best, bank);
  do {
    for (unsigned aligned = 0; aligned < 1U << order.size(); ++aligned) {
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
