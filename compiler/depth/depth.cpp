#include "compiler/depth/depth.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>

#include "aie_model/machine/machine.hpp"
#include "compiler/depth/depth_estimate.hpp"
#include "core/error.hpp"

namespace wbs::compiler {
namespace {

using networks::DepthCut;
using networks::Int8Network;
using networks::Int8Op;

/// More operations than any network's tensors need to become small.
constexpr std::size_t kLongest = 32;

std::vector<DepthCut> parts_of(const Int8Network& network, const DepthEstimate& estimate) {
  const auto concerned = [&](std::size_t index) {
    const Int8Op& op = network.operations[index];
    return estimate.spills(index) ||
           std::any_of(op.inputs.begin(), op.inputs.end(),
                       [&](std::size_t input) { return estimate.spills(input); });
  };
  std::vector<DepthCut> parts;
  for (std::size_t first = 1; first < network.operations.size(); ++first) {
    if (!concerned(first)) continue;
    std::size_t last = first;
    while (last + 1 < network.operations.size() && concerned(last + 1)) ++last;
    while (last > first && !why_not_cut(network, {first, last, 1}).empty()) --last;
    if (last > first) parts.push_back({first, last, 1});
    first = last;
  }
  return parts;
}

/// The least estimated time of a part's first operations, by whether the last of them is tiled, and
/// the cut that ends there.
struct Best {
  double cycles = std::numeric_limits<double>::infinity();
  DepthCut cut;  ///< of one tile: the last operation alone
  bool before_tiled = false;
};

/// Dynamic programming over the operations of one part.
class PartSearch {
 public:
  PartSearch(const Int8Network& network, const DepthEstimate& estimate,
             const std::vector<std::int64_t>& choices, const DepthCut& part)
      : network_(network), estimate_(estimate), choices_(choices), part_(part) {}

  std::vector<DepthCut> run() {
    const std::size_t count = part_.last - part_.first + 1;
    best_.assign(count + 1, {});
    best_[0][0].cycles = 0.0;
    for (std::size_t n = 1; n <= count; ++n) {
      leave_untiled(n);
      for (std::size_t length = 2; length <= std::min(n, kLongest); ++length) end_cut(n, length);
    }
    // What comes next must read what tiles leave in external memory.
    if (estimate_.resident(part_.last)) best_[count][1].cycles += estimate_.read(part_.last);
    return trace(count);
  }

 private:
  /// The last of the first n operations.
  [[nodiscard]] std::size_t last_of(std::size_t n) const { return part_.first + n - 1; }

  void improve(std::size_t n, bool tiled, const Best& candidate) {
    Best& best = best_[n][tiled ? 1 : 0];
    if (candidate.cycles < best.cycles) best = candidate;
  }

  void leave_untiled(std::size_t n) {
    const std::size_t last = last_of(n);
    for (const bool before : {false, true}) {
      const double cycles = best_[n - 1][before ? 1 : 0].cycles + estimate_.untiled(last, before);
      improve(n, false, {cycles, {last, last, 1}, before});
    }
  }

  void end_cut(std::size_t n, std::size_t length) {
    DepthCut cut{last_of(n) - length + 1, last_of(n), 1};
    if (!why_not_cut(network_, cut).empty()) return;
    const auto& before = best_[n - length];
    // Tiles read from external memory what the operation before would have kept.
    const std::size_t input = network_.operations[cut.first].inputs.front();
    const double kept = estimate_.resident(input) ? estimate_.write(input) : 0.0;
    const bool from_tiles = before[1].cycles < before[0].cycles + kept;
    const double begin = from_tiles ? before[1].cycles : before[0].cycles + kept;
    for (const std::int64_t tiles : choices_) {
      cut.tiles = tiles;
      if (tiles < 2 || tiles > network_.operations[cut.last].output.rows) continue;
      improve(n, true, {begin + estimate_.tiled(cut), cut, from_tiles});
    }
  }

  [[nodiscard]] std::vector<DepthCut> trace(std::size_t n) const {
    std::vector<DepthCut> cuts;
    bool tiled = best_[n][1].cycles < best_[n][0].cycles;
    while (n > 0) {
      const Best& best = best_[n][tiled ? 1 : 0];
      if (best.cut.tiles > 1) cuts.push_back(best.cut);
      n -= best.cut.last - best.cut.first + 1;
      tiled = best.before_tiled;
    }
    std::reverse(cuts.begin(), cuts.end());
    return cuts;
  }

