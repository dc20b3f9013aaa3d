#include "compiler/gemm/emit.hpp"

namespace wbs::compiler {
namespace {

using aie::CoreOp;
using aie::Descriptor;
using aie::Direction;

std::uint32_t u32(std::int64_t value) {
  return static_cast<std::uint32_t>(value);
}
std::uint64_t u64(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}
std::int32_t i32(std::int64_t value) {
  return static_cast<std::int32_t>(value);
}

/// Tiles of `bytes` into a ring of two slots at `address`.
void receive_tiles(StepBuilder& step, const ChannelId& receive, std::int64_t address,
                   std::int64_t bytes, std::int64_t count, const SlotLocks& locks) {
  Descriptor in;
  in.address = u64(address);
  in.words = u32(bytes / 4);
  in.iteration = {2, i32(bytes / 4)};
  in.acquire = {locks.free, 1};
  in.release = {locks.filled, 1};
  step.task(receive, step.descriptor(receive, in), u32(count));
  step.tile(receive.tile).rings.push_back({u32(address), u32(bytes), 2, {}});
}

/// For each tile of C: wait until the last one has left, then sum up.
void write_code(aie::TileProgram& program, const GemmCore& core, const SlotLocks& a,
                const SlotLocks& b, const SlotLocks& c) {
  using Kind = CoreOp::Kind;
  const auto add = [&](Kind kind, std::uint32_t index = 0, std::int64_t count = 1) {
    program.code.push_back({kind, {}, index, u32(count)});
  };
  const auto lock = [&](Kind kind, std::int16_t id) {
    program.code.push_back({kind, {id, 1}, 0, 1});
  };
  const auto sum_up = [&](std::uint32_t call) {
    lock(Kind::acquire, a.filled);
    lock(Kind::acquire, b.filled);
    add(Kind::call, call);
    lock(Kind::release, a.free);
    lock(Kind::release, b.free);
    add(Kind::advance, 0);
    add(Kind::advance, 1);
  };
  add(Kind::begin, 0, core.blocks);
  lock(Kind::acquire, c.free);
  sum_up(0);
  if (core.calls > 1) {
    add(Kind::begin, 0, core.calls - 1);
    sum_up(1);
    add(Kind::end);
  }
  lock(Kind::release, c.filled);
  add(Kind::end);
}

}  // namespace

void emit_gemm_core(const Gemm& gemm, const GemmTile& tile, const GemmCore& core,
                    StepBuilder& step) {
  const std::int64_t a = tile.m * tile.k * operand_bytes(gemm.types);
  const std::int64_t b = tile.k * tile.n * operand_bytes(gemm.types);
  const std::int64_t c_address = 2 * (a + b);
  const SlotLocks a_locks = slot_locks(step, core.id, 2);
  const SlotLocks b_locks = slot_locks(step, core.id, 2);
  const SlotLocks c_locks = slot_locks(step, core.id, 1);
  const std::int64_t count = core.blocks * core.calls;
  receive_tiles(step, {core.id, Direction::s2mm, kChannelA}, 0, a, count, a_locks);
  receive_tiles(step, {core.id, Direction::s2mm, kChannelB}, 2 * a, b, count, b_locks);
  const ChannelId send{core.id, Direction::mm2s, 0};
  Descriptor out;
  out.address = u64(c_address);
  out.words = u32(tile.m * tile.n * result_bytes(gemm.types) / 4);
  out.acquire = {c_locks.filled, 1};
  out.release = {c_locks.free, 1};
  step.task(send, step.descriptor(send, out), u32(core.blocks));

  aie::TileProgram& program = step.tile(core.id);
  for (const bool begin : {true, false}) {
    aie::KernelCall& call = program.calls.emplace_back();
    call.kernel = aie::Kernel::gemm;
    call.input.ring = 0;
    call.second.ring = 1;
    call.output.address = u32(c_address);
    call.begin = begin;
    call.gemm = {static_cast<std::uint16_t>(tile.m), static_cast<std::uint16_t>(tile.k),
                 static_cast<std::uint16_t>(tile.n)};
    call.gemm_types = gemm.types;
  }
  write_code(program, core, a_locks, b_locks, c_locks);
}

}  // namespace wbs::compiler
