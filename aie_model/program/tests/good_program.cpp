#include "aie_model/program/tests/good_program.hpp"

namespace wbs::aie::tests {
namespace {

constexpr std::uint32_t kWords = 64;

void add_shim(Program& program) {
  TileProgram& shim_tile = tile(program, kShim);
  shim_tile.descriptors = {{.memory = MemoryOf::ddr, .ddr_buffer = 0, .words = kWords},
                           {.memory = MemoryOf::ddr, .ddr_buffer = 1, .words = kWords}};
  shim_tile.channels = {{Direction::mm2s, 0, false, {{0, 1}}},
                        {Direction::s2mm, 0, false, {{1, 1}}}};
}

void add_memtile(Program& program) {
  TileProgram& memtile = tile(program, kMemtile);
  memtile.locks = {0, 0};
  memtile.descriptors.resize(25);
  memtile.descriptors[0] = {.words = kWords, .release = {0, 1}};
  memtile.descriptors[1] = {
      .words = kWords, .dimensions = {{8, 1}, {8, 8}}, .pad_after = {0, 1, 0}, .acquire = {0, 1}};
  memtile.descriptors[2] = {.address = 1024, .words = kWords, .acquire = {1, 1}};
  memtile.descriptors[3] = {.words = kWords};
  memtile.descriptors[24] = {.address = 1024, .words = kWords, .release = {1, 1}};
  memtile.channels = {{Direction::s2mm, 0, false, {{0, 1}}},
                      {Direction::mm2s, 0, false, {{1, 1}}},
                      {Direction::s2mm, 1, true, {{-1, 1}}},
                      {Direction::mm2s, 4, false, {{2, 1}}}};
}

void add_core(Program& program) {
  TileProgram& core_tile = tile(program, kCore);
  core_tile.locks = {2, 0};
  core_tile.descriptors = {
      {.words = kWords, .acquire = {0, 1}, .release = {1, 1}},
      {.address = 512, .words = kWords, .packet = 3, .target = 24},
  };
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
  core_tile.code = {
      {.kind = CoreOp::Kind::begin, .count = 2},   {.kind = CoreOp::Kind::acquire, .lock = {1, 1}},
      {.kind = CoreOp::Kind::call, .index = 1},    {.kind = CoreOp::Kind::release, .lock = {0, 1}},
      {.kind = CoreOp::Kind::advance, .index = 0}, {.kind = CoreOp::Kind::end}};
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
  program.ddr = {{"input", DdrBuffer::Kind::input, 4 * kWords, {}},
                 {"output", DdrBuffer::Kind::output, 4 * kWords, {}}};
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
  sender.descriptors.push_back({.words = 4, .packet = packet});
  sender.channels.push_back({Direction::mm2s, channel, false, {{descriptor, 1}}});
}

}  // namespace wbs::aie::tests
