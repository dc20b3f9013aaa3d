#include "aie_model/program/tests/sample_program.hpp"

#include <limits>

namespace wbs::aie {
namespace {

KernelCall sample_call() {
  KernelCall call;
  call.kernel = Kernel::average_pool;
  call.input = {1, 64};
  call.second = {2, 128};
  call.weights = {3, 192};
  call.output = {4, 256};
  call.accumulators = 4096;
  call.in = {2, 9, 10};
  call.out = {3, 4, 5};
  call.window = {3, 5};
  call.stride = {2, 4};
  call.begin = false;
  call.finish = false;
  call.input_unsigned = true;
  call.second_unsigned = true;
  call.minimum = -7;
  call.maximum = 255;
  call.shift_input = 6;
  call.shift_second = 8;
  call.shift = 11;
  call.multiplier = -1337;
  call.gemm = {12, 13, 65535};
  call.gemm_types = GemmTypes::bf16_bf16;
  return call;
}

Descriptor sample_descriptor() {
  Descriptor descriptor;
  descriptor.memory = MemoryOf::ddr;
  descriptor.ddr_buffer = 1;
  descriptor.address = std::uint64_t{1} << 40;
  descriptor.words = 24;
  descriptor.dimensions = {{2, 1}, {3, -16}, {4, 64}};
  descriptor.iteration = {5, -96};
  descriptor.pad_before = {1, 2, 3};
  descriptor.pad_after = {4, 5, 6};
  descriptor.acquire = {2, 3};
  descriptor.release = {4, 5};
  descriptor.next = 1;
  descriptor.packet = 31;
  descriptor.target = 7;
  descriptor.compress = true;
  descriptor.sizes = {9, 27};
  return descriptor;
}

TileProgram sample_core() {
  using Kind = CoreOp::Kind;
  TileProgram tile;
  tile.tile = {TileKind::core, 1, 2};
  tile.locks = {2, 0, -3};
  tile.descriptors = {Descriptor{}, sample_descriptor()};
  tile.descriptors[0].words = 6;
  tile.channels = {{Direction::s2mm, 1, true, {{-1, 9}}},
                   {Direction::mm2s, 2, false, {{0, 3}, {1, 1}}}};
  tile.rings = {{1024, 256, 3, {7, 0, 4294967295}}, {2048, 512, 4, {}}};
  tile.calls = {sample_call(), KernelCall{}};
  tile.code = {{Kind::begin, {}, 0, 4},   {Kind::acquire, {1, -2}, 0, 1},
               {Kind::begin, {}, 0, 2},   {Kind::call, {}, 1, 1},
               {Kind::end, {}, 0, 1},     {Kind::release, {2, 3}, 0, 1},
               {Kind::advance, {}, 1, 1}, {Kind::end, {}, 0, 1}};
  return tile;
}

TileProgram sample_memtile() {
  TileProgram tile;
  tile.tile = {TileKind::memtile, 3, 0};
  Descriptor west;
  west.memory = MemoryOf::west;
  west.address = 64;
  west.words = 16;
  tile.descriptors = {west};
  tile.channels = {{Direction::mm2s, 0, false, {{0, 1}}}};
  return tile;
}

std::vector<ProgramLayer> sample_layers() {
  ProgramLayer stem;
  stem.name = "conv1";
  stem.operation = "conv";
  stem.macs = 1000;
  stem.kept_macs = 500;
  stem.output = {64, 7, 9, true, -5};
  stem.parts = {{1, {TileKind::memtile, 2, 1}, 0, 128, 1, 2, 3, 4, 6, 1},
                {2, {TileKind::shim, 0, 0}, 2, 256, 5, 6, 7, 8, 10, 2}};
  ProgramLayer rest;
  rest.name = "fc, \"last\"";
  rest.operation = "linear";
  rest.output = {10, 1, 1, false, 3};
  return {stem, rest};
}

}  // namespace

Program sample_program() {
  Program program;
  program.network = "sample";
  program.pattern = "8x8@50%";
  program.device = "grid";
  program.columns = 4;
  program.rows = 3;
  program.input = {3, 8, 9, true, -7};
  program.output = {10, 1, 2, true, 4};
  program.input_buffer = 1;
  program.output_buffer = 2;
  program.ddr = {{"weights", DdrBuffer::Kind::weights, 5, {1, 2, 3, 4, 255}},
                 {"input", DdrBuffer::Kind::input, 576, {}},
                 {"output",
                  DdrBuffer::Kind::output,
                  static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()),
                  {}}};
  program.layers = sample_layers();
  using At = Port::Kind;
  const TileId core{TileKind::core, 1, 2};
  program.steps = {{"conv1: rows 0..3", 0, {sample_core(), sample_memtile()}, {}},
                   {"", 1, {}, {{core, {At::west, 3}, {At::dma, 1}, -1}}},
                   {"fc",
                    1,
                    {sample_memtile()},
                    {{core, {At::south, 2}, {At::north, 4}, 30},
                     {{TileKind::shim, 0, 0}, {At::dma, 0}, {At::east, 1}, 5}}}};
  return program;
}

}  // namespace wbs::aie
