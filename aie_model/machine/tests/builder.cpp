#include "aie_model/machine/tests/builder.hpp"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

namespace wbs::aie::tests {

Device test_device() {
  Device device = aie2_array(2, 2);
  SiliconTimes& times = device.silicon.times;
  times.shim_mm2s_task = times.shim_s2mm_task = 0;
  times.shim_mm2s_cold = times.shim_s2mm_cold = 0;
  times.reconfigure_fixed = 0;
  times.reconfigure_words_per_cycle = 1e9;
  device.silicon.dram_bytes_per_cycle = 0.0;
  return device;
}

Program empty_program() {
  Program program;
  program.device = test_device().name;
  program.columns = program.rows = 2;
  program.input_buffer = program.output_buffer = 999;
  program.steps.emplace_back();
  return program;
}

TileProgram& tile(Program& program, TileId tile) {
  Step& step = program.steps.back();
  step.tiles.reserve(16);
  for (TileProgram& known : step.tiles) {
    if (known.tile == tile) return known;
  }
  step.tiles.emplace_back().tile = tile;
  return step.tiles.back();
}

std::uint16_t add_buffer(Program& program, DdrBuffer::Kind kind, std::uint32_t words) {
  const auto index = static_cast<std::uint16_t>(program.ddr.size());
  DdrBuffer& buffer = program.ddr.emplace_back();
  buffer.name = "buffer";
  buffer.kind = kind;
  buffer.size_bytes = std::uint64_t{words} * 4;
  if (kind == DdrBuffer::Kind::weights) buffer.data = pattern(buffer.size_bytes);
  if (kind == DdrBuffer::Kind::input) program.input_buffer = index;
  if (kind == DdrBuffer::Kind::output) program.output_buffer = index;
  return index;
}

std::vector<std::uint8_t> pattern(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 37 + i / 256 + 5);
  return bytes;
}

std::int16_t add(TileProgram& program, const Descriptor& descriptor) {
  program.descriptors.push_back(descriptor);
  return static_cast<std::int16_t>(program.descriptors.size() - 1);
}

void task(TileProgram& program, Direction direction, int channel, int descriptor, int repeat) {
  const Task wanted{.descriptor = static_cast<std::int16_t>(descriptor),
                    .repeat = static_cast<std::uint32_t>(repeat)};
  for (Channel& known : program.channels) {
    if (known.direction != direction || known.index != channel) continue;
    known.tasks.push_back(wanted);
    return;
  }
  Channel& fresh = program.channels.emplace_back();
  fresh.direction = direction;
  fresh.index = static_cast<std::uint8_t>(channel);
  fresh.out_of_order = descriptor < 0;
  fresh.tasks.push_back(wanted);
}

void connect(Program& program, std::initializer_list<TileId> path, int from, int to, int lane,
             int packet) {
  const auto height = [](TileId id) {
    return id.kind == TileKind::shim ? 0 : id.kind == TileKind::memtile ? 1 : 2 + id.row;
  };
  const std::vector<TileId> tiles(path);
  Port slave{.kind = Port::Kind::dma, .index = static_cast<std::uint8_t>(from)};
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    Port master{.kind = Port::Kind::dma, .index = static_cast<std::uint8_t>(to)};
    Port::Kind entry = Port::Kind::dma;
    if (i + 1 < tiles.size()) {
      master.index = static_cast<std::uint8_t>(lane);
      const int rise = height(tiles[i + 1]) - height(tiles[i]);
      const int shift = tiles[i + 1].column - tiles[i].column;
      if (rise > 0) std::tie(master.kind, entry) = std::pair(Port::Kind::north, Port::Kind::south);
      if (rise < 0) std::tie(master.kind, entry) = std::pair(Port::Kind::south, Port::Kind::north);
      if (shift > 0) std::tie(master.kind, entry) = std::pair(Port::Kind::east, Port::Kind::west);
      if (shift < 0) std::tie(master.kind, entry) = std::pair(Port::Kind::west, Port::Kind::east);
    }
    const SwitchConnection connection{.tile = tiles[i],
                                      .slave = slave,
                                      .master = master,
                                      .packet = static_cast<std::int16_t>(packet)};
    auto& connections = program.steps.back().connections;
    if (std::find(connections.begin(), connections.end(), connection) == connections.end()) {
      connections.push_back(connection);
    }
    slave = {.kind = entry, .index = static_cast<std::uint8_t>(lane)};
  }
}

Descriptor linear(std::uint64_t address, std::uint32_t words, LockUse acquire, LockUse release) {
  Descriptor descriptor;
  descriptor.address = address;
  descriptor.words = words;
  descriptor.acquire = acquire;
  descriptor.release = release;
  return descriptor;
}

Descriptor external(std::uint16_t buffer, std::uint32_t words, std::uint64_t address) {
  Descriptor descriptor = linear(address, words);
  descriptor.memory = MemoryOf::ddr;
  descriptor.ddr_buffer = buffer;
  return descriptor;
}

CoreOp op(CoreOp::Kind kind, int lock_or_index, int value_or_count) {
  CoreOp result;
  result.kind = kind;
  result.lock = {.lock = static_cast<std::int16_t>(lock_or_index),
                 .value = static_cast<std::int16_t>(value_or_count)};
  result.index = static_cast<std::uint32_t>(lock_or_index);
  result.count = static_cast<std::uint32_t>(value_or_count);
  return result;
}

