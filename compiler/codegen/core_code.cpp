// The code of a core: acquire, call, release, in loops.
#include <algorithm>

#include "compiler/codegen/core_view.hpp"

namespace wbs::compiler {
namespace {

using aie::CoreOp;

class CodeWriter {
 public:
  CodeWriter(const CoreView& core, const CoreLocks& locks, std::uint32_t accumulators,
             aie::TileProgram& tile)
      : core_(core), locks_(locks), accumulators_(accumulators), tile_(tile) {}

  void write() {
    if (core_.layer.pieces.pieces > 1) {
      write_pieces();
      return;
    }
    if (core_.layer.mapping.keep_input) {
      write_chunks();
      return;
    }
    const bool weights = has_weights(core_.layer.shape.kernel);
    for (const auto& [blocks, chunks] : core_.runs_of_chunks()) {
      op(CoreOp::Kind::begin, 0, u32(chunks));
      if (weights) use(CoreOp::Kind::acquire, locks_.weights.filled);
      op(CoreOp::Kind::begin, 0, u32(core_.job.tiles));
      open_result(blocks);
      take_input(blocks, true, true);
      close_result(blocks);
      op(CoreOp::Kind::end);
      if (weights) {
        use(CoreOp::Kind::release, locks_.weights.free);
        op(CoreOp::Kind::advance, kWeightsRing);
      }
      op(CoreOp::Kind::end);
    }
  }

 private:
  void op(CoreOp::Kind kind, std::uint32_t index = 0, std::uint32_t count = 1) {
    tile_.code.push_back({kind, {}, index, count});
  }
  void use(CoreOp::Kind kind, std::int16_t lock) { tile_.code.push_back({kind, {lock, 1}, 0, 1}); }

  void run_call(std::int64_t blocks, bool begin, bool finish) {
    if (blocks == 0) return;
    const aie::KernelCall made = core_.call(blocks, begin, finish, accumulators_);
    auto& calls = tile_.calls;
    auto it = std::find(calls.begin(), calls.end(), made);
    if (it == calls.end()) it = calls.insert(calls.end(), made);
    const auto index = u32(it - calls.begin());
    if (made.adds) use(CoreOp::Kind::acquire, locks_.second.filled);
    op(CoreOp::Kind::call, index);
    if (!made.adds) return;
    use(CoreOp::Kind::release, locks_.second.free);
    op(CoreOp::Kind::advance, kSecondRing);
  }

  void take_input(std::int64_t blocks, bool begin, bool finish) {
    use(CoreOp::Kind::acquire, locks_.in.filled);
    run_call(blocks, begin, finish);
    use(CoreOp::Kind::release, locks_.in.free);
    op(CoreOp::Kind::advance, kInputRing);
  }

  void take_weights(std::int64_t blocks, bool begin, bool finish) {
    use(CoreOp::Kind::acquire, locks_.weights.filled);
    take_input(blocks, begin, finish);
    use(CoreOp::Kind::release, locks_.weights.free);
    op(CoreOp::Kind::advance, kWeightsRing);
  }

  void open_result(std::int64_t blocks) {
    if (blocks > 0) use(CoreOp::Kind::acquire, locks_.out.free);
  }
  void close_result(std::int64_t blocks) {
    if (blocks == 0) return;
    use(CoreOp::Kind::release, locks_.out.filled);
    op(CoreOp::Kind::advance, kOutputRing);
  }

  /// All chunks of weights pass while a tile of the input stays.
  void write_chunks() {
    op(CoreOp::Kind::begin, 0, u32(core_.job.tiles));
    use(CoreOp::Kind::acquire, locks_.in.filled);
    for (const auto& [blocks, chunks] : core_.runs_of_chunks()) {
      op(CoreOp::Kind::begin, 0, u32(chunks));
      use(CoreOp::Kind::acquire, locks_.weights.filled);
      open_result(blocks);
      run_call(blocks, true, true);
      close_result(blocks);
      use(CoreOp::Kind::release, locks_.weights.free);
      op(CoreOp::Kind::advance, kWeightsRing);
      op(CoreOp::Kind::end);
    }
    use(CoreOp::Kind::release, locks_.in.free);
    op(CoreOp::Kind::advance, kInputRing);
    op(CoreOp::Kind::end);
  }

  /// Input channels in pieces: each tile is finished before the next one begins.
  void write_pieces() {
    const std::int64_t blocks = core_.blocks_of_chunk(core_.phase.chunk).count;
    op(CoreOp::Kind::begin, 0, u32(core_.job.tiles));
    open_result(blocks);
    take_weights(blocks, true, false);
    if (core_.layer.pieces.pieces > 2) {
      op(CoreOp::Kind::begin, 0, u32(core_.layer.pieces.pieces - 2));
      take_weights(blocks, false, false);
      op(CoreOp::Kind::end);
    }
    take_weights(blocks, false, true);
    close_result(blocks);
    op(CoreOp::Kind::end);
  }

  const CoreView& core_;
  const CoreLocks& locks_;
  std::uint32_t accumulators_;
  aie::TileProgram& tile_;
};

}  // namespace

void write_code(const CoreView& core, const CoreLocks& locks, std::uint32_t accumulators,
                aie::TileProgram& tile) {
  CodeWriter(core, locks, accumulators, tile).write();
}

void write_passing_code(const CoreJob& job, const CoreLocks& locks, aie::TileProgram& tile) {
  tile.code.push_back({CoreOp::Kind::begin, {}, 0, u32(job.deliveries)});
  tile.code.push_back({CoreOp::Kind::acquire, {locks.weights.filled, 1}, 0, 1});
  tile.code.push_back({CoreOp::Kind::release, {locks.weights.free, 1}, 0, 1});
  tile.code.push_back({CoreOp::Kind::end, {}, 0, 1});
}

}  // namespace wbs::compiler
