// Cycles of our own kernels. A convolution's tile is up to `accumulators` operands of neighbouring
// pixels (quads on AIE2) of one output block; its inner loop walks the block's list of kept inputs.
#include <algorithm>
#include <cmath>

#include "aie_model/kernels/banks.hpp"
#include "aie_model/kernels/core_facts.hpp"
#include "aie_model/kernels/gemm.hpp"
#include "aie_model/kernels/kernel_model.hpp"

namespace wbs::aie {
namespace {

constexpr std::int64_t kSide = 8;

std::int64_t up(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

/// A call as the cost model sees it.
struct Work {
  const KernelCall& call;
  CoreFacts facts;

  [[nodiscard]] bool sparse4() const { return call.kernel == Kernel::conv_sparse4; }
  [[nodiscard]] std::int64_t taps() const { return std::int64_t{call.window[0]} * call.window[1]; }
  [[nodiscard]] std::int64_t pixels() const {
    return std::int64_t{call.out.rows} * call.out.columns;
  }
  /// Rows follow each other without a gap, so operands may cross them.
  [[nodiscard]] bool linear() const {
    return taps() == 1 && call.stride[0] == 1 && call.stride[1] == 1 &&
           call.in.columns == call.out.columns && call.in.rows == call.out.rows;
  }
  /// Operands of output pixels in one block.
  [[nodiscard]] std::int64_t operands() const {
    return linear() ? up(pixels(), facts.rows)
                    : std::int64_t{call.out.rows} * up(call.out.columns, facts.rows);
  }
  /// Loads of one operand's pixels for one row of the window, all its taps together; one more where
  /// rows don't start at a multiple of a load.
  [[nodiscard]] std::int64_t row_loads() const {
    const std::int64_t span = (facts.rows - 1) * call.stride[1] + call.window[1];
    const std::int64_t per_load = facts.access_bytes / kSide;
    const bool aligned = linear() || call.in.columns % per_load == 0;
    return std::min(up(span, per_load) + (aligned ? 0 : 1), facts.rows * call.window[1]);
  }

  /// Loads of an inner loop: inputs, and everything else.
  struct Loads {
    std::int64_t inputs = 0, weights = 0;
    [[nodiscard]] std::int64_t all() const { return inputs + weights; }
  };
  [[nodiscard]] Loads loads(std::int64_t operands) const;
  [[nodiscard]] std::int64_t step(std::int64_t operands) const;
  [[nodiscard]] std::int64_t around(std::int64_t operands, bool begin, bool finish) const;
  [[nodiscard]] std::int64_t moved(std::int64_t operands) const;
};

/// Loads for one kept input block (pair) in a tile.
Work::Loads Work::loads(std::int64_t operands) const {
  const std::int64_t inputs = operands * row_loads() * (sparse4() ? 2 : 1);
  const std::int64_t mask = sparse4() ? up(16, facts.access_bytes) : 0;
  const std::int64_t weights = call.window[1] * (up(kSide * kSide, facts.access_bytes) + mask);
  const std::int64_t index = 1;
  return {call.window[0] * inputs, call.window[0] * weights + index};
}

/// One kept input block (pair) in a tile: the inner loop's bundles.
std::int64_t Work::step(std::int64_t operands) const {
  const Loads all = loads(operands);
  const std::int64_t macs = taps() * std::max(operands, facts.accumulate_distance);
  return std::max(macs, up(all.inputs + all.weights, facts.load_units));
}

/// What a tile costs outside its inner loop: the first inputs' addresses come from the list, so
/// their loads can't start earlier; the last result's latency; accumulators in and out.
std::int64_t Work::around(std::int64_t operands, bool begin, bool finish) const {
  const std::int64_t words = up(facts.rows * kSide * 4, facts.access_bytes);  // of an accumulator
  const std::int64_t stored = up(facts.rows * kSide, facts.access_bytes);     // of int8 results
  const std::int64_t in = begin ? operands : operands * words;
  const std::int64_t added = call.adds ? facts.fused_add : 0;
  const std::int64_t out = operands * (finish ? added + facts.requantize + stored : words);
  return facts.load_to_use + facts.latency_int8 - 1 + in + out;
}

/// Accesses of memory around a tile's inner loop.
std::int64_t Work::moved(std::int64_t operands) const {
  const std::int64_t words = up(facts.rows * kSide * 4, facts.access_bytes);
  const std::int64_t stored = up(facts.rows * kSide, facts.access_bytes);
  const std::int64_t added = call.adds && call.finish ? stored : 0;
  return operands * ((call.begin ? 0 : words) + (call.finish ? stored : words) + added);
}

/// Parts in signed arithmetic.
struct Parts {
  std::int64_t compute = 0, waits = 0, results = 0, starts = 0;
  std::int64_t slots = 0, macs = 0, accesses = 0;
};

Parts conv_parts(const Work& work, std::int64_t kept) {
  const std::int64_t blocks = work.call.out.blocks;
  Parts parts{.starts = blocks * work.facts.block_start};
  const auto add = [&](std::int64_t tiles, std::int64_t operands) {
    const std::int64_t compute = kept * work.taps() * operands;
    parts.compute += tiles * compute;
    parts.waits += tiles * (kept * work.step(operands) - compute);
    parts.results += tiles * blocks * work.around(operands, work.call.begin, work.call.finish);
    parts.accesses += tiles * (kept * work.loads(operands).all() + blocks * work.moved(operands));
  };
  const std::int64_t operands = work.operands();
  const std::int64_t rest = operands % work.facts.accumulators;
  add(operands / work.facts.accumulators, work.facts.accumulators);
  if (rest > 0) add(1, rest);
  parts.slots = kept * work.taps() * work.pixels() * kSide * kSide;
  parts.macs = parts.slots * (work.sparse4() ? 2 : 1);
  return parts;
}

Parts depthwise_parts(const Work& work) {
  const std::int64_t row_loads = work.call.window[0] * work.row_loads();
  const std::int64_t macs = up(work.taps(), work.facts.taps_per_elementwise_mac);
  const std::int64_t moves = work.taps();  // align each tap's pixels
  const std::int64_t each = std::max({up(row_loads, work.facts.load_units), macs, moves});
  const std::int64_t operands = work.operands();
  const std::int64_t tiles = up(operands, work.facts.accumulators);
  const std::int64_t fixed = work.around(0, true, true);
  const std::int64_t blocks = work.call.out.blocks;
  const std::int64_t products = blocks * work.taps() * work.pixels() * kSide;
  return {.compute = blocks * operands * macs,
          .waits = blocks * operands * (each - macs),
          .results = blocks * (tiles * fixed + work.around(operands, true, true) - fixed),
          .starts = blocks * (work.facts.block_start + work.taps()),
          .slots = products,
          .macs = products,
          .accesses = blocks * (operands * row_loads + work.moved(operands))};
}

/// One vector operation and one aligning move per tap, side by side; where an output row is
/// shorter than an operand, lanes take neighbouring taps instead and are folded at the end.
Parts pool_parts(const Work& work) {
  const std::int64_t row_loads = work.call.window[0] * work.row_loads();
  const std::int64_t direct =
      work.operands() * std::max(up(row_loads, work.facts.load_units), work.taps());
  const auto folds =
      static_cast<std::int64_t>(std::ceil(std::log2(static_cast<double>(work.facts.rows))));
  const std::int64_t folded = work.pixels() * (up(work.taps(), work.facts.rows) + folds);
  const bool average = work.call.kernel == Kernel::average_pool;
  const std::int64_t store = work.operands() * (average ? work.facts.requantize + 1 : 1);
  const std::int64_t latency = work.facts.load_to_use + work.facts.latency_int8 - 1;
  const std::int64_t blocks = work.call.out.blocks;
  return {.compute = blocks * std::min(direct, folded),
          .results = blocks * (store + latency),
          .starts = blocks * work.facts.block_start,
          .accesses = blocks * work.operands() * (row_loads + 1)};
}

/// Per access: two loads, one multiply-accumulate onto the other input, one rounding store.
Parts add_parts(const Work& work) {
  const std::int64_t words = up(work.call.out.bytes(), work.facts.access_bytes);
  return {.compute = words,
          .waits = words * (up(2, work.facts.load_units) - 1),
          .results = work.facts.load_to_use + work.facts.latency_int8 - 1,
          .accesses = 3 * words};
}

Parts gemm_parts(const KernelCall& call, const Device& device) {
  const std::int64_t m = call.gemm[0], k = call.gemm[1], n = call.gemm[2];
  const std::int64_t cycles =
      std::llround(single_core_gemm_cycles(m, k, n, call.gemm_types, device));
  const std::int64_t macs = m * k * n;
  const std::int64_t compute = std::min(cycles, up(macs, peak_macs(call.gemm_types, device)));
  return {.compute = compute, .waits = cycles - compute, .slots = macs, .macs = macs};
}

Parts parts_of(const Work& work, std::int64_t kept, const Device& device) {
  switch (work.call.kernel) {
    case Kernel::conv:
    case Kernel::conv_sparse4:
      return conv_parts(work, kept);
    case Kernel::depthwise:
      return depthwise_parts(work);
    case Kernel::max_pool:
    case Kernel::average_pool:
      return pool_parts(work);
    case Kernel::add:
      return add_parts(work);
    case Kernel::gemm:
      return gemm_parts(work.call, device);
  }
  return {};
}

std::uint64_t count(std::int64_t value) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, value));
}

