#include <fmt/format.h>

#include <algorithm>

#include "compiler/published/emit.hpp"
#include "core/error.hpp"

namespace wbs::compiler {
namespace {

using aie::CoreOp;
using aie::Descriptor;
using aie::Direction;

constexpr std::uint32_t kInputRing = 0, kOutputRing = 1, kWeightsRing = 2;

std::uint32_t u32(std::int64_t value) {
  return static_cast<std::uint32_t>(value);
}

struct RingLocks {
  std::int16_t free = -1, filled = -1;
};

class CoreEmitter {
 public:
  CoreEmitter(const ReplayLayer& layer, const ReplayStep& step, const ReplayCore& core,
              const aie::Device& device, StepBuilder& builder)
      : layer_(layer), step_(step), core_(core), device_(device), builder_(builder) {}

  void run() {
    const std::int64_t count = step_.all_iterations();
    in_ = transfers({core_.id, Direction::s2mm, 0}, layer_.loadfm_words, 2, count * layer_.pieces);
    out_ = transfers({core_.id, Direction::mm2s, 0}, core_.out_words, 2, count);
    receive_weights();
    accumulators_ = place(layer_.accumulator_bytes);
    write_code();
  }

 private:
  aie::TileProgram& tile() { return builder_.tile(core_.id); }

  /// The next free bytes of data memory; where there are too few, the last ones, which something
  /// else has too (excesses_of says so).
  std::uint32_t place(std::int64_t bytes) {
    if (bytes > device_.core_memory) {
      throw Error(ErrorKind::unsupported,
                  fmt::format("'{}': {} would need a buffer of {} bytes, it has {}", step_.name,
                              aie::to_string(core_.id), bytes, device_.core_memory));
    }
    const std::int64_t at = std::min(next_, device_.core_memory - bytes);
    next_ = at + (bytes + 31) / 32 * 32;
    return u32(at);
  }

  /// A ring of `slots` buffers, and as many runs between it and the channel as are counted.
  RingLocks transfers(const ChannelId& channel, std::int64_t words, std::int64_t slots,
                      std::int64_t count) {
    const std::int64_t slot = (words * 4 + 31) / 32 * 32;
    tile().rings.push_back({place(slots * slot), u32(slot), u32(slots), {}});
    if (words == 0 || count == 0) return {};
    const auto free = builder_.lock(core_.id, static_cast<std::int16_t>(slots));
    const RingLocks locks{free, builder_.lock(core_.id, 0)};
    Descriptor run = descriptor(channel, tile().rings.back().address, words, locks);
    if (slots > 1) run.iteration = {u32(slots), static_cast<std::int32_t>(slot / 4)};
    builder_.task(channel, builder_.descriptor(channel, run), u32(count));
    return locks;
  }

  Descriptor descriptor(const ChannelId& channel, std::uint32_t address, std::int64_t words,
                        const RingLocks& locks) const {
    const bool receives = channel.direction == Direction::s2mm;
    Descriptor run;
    run.address = address;
    run.words = u32(words);
    run.acquire = {receives ? locks.free : locks.filled, 1};
    run.release = {receives ? locks.filled : locks.free, 1};
    if (!receives) run.packet = core_.packet;
    return run;
  }

  /// One buffer: the next chunk comes when the sweep over the rows has ended. The first chunk of a
  /// layer is longer by its header.
  void receive_weights() {
    const ChannelId channel{core_.id, Direction::s2mm, 1};
    const std::int64_t header = step_.header_words;
    const std::int64_t rest = step_.sends - (header > 0 ? 1 : 0);
    const std::int64_t slot = ((layer_.chunk_words + header) * 4 + 31) / 32 * 32;
    const std::uint32_t address = place(slot);
    tile().rings.push_back({address, u32(slot), 1, {}});
    if (step_.sends == 0) return;
    const auto free = builder_.lock(core_.id, 1);
    weights_ = {free, builder_.lock(core_.id, 0)};
    if (header > 0) {
      const auto first = descriptor(channel, address, layer_.chunk_words + header, weights_);
      builder_.task(channel, builder_.descriptor(channel, first));
    }
    if (rest == 0) return;
    const auto next = descriptor(channel, address, layer_.chunk_words, weights_);
    builder_.task(channel, builder_.descriptor(channel, next), u32(rest));
  }