namespace {

void add_core(Program& program) {
  using Kind = CoreOp::Kind;
  TileProgram& worker = tile(program, core(0, 0));
  worker.locks = {2, 0, 2, 0, 2, 0};  // free and full of both inputs and of the output
  for (int buffer = 0; buffer < 3; ++buffer) {
    const auto free = static_cast<std::int16_t>(2 * buffer);
    const auto full = static_cast<std::int16_t>(2 * buffer + 1);
    const bool in = buffer < 2;
    const auto address = static_cast<std::uint64_t>(buffer) * 1024;
    for (std::uint64_t slot = 0; slot < 2; ++slot) {
      Descriptor piece =
          linear(address + 128 * slot, 32, {in ? free : full, 1}, {in ? full : free, 1});
      if (slot == 0) piece.next = static_cast<std::int16_t>(worker.descriptors.size() + 1);
      add(worker, piece);
    }
    task(worker, in ? Direction::s2mm : Direction::mm2s, in ? buffer : 0, 2 * buffer, 3);
    worker.rings.push_back({.address = static_cast<std::uint32_t>(address),
                            .slot_bytes = 128,
                            .slots = 2,
                            .kept = {}});
  }
  KernelCall& call = worker.calls.emplace_back();
  call.kernel = Kernel::add;
  call.in = call.out = {.blocks = 1, .rows = 4, .columns = 4};
  call.input.ring = 0;
  call.second.ring = 1;
  call.output.ring = 2;
  worker.code = {op(Kind::begin, 0, 6), op(Kind::acquire, 1), op(Kind::acquire, 3),
                 op(Kind::acquire, 4),  op(Kind::call, 0),    op(Kind::release, 0),
                 op(Kind::release, 2),  op(Kind::release, 5), op(Kind::advance, 0),
                 op(Kind::advance, 1),  op(Kind::advance, 2), op(Kind::end)};
}

}  // namespace

Program add_program() {
  Program program = empty_program();
  const std::uint16_t input = add_buffer(program, DdrBuffer::Kind::input, 192);
  const std::uint16_t weights = add_buffer(program, DdrBuffer::Kind::weights, 192);
  const std::uint16_t output = add_buffer(program, DdrBuffer::Kind::output, 192);
  program.output = {.channels = 8, .rows = 12, .columns = 8};
  TileProgram& border = tile(program, shim(0));
  task(border, Direction::mm2s, 0, add(border, external(input, 192)));
  task(border, Direction::mm2s, 1, add(border, external(weights, 192)));
  task(border, Direction::s2mm, 0, add(border, external(output, 192)));
  TileProgram& middle = tile(program, memtile(0));
  middle.locks = {1, 0, 1, 0, 1, 0};
  for (int buffer = 0; buffer < 3; ++buffer) {
    const LockUse free{.lock = static_cast<std::int16_t>(2 * buffer)};
    const LockUse full{.lock = static_cast<std::int16_t>(2 * buffer + 1)};
    const auto address = static_cast<std::uint64_t>(buffer) * 4096;
    task(middle, Direction::s2mm, buffer, add(middle, linear(address, 64, free, full)), 3);
    task(middle, Direction::mm2s, buffer, add(middle, linear(address, 64, full, free)), 3);
  }
  add_core(program);
  for (int i = 0; i < 2; ++i) {
    connect(program, {shim(0), memtile(0)}, i, i, i);
    connect(program, {memtile(0), core(0, 0)}, i, i, i);
  }
  connect(program, {core(0, 0), memtile(0)}, 0, 2, 0);
  connect(program, {memtile(0), shim(0)}, 2, 0, 0);
  return program;
}

Program copy_program(std::uint32_t input_words, std::uint32_t output_words, Descriptor send) {
  Program program = empty_program();
  const std::uint16_t input = add_buffer(program, DdrBuffer::Kind::input, input_words);
  const std::uint16_t output = add_buffer(program, DdrBuffer::Kind::output, output_words);
  TileProgram& border = tile(program, shim(0));
  task(border, Direction::mm2s, 0, add(border, external(input, input_words)));
  task(border, Direction::s2mm, 0, add(border, external(output, output_words)));
  TileProgram& middle = tile(program, memtile(0));
  middle.locks = {0};
  add(middle, linear(0, input_words, {}, {0, 1}));
  send.acquire = {0, 1};
  send.release = {0, 1};
  task(middle, Direction::s2mm, 0, 0);
  task(middle, Direction::mm2s, 0, add(middle, send));
  connect(program, {shim(0), memtile(0)}, 0, 0, 0);
  connect(program, {memtile(0), shim(0)}, 0, 0, 0);
  return program;
}

RunResult run_functional(const Program& program, std::span<const std::uint8_t> input) {
  RunOptions options;
  options.functional = true;
  return run(program, test_device(), options, input);
}

RunResult run_event(const Program& program, const Device& device) {
  return run(program, device, RunOptions{});
}

std::vector<std::uint32_t> words_of(const std::vector<std::uint8_t>& bytes) {
  std::vector<std::uint32_t> words(bytes.size() / 4);
  if (!words.empty()) std::memcpy(words.data(), bytes.data(), words.size() * 4);
  return words;
}

std::vector<std::uint8_t> counting(std::uint32_t count) {
  std::vector<std::uint8_t> bytes(std::size_t{count} * 4);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t value = i + 1;
    std::memcpy(bytes.data() + std::size_t{i} * 4, &value, 4);
  }
  return bytes;
}

}  // namespace wbs::aie::tests