/// `times` inner loops of a convolution over that many operands.
void add_loops(const Work& work, std::int64_t operands, std::int64_t times, CallAccesses& all) {
  const Work::Loads loads = work.loads(operands);
  const std::int64_t pairs = loads.inputs + loads.weights - work.step(operands);
  const std::int64_t mixed = std::min(pairs, loads.weights);
  all.input += count(times * loads.inputs);
  all.weights += count(times * loads.weights);
  all.input_weights += count(times * mixed);
  all.input_input += count(times * (pairs - mixed));
}

/// Operations on one input: loads that taps do not hide.
void add_window(const Work& work, std::int64_t bundles, CallAccesses& all) {
  const std::int64_t loads = work.call.window[0] * work.row_loads();
  const std::int64_t operands = work.call.out.blocks * work.operands();
  all.input += count(operands * loads);
  all.input_input +=
      count(operands * (loads - std::max(bundles, up(loads, work.facts.load_units))));
}

}  // namespace

CallAccesses call_accesses(const KernelCall& call, std::uint32_t kept_operands,
                           const Device& device) {
  const Work work{call, core_facts(device)};
  CallAccesses all;
  if (call.kernel == Kernel::gemm) return all;
  const std::int64_t stored = up(work.facts.rows * kSide, work.facts.access_bytes);
  if (call.finish) all.output = count(call.out.blocks * work.operands() * stored);
  switch (call.kernel) {
    case Kernel::conv:
    case Kernel::conv_sparse4: {
      const std::int64_t tile = work.facts.accumulators;
      const std::int64_t kept = kept_operands;
      add_loops(work, tile, kept * (work.operands() / tile), all);
      const std::int64_t rest = work.operands() % tile;
      if (rest > 0) add_loops(work, rest, kept, all);
      if (call.adds && call.finish) all.second = all.output;
      break;
    }
    case Kernel::depthwise:
    case Kernel::max_pool:
    case Kernel::average_pool:
      add_window(work, work.taps(), all);
      break;
    case Kernel::add:
      all.input = all.second = all.output = count(up(call.out.bytes(), work.facts.access_bytes));
      all.input_second = all.load_store = all.input;
      break;
    case Kernel::gemm:
      break;
  }
  return all;
}

CallParts& CallParts::operator+=(const CallParts& other) noexcept {
  compute += other.compute;
  waits += other.waits;
  results += other.results;
  starts += other.starts;
  conflicts += other.conflicts;
  slots += other.slots;
  macs += other.macs;
  memory_bytes += other.memory_bytes;
  return *this;
}

CallParts call_parts(const KernelCall& call, std::uint32_t kept_operands, const Device& device) {
  const Work work{call, core_facts(device)};
  const Parts parts = parts_of(work, kept_operands, device);
  const std::int64_t start = call.kernel == Kernel::gemm ? 0 : work.facts.call;
  const auto count = [](std::int64_t value) { return static_cast<std::uint64_t>(value); };
  return {.compute = count(parts.compute),
          .waits = count(parts.waits),
          .results = count(parts.results),
          .starts = count(parts.starts + start),
          .slots = count(parts.slots),
          .macs = count(parts.macs),
          .memory_bytes = count(parts.accesses * work.facts.access_bytes)};
}

std::uint64_t call_cycles(const KernelCall& call, std::uint32_t kept_operands,
                          const Device& device) {
  return call_parts(call, kept_operands, device).cycles();
}

}  // namespace wbs::aie
