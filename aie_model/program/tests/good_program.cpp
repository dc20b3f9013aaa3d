#include "aie_model/program/tests/good_program.hpp"

namespace wbs::aie::tests {
namespace {

constexpr std::uint32_t kWords = 64;

/// 64 words from `address` on.
Descriptor linear(std::uint64_t address, LockUse acquire = {}, LockUse release = {}) {
  Descriptor descriptor;
  descriptor.address = address;
  descriptor.words = kWords;
  descriptor.acquire = acquire;
  descriptor.release = release;
  return descriptor;
}

CoreOp op(CoreOp::Kind kind, std::uint32_t index = 0) {
  return {kind, {}, index, 1};
}

void add_shim(Program& program) {
  TileProgram& shim_tile = tile(program, kShim);
  shim_tile.descriptors = {linear(0), linear(0)};
  for (std::uint16_t buffer = 0; buffer < 2; ++buffer) {
    shim_tile.descriptors[buffer].memory = MemoryOf::ddr;
    shim_tile.descriptors[buffer].ddr_buffer = buffer;
  }
  shim_tile.channels = {{Direction::mm2s, 0, false, {{0, 1}}},
                        {Direction::s2mm, 0, false, {{1, 1}}}};
}

void add_memtile(Program& program) {
  TileProgram& memtile = tile(program, kMemtile);
  memtile.locks = {0, 0};
  memtile.descriptors.resize(25);
  memtile.descriptors[0] = linear(0, {}, {0, 1});
  memtile.descriptors[1] = linear(0, {0, 1});
  memtile.descriptors[1].words = kWords - 8;  // and 8 zeros
  memtile.descriptors[1].dimensions = {{8, 1}, {7, 8}};
  memtile.descriptors[1].pad_after = {0, 1, 0};
  memtile.descriptors[2] = linear(1024, {1, 1});
  memtile.descriptors[3] = linear(0);
  memtile.descriptors[24] = linear(1024, {}, {1, 1});
  memtile.channels = {{Direction::s2mm, 0, false, {{0, 1}}},
                      {Direction::mm2s, 0, false, {{1, 1}}},
                      {Direction::s2mm, 1, true, {{-1, 1}}},
                      {Direction::mm2s, 4, false, {{2, 1}}}};
}

void add_core(Program& program) {
  TileProgram& core_tile = tile(program, kCore);
  core_tile.locks = {2, 0};
  core_tile.descriptors = {linear(0, {0, 1}, {1, 1}), linear(512)};
  core_tile.descriptors[1].packet = 3;
  core_tile.descriptors[1].target = 24;
  core_tile.channels = {{Direction::s2mm, 0, false, {{0, 1}}},
                        {Direction::mm2s, 0, false, {{1, 1}}}};
  // Two slots of input, two of results, one of weights, then the accumulators.
  core_tile.rings = {{0, 256, 2, {}}, {512, 256, 2, {}}, {1536, 512, 1, {1}}};
  KernelCall pool;
  pool.kernel = Kernel::max_pool;
  pool.input.ring = 0;
  pool.output.ring = 1;
  pool.in = pool.out = {1, 8, 4};
  KernelCall conv = pool;
  conv.kernel = Kernel::conv;
  conv.weights.ring = 2;
  conv.finish = false;
  conv.accumulators = 4096;
  core_tile.calls = {pool, conv};
  core_tile.code = {op(CoreOp::Kind::begin),   op(CoreOp::Kind::acquire), op(CoreOp::Kind::call, 1),
                    op(CoreOp::Kind::release), op(CoreOp::Kind::advance), op(CoreOp::Kind::end)};
  core_tile.code[1].lock = {1, 1};
  core_tile.code[3].lock = {0, 1};
}

}  // namespace

Device good_device() {
  Device device = aie2_array(2, 2);
  device.silicon.shim_columns = {0};
  return device;
}

Program good_program() {
  Program program;
  program.columns = program.rows = 2;
  program.ddr = {{"input", DdrBuffer::Kind::input, std::uint64_t{4} * kWords, {}},
                 {"output", DdrBuffer::Kind::output, std::uint64_t{4} * kWords, {}}};
  program.steps.emplace_back();
  add_shim(program);
  add_memtile(program);
  add_core(program);
  program.steps.front().connections = {
      {kShim, dma(0), north(0), -1},    {kMemtile, south(0), dma(0), -1},
      {kMemtile, dma(0), north(0), -1}, {kCore, south(0), dma(0), -1},
      {kCore, dma(0), south(0), 3},     {kMemtile, north(0), dma(1), 3},
      {kMemtile, dma(4), south(0), -1}, {kShim, north(0), dma(0), -1},
  };
  return program;
}

TileProgram& tile(Program& program, TileId id) {
  std::vector<TileProgram>& tiles = program.steps.front().tiles;
  for (TileProgram& known : tiles) {
    if (known.tile == id) return known;
  }
  tiles.emplace_back().tile = id;
  return tiles.back();
}

void add_sender(Program& program, TileId id, std::uint8_t channel, std::int16_t packet) {
  TileProgram& sender = tile(program, id);
  const auto descriptor = static_cast<std::int16_t>(sender.descriptors.size());
  Descriptor& added = sender.descriptors.emplace_back();
  added.words = 4;
  added.packet = packet;
  sender.channels.push_back({Direction::mm2s, channel, false, {{descriptor, 1}}});
}

}  // namespace wbs::aie::tests
