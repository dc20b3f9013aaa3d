#include "compiler/codegen/accesses.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

namespace wbs::compiler {

using aie::Descriptor;

namespace {

/// `count` accesses of one shape, `delta` bytes apart.
struct Run {
  Access first;
  std::uint32_t count = 1;
  std::int64_t delta = 0;
};

/// Equal but for the address.
bool same_shape(const Access& a, const Access& b) {
  return a.memory == b.memory && a.ddr_buffer == b.ddr_buffer && a.dimensions == b.dimensions &&
         a.pad_before == b.pad_before && a.pad_after == b.pad_after && a.acquire == b.acquire &&
         a.release == b.release && a.packet == b.packet && a.target == b.target &&
         (a.compressed > 0) == (b.compressed > 0);
}

std::int64_t distance(const Access& from, const Access& to) {
  return static_cast<std::int64_t>(to.address) - static_cast<std::int64_t>(from.address);
}

std::vector<Run> arithmetic_runs(const std::vector<Access>& accesses, const LoopLimits& limits) {
  std::vector<Run> runs;
  for (const Access& access : accesses) {
    if (!runs.empty() && limits.merge && same_shape(runs.back().first, access) &&
        access.dimensions.size() < limits.dimensions && access.acquire.lock < 0 &&
        access.release.lock < 0) {
      Run& run = runs.back();
      const std::int64_t expected = static_cast<std::int64_t>(run.count) * run.delta;
      const std::int64_t offset = distance(run.first, access);
      const bool second = run.count == 1 && offset > 0;
      if (run.count < limits.count && (second || (run.count > 1 && offset == expected))) {
        if (second) run.delta = offset;
        ++run.count;
        continue;
      }
    }
    runs.push_back({access, 1, 0});
  }
  return runs;
}

bool same_run(const Run& a, const Run& b) {
  return a.count == b.count && a.delta == b.delta && same_shape(a.first, b.first);
}

/// How often the `period` runs from `begin` on are repeated, each run moving by a constant step
/// forwards.
std::size_t repetitions(const std::vector<Run>& runs, std::size_t begin, std::size_t period,
                        std::uint32_t limit) {
  std::size_t count = 1;
  bool moves = false;
  for (;; ++count) {
    const std::size_t at = begin + count * period;
    if (at + period > runs.size()) return count;
    for (std::size_t i = 0; i < period; ++i) {
      const Run& first = runs[begin + i];
      const Run& now = runs[at + i];
      const std::int64_t step = distance(first.first, runs[begin + period + i].first);
      // Strides of the hardware have no sign.
      if (step < 0 || !same_run(first, now) ||
          distance(first.first, now.first) != static_cast<std::int64_t>(count) * step) {
        return count;
      }
      moves = moves || step != 0;
    }
    if (moves && count + 1 > limit) return count;
  }
}

Descriptor describe(const Run& run, std::uint32_t repeat, std::int64_t step) {
  Descriptor descriptor;
  descriptor.memory = run.first.memory;
  descriptor.ddr_buffer = run.first.ddr_buffer;
  descriptor.address = run.first.address;
  descriptor.dimensions = run.first.dimensions;
  descriptor.pad_before = run.first.pad_before;
  descriptor.pad_after = run.first.pad_after;
  descriptor.acquire = run.first.acquire;
  descriptor.release = run.first.release;
  descriptor.packet = run.first.packet;
  descriptor.target = run.first.target;
  descriptor.compress = run.first.compressed > 0;
  descriptor.words = words_of(run.first) * run.count;
  if (run.count > 1) {
    descriptor.dimensions.push_back({run.count, static_cast<std::int32_t>(run.delta / 4)});
  }
  if (repeat > 1 && step != 0) descriptor.iteration = {repeat, static_cast<std::int32_t>(step / 4)};
  return descriptor;
}

/// Tells the chain at `first` the sizes of `runs`, which it performs over and over.
void add_sizes(aie::TileProgram& tile, std::int16_t first, std::span<const Run> runs) {
  if (runs.front().first.compressed == 0) return;
  std::int16_t id = first;
  for (const Run& run : runs) {
    Descriptor& descriptor = tile.descriptors[static_cast<std::size_t>(id)];
    if (run.first.compressed > 0) descriptor.sizes.push_back(run.first.compressed);
    id = descriptor.next >= 0 ? descriptor.next : first;
  }
}

}  // namespace

std::uint32_t words_of(const Access& access) {
  std::uint32_t words = 1;
  for (const aie::Dimension& dimension : access.dimensions) words *= dimension.count;
  return words;
}

void add_accesses(StepBuilder& step, const ChannelId& channel, const std::vector<Access>& accesses,
                  const LoopLimits& limits) {
  const std::vector<Run> runs = arithmetic_runs(accesses, limits);
  std::vector<std::pair<std::vector<Descriptor>, std::int16_t>> known;
  for (std::size_t at = 0; at < runs.size();) {
    std::size_t period = 1, count = repetitions(runs, at, 1, limits.iteration);
    for (std::size_t p = 2; p <= limits.chain && at + 2 * p <= runs.size(); ++p) {
      const std::size_t n = repetitions(runs, at, p, limits.iteration);
      if (n > count) {  // few descriptors matter, not long chains
        period = p;
        count = n;
      }
    }
    std::vector<Descriptor> chain;
    for (std::size_t i = 0; i < period; ++i) {
      const std::int64_t stride =
          count > 1 ? distance(runs[at + i].first, runs[at + period + i].first) : 0;
      chain.push_back(describe(runs[at + i], static_cast<std::uint32_t>(count), stride));
      if (limits.linear) chain.back().dimensions.clear();
    }
    const auto it = std::find_if(known.begin(), known.end(),
                                 [&](const auto& entry) { return entry.first == chain; });
    std::int16_t first = 0;  // of the chain
    if (it != known.end()) {
      first = it->second;
    } else {
      first = step.chain(channel, chain);
      known.emplace_back(chain, first);
    }
    step.task(channel, first, static_cast<std::uint32_t>(count));
    add_sizes(step.tile(channel.tile), first, std::span(runs).subspan(at, period * count));
    at += period * count;
  }
}

std::vector<PacketRun> add_packets(StepBuilder& step, const ChannelId& channel,
                                   const std::vector<Access>& accesses, const LoopLimits& limits) {
  LoopLimits packet_limits = limits;
  packet_limits.merge = false;
  const std::vector<Run> runs = arithmetic_runs(accesses, packet_limits);
  std::vector<PacketRun> packets;
  for (std::size_t at = 0; at < runs.size();) {
    const std::size_t count = repetitions(runs, at, 1, limits.iteration);
    const std::int64_t stride = count > 1 ? distance(runs[at].first, runs[at + 1].first) : 0;
    const auto n = static_cast<std::uint32_t>(count);
    packets.push_back({step.descriptor(channel, describe(runs[at], n, stride)), n});
    step.packets(channel, n);
    at += count;
  }
  return packets;
}

}  // namespace wbs::compiler
