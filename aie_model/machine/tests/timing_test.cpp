#include <gtest/gtest.h>

#include "aie_model/kernels/kernel_model.hpp"
#include "aie_model/machine/tests/builder.hpp"

namespace wbs::aie::tests {
namespace {

// A Memtile sends `words` to core(0,row), `rounds` times, with one buffer.
Program to_core(std::uint32_t words, int row, int rounds = 1) {
  Program program = empty_program();
  TileProgram& middle = tile(program, memtile(0));
  task(middle, Direction::mm2s, 0, add(middle, linear(0, words)), rounds);
  TileProgram& worker = tile(program, core(0, row));
  worker.locks = {1};
  task(worker, Direction::s2mm, 0, add(worker, linear(0, words, {0, 1}, {0, 1})), rounds);
  if (row == 0) {
    connect(program, {memtile(0), core(0, 0)}, 0, 0, 0);
  } else {
    connect(program, {memtile(0), core(0, 0), core(0, 1)}, 0, 0, 0);
  }
  return program;
}

std::uint64_t cycles(const Program& program, const Device& device = test_device()) {
  const RunResult result = run_event(program, device);
  EXPECT_FALSE(result.fault) << result.fault->message;
  std::uint64_t configured = 0;
  for (const StepTime& step : result.steps) configured += step.reconfigure;
  return result.cycles - configured;
}

TEST(Timing, MemtileToCoreTakesACycleAWordAndAnIntercept) {
  // aie2.md 1.5: 1.000061 cycles per word, fixed intercept 8.
  for (const std::uint32_t words : {1U, 64U, 1000U, 8000U}) {
    EXPECT_EQ(cycles(to_core(words, 0)), words + 8) << words;
  }
}

TEST(Timing, EachFurtherSwitchDelaysTheEnd) {
  EXPECT_EQ(cycles(to_core(100, 1)), 100U + 8 + 2);
}

TEST(Timing, AHalvedStreamTakesTwiceAsLong) {
  Device device = test_device();
  device.silicon.times.words_per_cycle = 0.5;
  EXPECT_EQ(cycles(to_core(100, 0), device), 200U + 8);
}

TEST(Timing, ChannelsCountTheirBytesAndLinks) {
  const RunResult result = run_event(to_core(100, 1, 3));  // to both cores of the column
  ASSERT_FALSE(result.fault);
  const StepTime& step = result.steps.at(0);
  EXPECT_EQ(step.channels[channel_class(TileKind::memtile, Direction::mm2s)].bytes, 1200U);
  EXPECT_EQ(step.channels[channel_class(TileKind::memtile, Direction::mm2s)].busiest, 300U);
  EXPECT_EQ(step.channels[channel_class(TileKind::core, Direction::mm2s)].bytes, 0U);
  EXPECT_EQ(step.channels[channel_class(TileKind::core, Direction::s2mm)].bytes, 1200U);
  EXPECT_EQ(step.link_bytes, 2U * 1200);  // through core(0,0) to core(0,1)
}

TEST(Timing, OneBufferPaysTheLatencyEachRound) {
  // The buffer's lock comes back only when the last word has arrived.
  EXPECT_EQ(cycles(to_core(100, 0, 3)), 3U * (100 + 8));
}

TEST(Timing, WithoutALockRoundsFollowEachOther) {
  Program program = to_core(100, 0, 3);
  tile(program, core(0, 0)).descriptors[0].acquire = {};
  tile(program, core(0, 0)).descriptors[0].release = {};
  EXPECT_EQ(cycles(program), 3U * 100 + 8);
}

// Both shims read `words` words into their Memtiles.
Program two_shims(std::uint32_t words) {
  Program program = empty_program();
  const std::uint16_t weights = add_buffer(program, DdrBuffer::Kind::weights, words);
  for (int column = 0; column < 2; ++column) {
    TileProgram& border = tile(program, shim(column));
    task(border, Direction::mm2s, 0, add(border, external(weights, words)));
    TileProgram& middle = tile(program, memtile(column));
    task(middle, Direction::s2mm, 0, add(middle, linear(0, words)));
    connect(program, {shim(column), memtile(column)}, 0, 0, 0);
  }
  return program;
}

TEST(Timing, TwoShimsShareExternalMemory) {
  Device device = test_device();
  EXPECT_EQ(cycles(two_shims(8192), device), 8192U + 8);
  device.silicon.dram_bytes_per_cycle = 4.0;
  EXPECT_EQ(cycles(two_shims(8192), device), 2U * 8192 + 8);
  device.silicon.dram_bytes_per_cycle = 8.0;
  EXPECT_NEAR(static_cast<double>(cycles(two_shims(8192), device)), 8192.0, 1100.0);
}

TEST(Timing, ExternalMemoryIsTheBoundWhereItIs) {
  Device device = test_device();
  device.silicon.dram_bytes_per_cycle = 2.0;
  const RunResult result = run_event(two_shims(8192), device);
  ASSERT_EQ(result.steps.size(), 1U);
  EXPECT_EQ(result.steps[0].dram, 4U * 8192);
  EXPECT_EQ(result.steps[0].shim, 8192U);
  EXPECT_EQ(result.steps[0].ddr_read_bytes, 2U * 4 * 8192);
  EXPECT_EQ(result.steps[0].ddr_write_bytes, 0U);
  EXPECT_EQ(result.steps[0].bound(), "dram");
}

TEST(Timing, ShortRunsOfAReadAreChargedAsBursts) {
  Device device = test_device();
  device.silicon.dram_bytes_per_cycle = 8.0;
  Program program = two_shims(8192);
  const std::uint64_t whole = run_event(program, device).steps[0].dram;
  EXPECT_EQ(whole, 2U * 4 * 8192 / 8);
  for (TileProgram& programmed : program.steps[0].tiles) {
    if (programmed.tile.kind != TileKind::shim) continue;
    programmed.descriptors[0].dimensions = {{32, 1}, {256, 32}};
  }
  EXPECT_EQ(run_event(program, device).steps[0].dram, whole) << "rows without a gap are one run";
  for (TileProgram& programmed : program.steps[0].tiles) {
    if (programmed.tile.kind != TileKind::shim) continue;
    programmed.descriptors[0].words = 4096;
    programmed.descriptors[0].dimensions = {{32, 1}, {128, 64}};
    tile(program, memtile(programmed.tile.column)).descriptors[0].words = 4096;
  }
  EXPECT_EQ(run_event(program, device).steps[0].dram, whole)
      << "half the bytes, but in runs of half a burst";
}

TEST(Timing, ReadingAndWritingDoNotShareExternalMemory) {
  Device device = test_device();
  device.silicon.dram_bytes_per_cycle = 2.0;
  Descriptor send;
  send.words = 4096;
  const RunResult result = run_event(copy_program(4096, 4096, send), device);
  ASSERT_EQ(result.steps.size(), 1U);
  EXPECT_EQ(result.steps[0].dram, 4096U * 4 / 2);
  EXPECT_EQ(result.steps[0].ddr_read_bytes, result.steps[0].ddr_write_bytes);
}

TEST(Timing, ShimTasksCostMoreTheFirstTime) {
  Program program = two_shims(100);
  for (int column = 0; column < 2; ++column) {
    tile(program, shim(column)).channels[0].tasks.push_back({.descriptor = 0, .repeat = 2});
    tile(program, memtile(column)).channels[0].tasks[0].repeat = 3;
  }
  Device device = test_device();
  device.silicon.times.shim_mm2s_task = 287;
  device.silicon.times.shim_mm2s_cold = 750;
  EXPECT_EQ(cycles(program, device), 750U + 100 + 287 + 200 + 8);
}

// Both cores send `words` words to the Memtile, as packets through one port or through two ports.
Program two_senders(std::uint32_t words, bool shared) {
  Program program = empty_program();
  TileProgram& middle = tile(program, memtile(0));
  for (int row = 0; row < 2; ++row) {
    TileProgram& worker = tile(program, core(0, row));
    Descriptor send = linear(0, words);
    send.packet = static_cast<std::int16_t>(row);
    task(worker, Direction::mm2s, 0, add(worker, send));
    const int channel = shared ? 0 : row;
    task(middle, Direction::s2mm, channel, add(middle, linear(0, words)));
    if (row == 0) {
      connect(program, {core(0, 0), memtile(0)}, 0, channel, channel, row);
    } else {
      connect(program, {core(0, 1), core(0, 0), memtile(0)}, 0, channel, channel, row);
    }
  }
  return program;
}

TEST(Timing, PacketsOnASharedPortFollowEachOther) {
  constexpr std::uint32_t kHeader = 1;
  EXPECT_EQ(cycles(two_senders(500, false)), 500U + kHeader + 8 + 2);
  EXPECT_EQ(cycles(two_senders(500, true)), 2U * (500 + kHeader) + 8 + 2);
}

TEST(Timing, ReconfigurationIsThatOfTheBusiestColumn) {
  Program program = two_shims(16);
  add(tile(program, memtile(1)), linear(0, 4));
  Device device = test_device();
  device.silicon.times.reconfigure_words_per_cycle = 0.5;
  device.silicon.times.reconfigure_fixed = 100;
  const RunResult result = run_event(program, device);
  ASSERT_EQ(result.steps.size(), 1U);
  // Three descriptors of 8 words, two tasks of 2, two connections of 1.
  EXPECT_EQ(result.steps[0].reconfigure, 100U + 2 * (3 * 8 + 2 * 2 + 2));
  EXPECT_EQ(result.cycles, result.steps[0].reconfigure + 16 + 8);
}

TEST(Timing, UnchangedCodeIsLoadedOnce) {
  Program program = add_program();
  program.steps.push_back(program.steps.back());
  program.steps.push_back(program.steps.back());
  program.steps[2].tiles[2].code.pop_back();
  program.steps[2].tiles[2].code.front().count = 0;
  program.steps[2].tiles[2].code.push_back(op(CoreOp::Kind::end));
  ASSERT_EQ(program.steps[2].tiles[2].tile, core(0, 0));
  Device device = test_device();
  device.silicon.times.reconfigure_words_per_cycle = 1.0;
  const RunResult result = run_event(program, device);
  const std::uint64_t code = 4 * program.steps[0].tiles[2].code.size();
  ASSERT_EQ(result.steps.size(), 3U);
  EXPECT_EQ(result.steps[0].reconfigure - result.steps[1].reconfigure, code);
  EXPECT_EQ(result.steps[2].reconfigure, result.steps[0].reconfigure);
}

TEST(Timing, CallsTakeWhatTheKernelModelSays) {
  const Program program = add_program();
  const Device device = test_device();
  const RunResult result = run_event(program, device);
  const std::uint64_t call = call_cycles(program.steps[0].tiles[2].calls[0], 0, device);
  ASSERT_EQ(result.steps.size(), 1U);
  EXPECT_EQ(result.steps[0].core, 6 * call + result.steps[0].bank_conflicts);
  EXPECT_GT(result.steps[0].bank_conflicts, 0U);  // all in the first bank
  EXPECT_EQ(result.core_busy_cycles[0], 6 * call + result.steps[0].bank_conflicts);
  EXPECT_EQ(result.core_busy_cycles[1], 0U);
  EXPECT_EQ(result.steps[0].core_stream, 192U);
  EXPECT_EQ(result.steps[0].memtile, 192U);
}

TEST(Timing, TheSameProgramTakesTheSameTime) {
  const RunResult first = run_event(add_program());
  const RunResult second = run_event(add_program());
  EXPECT_EQ(first.cycles, second.cycles);
  EXPECT_EQ(first.events, second.events);
}

}  // namespace
}  // namespace wbs::aie::tests