  const Int8Network& network_;
  const DepthEstimate& estimate_;
  const std::vector<std::int64_t>& choices_;
  DepthCut part_;
  std::vector<std::array<Best, 2>> best_;  ///< by number of operations, by whether tiled
};

std::vector<DepthCut> cuts_of(const Int8Network& network, const DepthEstimate& estimate,
                              const std::vector<DepthCut>& parts,
                              const std::vector<std::int64_t>& choices) {
  std::vector<DepthCut> cuts;
  for (const DepthCut& part : parts) {
    for (const DepthCut& cut : PartSearch(network, estimate, choices, part).run()) {
      cuts.push_back(cut);
    }
  }
  return cuts;
}

std::uint64_t event_cycles(const Int8Network& network, const aie::Device& device,
                           const CodegenOptions& options) {
  const aie::RunResult run = aie::run(generate(network, device, options), device, {});
  WBS_ASSERT(!run.fault);
  return run.cycles;
}

/// The same for a network that may need more than there is: tiles have halos.
std::uint64_t event_cycles_if_it_fits(const Int8Network& network, const aie::Device& device,
                                      const CodegenOptions& options) {
  try {
    return event_cycles(network, device, options);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unsupported) throw;
    return std::numeric_limits<std::uint64_t>::max();
  }
}

/// Programs for several sets of numbers of tiles, the fastest kept.
void try_all(const Int8Network& network, const aie::Device& device, const CodegenOptions& options,
             const DepthEstimate& estimate, DepthResult& result) {
  static const std::vector<std::vector<std::int64_t>> kChoices{{2}, {3}, {4},
                                                               {6}, {8}, {2, 3, 4, 6, 8, 12, 16}};
  result.trials.push_back({{}, event_cycles(network, device, options)});
  std::uint64_t least = result.trials.front().cycles;
  for (const std::vector<std::int64_t>& choices : kChoices) {
    const std::vector<DepthCut> cuts = cuts_of(network, estimate, result.parts, choices);
    const bool known = std::any_of(result.trials.begin(), result.trials.end(),
                                   [&](const DepthTrial& trial) { return trial.cuts == cuts; });
    if (known) continue;
    const std::uint64_t cycles =
        event_cycles_if_it_fits(tile_by_depth(network, cuts), device, options);
    if (cycles == std::numeric_limits<std::uint64_t>::max()) continue;
    result.trials.push_back({cuts, cycles});
    if (cycles >= least) continue;
    least = cycles;
    result.cuts = cuts;
  }
}

std::string describe(const Int8Network& network, const DepthCut& cut) {
  return fmt::format("{} .. {}", network.operations[cut.first].name,
                     network.operations[cut.last].name);
}

/// One line per tile: the rows of every operation.
std::string print_tiles(const Int8Network& network, const DepthCut& cut) {
  std::string text;
  const Int8Op& last = network.operations[cut.last];
  for (std::int64_t t = 0; t < cut.tiles; ++t) {
    const auto spans =
        networks::project(network, cut, networks::tile_rows(last.output.rows, cut.tiles, t));
    text += fmt::format("  tile {}:", t);
    for (std::size_t i = 0; i < spans.size(); ++i) {
      text += fmt::format(" {}[{}..{}]", network.operations[cut.first + i].name, spans[i].begin,
                          spans[i].end - 1);
    }
    text += "\n";
  }
  return text;
}

}  // namespace

std::vector<DepthCut> spilling_parts(const Int8Network& network, const aie::Device& device,
                                     const CodegenOptions& options) {
  return parts_of(network, DepthEstimate(network, device, options));
}

std::vector<DepthCut> estimate_cuts(const Int8Network& network, const aie::Device& device,
                                    const CodegenOptions& options,
                                    const std::vector<std::int64_t>& choices) {
  const DepthEstimate estimate(network, device, options);
  return cuts_of(network, estimate, parts_of(network, estimate), choices);
}

DepthResult tile_network(const Int8Network& network, const aie::Device& device,
                         const CodegenOptions& options, std::int64_t tiles) {
  DepthResult result;
  const DepthEstimate estimate(network, device, options);
  result.parts = parts_of(network, estimate);
  if (tiles == kDepthAuto && !result.parts.empty()) {
    try_all(network, device, options, estimate, result);
  } else if (tiles > 1) {
    result.cuts = cuts_of(network, estimate, result.parts, {tiles});
  }
  result.network = tile_by_depth(network, result.cuts);
  return result;
}

std::string print(const Int8Network& untiled, const DepthCut& cut) {
  return fmt::format("{} in {}", describe(untiled, cut), cut.tiles);
}

std::string print(const Int8Network& untiled, const DepthResult& result) {
  std::string text;
  for (const DepthCut& part : result.parts) {
    text += fmt::format("tensors of {} pass through external memory for want of room\n",
                        describe(untiled, part));
  }
  if (result.parts.empty()) text += "no tensor passes through external memory for want of room\n";
  for (const DepthTrial& trial : result.trials) {
    std::vector<std::string> cuts;
    for (const DepthCut& cut : trial.cuts) cuts.push_back(print(untiled, cut));
    text += fmt::format("{} cycles under the event model: {}\n", trial.cycles,
                        cuts.empty() ? "no tiles" : fmt::format("{}", fmt::join(cuts, ", ")));
  }
  for (const DepthCut& cut : result.cuts) {
    text +=
        fmt::format("{} tiles, rows computed:\n{}", print(untiled, cut), print_tiles(untiled, cut));
  }
  if (result.cuts.empty()) text += "no depth-wise tiles\n";
  return text;
}

}  // namespace wbs::compiler
