// Accesses that meet in a bank: inside kernel calls, between calls and DMA, and in Memtiles.
#include "aie_model/kernels/banks.hpp"

#include <cmath>

#include "aie_model/kernels/kernel_model.hpp"
#include "aie_model/machine/engine.hpp"
#include "aie_model/machine/layout.hpp"

namespace wbs::aie {

// The channels of a core's tile, each with the banks of all its descriptors together.
void Engine::find_neighbours(Core& core) const {
  const std::int64_t bank = device_.silicon.core.bank_bytes;
  for (std::uint32_t id = tile_dmas_[core.tile].first; id < tile_dmas_[core.tile].second; ++id) {
    Core::Neighbour& neighbour = core.neighbours.emplace_back();
    neighbour.dma = id;
    double words = 0.0;
    for (const Task& task : dmas_[id].channel->tasks) {
      std::int32_t next = task.descriptor;
      for (std::size_t length = 0; length < core.program->descriptors.size(); ++length) {
        if (next < 0 || static_cast<std::size_t>(next) >= core.program->descriptors.size()) break;
        const Descriptor& descriptor = core.program->descriptors[static_cast<std::size_t>(next)];
        const auto weight = static_cast<double>(descriptor.words);
        const BankShare share =
            bank_share(descriptor.address, std::uint64_t{descriptor.words} * 4, bank);
        for (std::size_t b = 0; b < share.size(); ++b) neighbour.banks[b] += weight * share[b];
        words += weight;
        next = descriptor.next;
      }
    }
    for (double& share : neighbour.banks) share = words > 0.0 ? share / words : 0.0;
  }
}

// Cycles that this call loses. Expected values; what is less than a cycle goes to the next call.
// The words that came since the last call began are taken for those that come during this one: in a
// running pipeline they are as many, and each is charged once.
std::uint64_t Engine::conflicts_of(Core& core, const KernelCall& call, Core::CallTime& time) {
  const std::int64_t bank = device_.silicon.core.bank_bytes;
  const std::array<std::uint32_t, 4> places{resolve(core, call.input), resolve(core, call.second),
                                            resolve(core, call.weights),
                                            resolve(core, call.output)};
  if (places != time.places) {
    time.places = places;
    const CallFootprint bytes = footprint(call, time.kept);
    time.banks = {
        bank_share(places[0], bytes.input, bank), bank_share(places[1], bytes.second, bank),
        bank_share(places[2], bytes.weights, bank), bank_share(places[3], bytes.output, bank)};
    time.conflicts = bank_conflicts(time.accesses, time.banks);
  }
  double lost = core.conflict_debt + time.conflicts;
  const auto cycles = static_cast<double>(time.parts.cycles());
  for (Core::Neighbour& neighbour : core.neighbours) {
    const std::uint64_t busy = dmas_[neighbour.dma].busy;
    const auto words = static_cast<double>(busy - neighbour.seen);
    neighbour.seen = busy;
    if (words > 0.0)
      lost += dma_conflicts(time.accesses, time.banks, neighbour.banks, words, cycles);
  }
  const double whole = std::floor(lost);
  core.conflict_debt = lost - whole;
  return static_cast<std::uint64_t>(whole);
}

// A run in a Memtile takes a bank for a cycle for each 128 bits, or part of them, in one place.
void Engine::use_banks(const Transfer& transfer) {
  if (transfer.bank_accesses > 0) bank_accesses_[transfer.memory] += transfer.bank_accesses;
}

}  // namespace wbs::aie
