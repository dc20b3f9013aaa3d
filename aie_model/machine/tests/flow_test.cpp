#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "aie_model/machine/tests/builder.hpp"

namespace wbs::aie::tests {
namespace {

using testing::ElementsAre;

std::string fault(const RunResult& result) {
  return result.fault ? result.fault->message : "";
}

TEST(Machine, AddsThroughShimMemtileAndCore) {
  const Program program = add_program();
  const auto input = pattern(768);
  const RunResult result = run_functional(program, input);
  EXPECT_EQ(fault(result), "");
  ASSERT_EQ(result.output.size(), 768U);
  for (std::size_t i = 0; i < 768; ++i) {
    const int sum =
        static_cast<std::int8_t>(input[i]) + static_cast<std::int8_t>(program.ddr[1].data[i]);
    EXPECT_EQ(static_cast<std::int8_t>(result.output[i]), std::clamp(sum, -128, 127)) << i;
  }
}

TEST(Machine, BothModesTakeTheSameCycles) {
  const Program program = add_program();
  const RunResult functional = run_functional(program, pattern(768));
  const RunResult event = run_event(program);
  EXPECT_EQ(fault(event), "");
  EXPECT_EQ(functional.cycles, event.cycles);
  EXPECT_EQ(functional.events, event.events);
  EXPECT_GT(event.cycles, 192U);
  EXPECT_TRUE(event.output.empty());
}

TEST(Machine, ReadsTileMemoriesAfterAStep) {
  const Program program = add_program();
  const auto input = pattern(768);
  RunOptions options;
  options.functional = true;
  std::vector<std::uint8_t> seen(16);
  options.after_step = [&](std::uint32_t step, const RunOptions::Reader& read) {
    EXPECT_EQ(step, 0U);
    read(memtile(0), 0, 16, seen);
  };
  EXPECT_EQ(fault(run(program, test_device(), options, input)), "");
  EXPECT_TRUE(std::equal(seen.begin(), seen.end(), input.begin() + 512 + 16));  // last round
}

TEST(Machine, SplitsAndJoinsWhereDescriptorsDifferInLength) {
  Program program = copy_program(12, 12, linear(0, 12));
  TileProgram& middle = tile(program, memtile(0));
  middle.descriptors[1].words = 4;  // sent as 4 + 4 + 4, arrives as 12
  middle.descriptors[1].iteration = {.count = 3, .stride = 4};
  middle.channels[1].tasks[0].repeat = 3;
  const RunResult result = run_functional(program, counting(12));
  EXPECT_EQ(fault(result), "");
  EXPECT_EQ(result.output, counting(12));
}

TEST(Machine, StridesReorderWords) {
  Descriptor send = linear(0, 6);
  send.dimensions = {{.count = 3, .stride = 2}, {.count = 2, .stride = 1}};
  const RunResult result = run_functional(copy_program(6, 6, send), counting(6));
  EXPECT_EQ(fault(result), "");
  EXPECT_THAT(words_of(result.output), ElementsAre(1, 3, 5, 2, 4, 6));
}

TEST(Machine, PaddingSurroundsEachDimension) {
  Descriptor send = linear(0, 4);
  send.dimensions = {{.count = 2, .stride = 1}, {.count = 2, .stride = 2}};
  send.pad_before = {1, 1, 0};
  send.pad_after = {0, 1, 0};
  const RunResult result = run_functional(copy_program(4, 12, send), counting(4));
  EXPECT_EQ(fault(result), "");
  EXPECT_THAT(words_of(result.output), ElementsAre(0, 0, 0, 0, 1, 2, 0, 3, 4, 0, 0, 0));
}

TEST(Machine, BroadcastReachesEveryReceiver) {
  Program program = copy_program(8, 8, linear(0, 8));
  for (int row = 0; row < 2; ++row) {
    TileProgram& worker = tile(program, core(0, row));
    worker.locks = {0};
    task(worker, Direction::s2mm, 0, add(worker, linear(64, 8, {}, {0, 1})));
  }
  TileProgram& middle = tile(program, memtile(0));
  middle.descriptors[1].release = {0, 1};
  task(middle, Direction::mm2s, 1, add(middle, linear(0, 8, {0, 1}, {0, 1})));
  connect(program, {memtile(0), core(0, 0)}, 1, 0, 0);
  connect(program, {memtile(0), core(0, 0), core(0, 1)}, 1, 0, 0);
  RunOptions options;
  options.functional = true;
  std::vector<std::uint8_t> first(32);
  std::vector<std::uint8_t> second(32);
  options.after_step = [&](std::uint32_t, const RunOptions::Reader& read) {
    read(core(0, 0), 0, 64, first);
    read(core(0, 1), 0, 64, second);
  };
  EXPECT_EQ(fault(run(program, test_device(), options, counting(8))), "");
  EXPECT_EQ(first, counting(8));
  EXPECT_EQ(second, counting(8));
}

// Both cores get the input and send it back through one channel: core(0,0) its first half, to the
// second half of the buffer, core(0,1) its second half, to the first.
Program gather_program(bool out_of_order) {
  Program program = empty_program();
  const std::uint16_t input = add_buffer(program, DdrBuffer::Kind::input, 16);
  const std::uint16_t output = add_buffer(program, DdrBuffer::Kind::output, 16);
  TileProgram& border = tile(program, shim(0));
  task(border, Direction::mm2s, 0, add(border, external(input, 16)));
  task(border, Direction::s2mm, 0, add(border, external(output, 16)));
  TileProgram& middle = tile(program, memtile(0));
  middle.locks = {0};
  add(middle, linear(32, 8, {}, {0, 1}));
  add(middle, linear(0, 8, {}, {0, 1}));
  if (out_of_order) {
    task(middle, Direction::s2mm, 0, -1, 2);
  } else {
    task(middle, Direction::s2mm, 0, add(middle, linear(0, 16, {}, {0, 2})));
  }
  task(middle, Direction::mm2s, 0, add(middle, linear(0, 16, {0, 2}, {})));
  for (int row = 0; row < 2; ++row) {
    TileProgram& worker = tile(program, core(0, row));
    worker.locks = {0};
    task(worker, Direction::s2mm, 0, add(worker, linear(0, 16, {}, {0, 1})));
    Descriptor send = linear(row == 0 ? 0 : 32, 8, {0, 1}, {});
    send.packet = static_cast<std::int16_t>(3 + row);
    send.target = static_cast<std::int16_t>(row);
    task(worker, Direction::mm2s, 0, add(worker, send));
  }
  connect(program, {shim(0), memtile(0), core(0, 0)}, 0, 0, 0);
  connect(program, {shim(0), memtile(0), core(0, 0), core(0, 1)}, 0, 0, 0);
  connect(program, {core(0, 0), memtile(0)}, 0, 0, 1, 3);
  connect(program, {core(0, 1), core(0, 0), memtile(0)}, 0, 0, 1, 4);
  connect(program, {memtile(0), shim(0)}, 0, 0, 0);
  return program;
}

TEST(Machine, PacketsOutOfOrderNameTheirDescriptor) {
  const RunResult result = run_functional(gather_program(true), counting(16));
  EXPECT_EQ(fault(result), "");
  EXPECT_THAT(words_of(result.output),
              ElementsAre(9, 10, 11, 12, 13, 14, 15, 16, 1, 2, 3, 4, 5, 6, 7, 8));
}

TEST(Machine, PacketsInOrderFillOneDescriptorFirstComeFirst) {
  const RunResult result = run_functional(gather_program(false), counting(16));
  EXPECT_EQ(fault(result), "");
  EXPECT_EQ(result.output, counting(16));
}

TEST(Machine, OutOfOrderPacketMustFitItsDescriptor) {
  Program program = gather_program(true);
  tile(program, memtile(0)).descriptors[0].words = 7;
  const RunResult result = run_functional(program, counting(16));
  ASSERT_TRUE(result.fault);
  EXPECT_EQ(result.fault->kind, FaultKind::malformed);
}

TEST(Machine, MemorySurvivesFromStepToStep) {
  Program program = copy_program(8, 8, linear(0, 8));
  Program second = copy_program(8, 8, linear(0, 8));
  for (TileProgram& part : second.steps[0].tiles) {
    std::erase_if(part.channels, [&part](const Channel& channel) {
      return (channel.direction == Direction::mm2s) == (part.tile.kind == TileKind::shim);
    });
  }
  for (TileProgram& part : program.steps[0].tiles) {
    std::erase_if(part.channels, [&part](const Channel& channel) {
      return (channel.direction == Direction::mm2s) != (part.tile.kind == TileKind::shim);
    });
  }
  tile(second, memtile(0)).locks = {1};
  program.steps.push_back(second.steps[0]);
  const RunResult result = run_functional(program, counting(8));
  EXPECT_EQ(fault(result), "");
  EXPECT_EQ(result.output, counting(8));
  EXPECT_EQ(result.steps.size(), 2U);
}

TEST(Machine, TraceHasABarForEachRunAndCall) {
  RunOptions options;
  options.trace = true;
  const RunResult result = run(add_program(), test_device(), options);
  std::size_t kernels = 0;
  std::size_t runs = 0;
  for (const Activity& activity : result.activities) {
    EXPECT_LE(activity.begin, activity.end);
    EXPECT_LE(activity.end, result.cycles);
    if (activity.kind == Activity::Kind::kernel) ++kernels;
    if (activity.kind == Activity::Kind::mm2s) ++runs;
  }
  EXPECT_EQ(kernels, 6U);
  EXPECT_EQ(runs, 2U + 9U + 6U);
}

TEST(Machine, RefusesAnotherDeviceAndAnInputOfAnotherSize) {
  EXPECT_THROW((void)run(add_program(), aie2_array(4, 4), RunOptions{}), Error);
  EXPECT_THROW((void)run_functional(add_program(), pattern(511)), Error);
}

}  // namespace
}  // namespace wbs::aie::tests
