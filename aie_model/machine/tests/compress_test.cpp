#include "aie_model/program/compression.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "aie_model/machine/tests/builder.hpp"

namespace wbs::aie::tests {
namespace {

using testing::HasSubstr;

constexpr std::uint32_t kWords = 64;

/// 256 bytes of which one in `period` is not zero.
std::vector<std::uint8_t> sparse_bytes(std::size_t period) {
  std::vector<std::uint8_t> bytes(std::size_t{kWords} * 4, 0);
  for (std::size_t i = 0; i < bytes.size(); i += period) {
    bytes[i] = static_cast<std::uint8_t>(1 + i % 255);
  }
  return bytes;
}

std::vector<std::uint8_t> bytes_of(const std::vector<std::uint32_t>& words) {
  std::vector<std::uint8_t> bytes(words.size() * 4);
  std::memcpy(bytes.data(), words.data(), bytes.size());
  return bytes;
}

/// DDR buffer 0 to the Memtile, compressed within it, back to DDR buffer 1.
Program loop_program(std::vector<std::uint32_t> sizes) {
  Program program = empty_program();
  const std::uint16_t in = add_buffer(program, DdrBuffer::Kind::input, kWords);
  program.output_buffer = add_buffer(program, DdrBuffer::Kind::output, kWords);
  program.output = {8, 1, kWords / 2, false, 0};
  TileProgram& ddr = tile(program, shim(0));
  task(ddr, Direction::mm2s, 0, add(ddr, external(in, kWords)));
  task(ddr, Direction::s2mm, 0, add(ddr, external(program.output_buffer, kWords)));
  TileProgram& middle = tile(program, memtile(0));
  middle.locks = {0, 0};
  Descriptor send = linear(0, kWords, {0, 1});
  Descriptor receive = linear(1024, kWords, {}, {1, 1});
  send.compress = receive.compress = true;
  send.sizes = receive.sizes = std::move(sizes);
  task(middle, Direction::s2mm, 0, add(middle, linear(0, kWords, {}, {0, 1})));
  task(middle, Direction::mm2s, 0, add(middle, send));
  task(middle, Direction::s2mm, 1, add(middle, receive));
  task(middle, Direction::mm2s, 1, add(middle, linear(1024, kWords, {1, 1})));
  connect(program, {shim(0), memtile(0)}, 0, 0, 0);
  connect(program, {memtile(0)}, 0, 1, 1);
  connect(program, {memtile(0), shim(0)}, 1, 0, 2);
  return program;
}

TEST(CompressedStreams, CarryTheDataInFewerWords) {
  for (const std::size_t period : {1, 2, 5, 64}) {
    const std::vector<std::uint8_t> input = sparse_bytes(period);
    const RunResult result = run_functional(loop_program({}), input);
    ASSERT_FALSE(result.fault) << result.fault->message;
    EXPECT_EQ(result.output, input);
    EXPECT_EQ(result.compressed_words, kWords);
    EXPECT_EQ(result.compressed_stream_words, compressed_words(input));
    EXPECT_EQ(result.unknown_stream_words, compressed_words(input));
  }
}

TEST(CompressedStreams, TakeTheSameTimeWithoutBytesWhereSizesAreKnown) {
  const std::vector<std::uint8_t> input = sparse_bytes(4);
  const std::uint32_t size = compressed_words(input);
  const RunResult functional = run_functional(loop_program({size}), input);
  ASSERT_FALSE(functional.fault) << functional.fault->message;
  const RunResult event = run_event(loop_program({size}));
  EXPECT_EQ(functional.cycles, event.cycles);
  EXPECT_EQ(functional.events, event.events);
  EXPECT_EQ(event.compressed_stream_words, size);
  EXPECT_EQ(event.unknown_stream_words, 0U);
  EXPECT_LT(event.cycles, run_event(loop_program({})).cycles);
}

TEST(CompressedStreams, AreChargedInFullWhereNobodyKnowsTheData) {
  const RunResult event = run_event(loop_program({}));
  ASSERT_FALSE(event.fault) << event.fault->message;
  EXPECT_EQ(event.unknown_stream_words, most_compressed_words(kWords));
}

TEST(CompressedStreams, FailWhereTheDataAreNotAsPromised) {
  const RunResult result = run_functional(loop_program({20}), sparse_bytes(1));
  ASSERT_TRUE(result.fault);
  EXPECT_EQ(result.fault->kind, FaultKind::malformed);
  EXPECT_THAT(result.fault->message, HasSubstr("promises 20 compressed words"));
}

TEST(CompressedStreams, BringWeightsThatWereCompressedBefore) {
  const std::vector<std::uint8_t> plain = sparse_bytes(3);
  std::vector<std::uint32_t> words(kWords);
  std::memcpy(words.data(), plain.data(), plain.size());
  const std::vector<std::uint32_t> stream = compress(words);
  Program program = empty_program();
  const auto size = static_cast<std::uint32_t>(stream.size());
  const std::uint16_t in = add_buffer(program, DdrBuffer::Kind::weights, size);
  program.ddr[in].data = bytes_of(stream);
  program.output_buffer = add_buffer(program, DdrBuffer::Kind::output, kWords);
  program.output = {8, 1, kWords / 2, false, 0};
  TileProgram& ddr = tile(program, shim(0));
  task(ddr, Direction::mm2s, 0, add(ddr, external(in, size)));
  task(ddr, Direction::s2mm, 0, add(ddr, external(program.output_buffer, kWords)));
  TileProgram& middle = tile(program, memtile(0));
  middle.locks = {0};
  Descriptor receive = linear(0, kWords, {}, {0, 1});
  receive.compress = true;
  receive.sizes = {size};
  task(middle, Direction::s2mm, 0, add(middle, receive));
  task(middle, Direction::mm2s, 0, add(middle, linear(0, kWords, {0, 1})));
  connect(program, {shim(0), memtile(0)}, 0, 0, 0);
  connect(program, {memtile(0), shim(0)}, 0, 0, 1);
  const RunResult result = run_functional(program);
  ASSERT_FALSE(result.fault) << result.fault->message;
  EXPECT_EQ(result.output, plain);
  program.ddr[in].data[0] ^= 1U;  // another mask: other bytes, another length
  const RunResult broken = run_functional(program);
  EXPECT_TRUE(broken.fault || broken.output != plain);
}

}  // namespace
}  // namespace wbs::aie::tests