  void op(CoreOp::Kind kind, std::uint32_t index = 0, std::int64_t count = 1) {
    tile().code.push_back({kind, {}, index, u32(count)});
  }
  void use(CoreOp::Kind kind, std::int16_t lock) {
    if (lock >= 0) tile().code.push_back({kind, {lock, 1}, 0, 1});
  }

  std::uint32_t call_index(aie::KernelCall call, std::int64_t rows) {
    call.input.ring = call.second.ring = kInputRing;
    if (layer_.has_weights) call.weights.ring = kWeightsRing;
    call.output.ring = kOutputRing;
    call.accumulators = accumulators_;
    call.out.rows = static_cast<std::uint16_t>(rows);
    auto& calls = tile().calls;
    auto found = std::find(calls.begin(), calls.end(), call);
    if (found == calls.end()) found = calls.insert(calls.end(), call);
    return u32(found - calls.begin());
  }

  /// The weights ring has one slot, so that advancing it only says which operands the next call
  /// has.
  void run_call(const ReplayCall& call, std::int64_t rows) {
    const std::uint32_t index = call_index(call.call, rows);
    const std::int64_t times = std::ssize(call.spans);
    if (times > 1) op(CoreOp::Kind::begin, 0, times);
    if (layer_.weights_in_pieces) use(CoreOp::Kind::acquire, weights_.filled);
    if (layer_.pieces > 1) take_input();
    op(CoreOp::Kind::call, index);
    if (layer_.pieces > 1) leave_input();
    if (layer_.has_weights) op(CoreOp::Kind::advance, kWeightsRing);
    if (layer_.weights_in_pieces) use(CoreOp::Kind::release, weights_.free);
    if (times > 1) op(CoreOp::Kind::end);
  }

  void take_input() { use(CoreOp::Kind::acquire, in_.filled); }
  void leave_input() {
    use(CoreOp::Kind::release, in_.free);
    op(CoreOp::Kind::advance, kInputRing);
  }

  void iteration(const ReplaySweep& sweep, std::int64_t rows, std::int64_t count) {
    if (count == 0) return;
    if (count > 1) op(CoreOp::Kind::begin, 0, count);
    use(CoreOp::Kind::acquire, out_.free);
    if (layer_.pieces == 1) take_input();
    for (const ReplayCall& call : sweep.calls) run_call(call, rows);
    if (layer_.pieces == 1) leave_input();
    use(CoreOp::Kind::release, out_.filled);
    op(CoreOp::Kind::advance, kOutputRing);
    if (count > 1) op(CoreOp::Kind::end);
  }

  void write_code() {
    if (!layer_.has_weights) {  // a layer's parameters
      use(CoreOp::Kind::acquire, weights_.filled);
      use(CoreOp::Kind::release, weights_.free);
    }
    const bool whole = layer_.has_weights && !layer_.weights_in_pieces;
    for (const ReplaySweep& sweep : step_.sweeps) {
      note_kept(sweep);
      if (sweep.count > 1) op(CoreOp::Kind::begin, 0, sweep.count);
      if (whole) use(CoreOp::Kind::acquire, weights_.filled);
      iteration(sweep, layer_.rows, step_.iterations - 1);
      iteration(sweep, step_.last_rows, 1);
      if (whole) use(CoreOp::Kind::release, weights_.free);
      if (sweep.count > 1) op(CoreOp::Kind::end);
    }
  }

  /// Operands of every call in order; those of one iteration where all sweeps are alike.
  void note_kept(const ReplaySweep& sweep) {
    if (!layer_.has_weights) return;
    const std::int64_t times = step_.sweeps.size() > 1 ? sweep.count * step_.iterations : 1;
    std::vector<std::uint32_t>& kept = tile().rings[kWeightsRing].kept;
    for (std::int64_t i = 0; i < times; ++i) {
      for (const ReplayCall& call : sweep.calls) {
        for (const ChunkSpan& span : call.spans) {
          kept.push_back(layer_.weights.kept(core_.id.row, span));
        }
      }
    }
  }

  const ReplayLayer& layer_;
  const ReplayStep& step_;
  const ReplayCore& core_;
  const aie::Device& device_;
  StepBuilder& builder_;
  RingLocks in_, out_, weights_;
  std::uint32_t accumulators_ = 0;
  std::int64_t next_ = 0;  ///< free data memory begins here
};

}  // namespace

void emit_replay_core(const ReplayLayer& layer, const ReplayStep& step, const ReplayCore& core,
                      const aie::Device& device, StepBuilder& builder) {
  CoreEmitter(layer, step, core, device, builder).run();
}

}  // namespace wbs::compiler
