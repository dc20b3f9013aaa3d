// Small programs for tests.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "aie_model/machine/machine.hpp"

namespace wbs::aie::tests {

inline TileId shim(int column) {
  return {TileKind::shim, static_cast<std::int16_t>(column), 0};
}
inline TileId memtile(int column) {
  return {TileKind::memtile, static_cast<std::int16_t>(column), 0};
}
inline TileId core(int column, int row) {
  return {TileKind::core, static_cast<std::int16_t>(column), static_cast<std::int16_t>(row)};
}

/// An array of 2 x 2 cores without costs of shims and of reconfiguration.
Device test_device();

/// An empty program for test_device() with one step.
Program empty_program();

/// The program of `tile` in the last step, made where it is missing.
TileProgram& tile(Program& program, TileId tile);

/// Adds a buffer of `words` words; weights have the bytes of pattern(words * 4).
std::uint16_t add_buffer(Program& program, DdrBuffer::Kind kind, std::uint32_t words);

/// Bytes with all kinds of values, the same for equal `size`.
std::vector<std::uint8_t> pattern(std::size_t size);

/// Adds a descriptor and returns its id.
std::int16_t add(TileProgram& program, const Descriptor& descriptor);

/// Adds a task to a channel, made where it is missing.
void task(TileProgram& program, Direction direction, int channel, int descriptor, int repeat = 1);

/// Connects MM2S `from` of the first tile with S2MM `to` of the last one; neighbours in `path` are
/// neighbours on the array and meet at ports `lane`.
void connect(Program& program, std::initializer_list<TileId> path, int from, int to, int lane,
             int packet = -1);

/// A linear descriptor.
Descriptor linear(std::uint64_t address, std::uint32_t words, LockUse acquire = {},
                  LockUse release = {});

/// A linear descriptor into DDR.
Descriptor external(std::uint16_t buffer, std::uint32_t words, std::uint64_t address = 0);

CoreOp op(CoreOp::Kind kind, int lock_or_index = 0, int value_or_count = 1);

/// The input goes through a Memtile, is added to a weights buffer of the same size on core(0,0) in
/// pieces of 32 words with double buffers, and comes back: 192 words, three times 64 in the
/// Memtile.
Program add_program();

/// The input goes to the Memtile as one piece of `input_words` (descriptor 0) and comes back as
/// `output_words` by `send` (descriptor 1).
Program copy_program(std::uint32_t input_words, std::uint32_t output_words, Descriptor send);

RunResult run_functional(const Program& program, std::span<const std::uint8_t> input = {});
RunResult run_event(const Program& program, const Device& device = test_device());

std::vector<std::uint32_t> words_of(const std::vector<std::uint8_t>& bytes);

/// Bytes of the words 1, 2, ... count.
std::vector<std::uint8_t> counting(std::uint32_t count);

}  // namespace wbs::aie::tests
