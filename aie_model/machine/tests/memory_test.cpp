#include "aie_model/machine/memory.hpp"

#include <gtest/gtest.h>

#include <array>

#include "aie_model/machine/clocks.hpp"
#include "aie_model/machine/layout.hpp"

namespace wbs::aie {
namespace {

class Races : public testing::Test {
 protected:
  Races() { clocks_.reset(5, 2); }
  Accessor who(std::uint32_t actor) const {
    return {.actor = actor, .clock = clocks_.of(actor), .step = step_};
  }
  bool reads(std::uint32_t actor, WordRun run = {.first = 0, .stride = 1, .count = 8}) {
    return !memory_.note_read(run, who(actor));
  }
  bool writes(std::uint32_t actor, WordRun run = {.first = 0, .stride = 1, .count = 8}) {
    return !memory_.note_write(run, who(actor));
  }
  void pass(std::uint32_t from, std::uint32_t to) {
    clocks_.release(from, 0);
    clocks_.tick(from);
    clocks_.acquire(to, 0);
  }

  Clocks clocks_;
  Memory memory_{4096};
  std::uint32_t step_ = 1;
};

TEST_F(Races, LockOrdersWriteBeforeRead) {
  EXPECT_TRUE(writes(0));
  pass(0, 1);
  EXPECT_TRUE(reads(1));
  EXPECT_FALSE(reads(2));
}

TEST_F(Races, WriteAfterTheReleaseIsNotOrdered) {
  EXPECT_TRUE(writes(0));
  pass(0, 1);
  EXPECT_TRUE(writes(0));
  EXPECT_FALSE(reads(1));
}

TEST_F(Races, WriteMustFollowEveryReader) {
  EXPECT_TRUE(writes(0));
  for (std::uint32_t actor = 1; actor < 5; ++actor) {
    pass(0, actor);
    EXPECT_TRUE(reads(actor));
  }
  for (std::uint32_t actor = 1; actor < 5; ++actor) {
    EXPECT_FALSE(writes(0)) << "reader " << actor << " is not done";
    clocks_.release(actor, 1);
    clocks_.acquire(0, 1);
  }
  EXPECT_TRUE(writes(0));
}

TEST_F(Races, UnorderedWritesAreARaceOnlyWhereTheyMeet) {
  EXPECT_TRUE(writes(0, {.first = 0, .stride = 2, .count = 400}));
  EXPECT_TRUE(writes(1, {.first = 1, .stride = 2, .count = 400}));
  EXPECT_TRUE(writes(2, {.first = 800, .stride = 1, .count = 100}));
  EXPECT_FALSE(writes(2, {.first = 700, .stride = 1, .count = 100}));
}

TEST_F(Races, AStepOrdersEverything) {
  EXPECT_TRUE(writes(0));
  step_ = 2;
  clocks_.reset(5, 2);
  EXPECT_TRUE(reads(1));
  EXPECT_FALSE(writes(2));
}

TEST_F(Races, NeverWrittenWordIsFound) {
  EXPECT_TRUE(writes(0, {.first = 0, .stride = 1, .count = 600}));
  const auto conflict = memory_.note_read({.first = 590, .stride = 1, .count = 20}, who(0));
  ASSERT_TRUE(conflict);
  EXPECT_EQ(conflict->kind, Conflict::Kind::uninitialised);
  EXPECT_EQ(conflict->word, 600U);
  EXPECT_EQ(memory_.first_unwritten(1024), 600U);
  EXPECT_FALSE(memory_.first_unwritten(600));
}

TEST(Layout, MergesWhatContinues) {
  Descriptor descriptor;
  descriptor.words = 24;
  descriptor.dimensions = {
      {.count = 4, .stride = 1}, {.count = 3, .stride = 4}, {.count = 2, .stride = 100}};
  const std::vector<Piece> expected{{.offset = 0, .stride = 1, .count = 12, .zero = false},
                                    {.offset = 100, .stride = 1, .count = 12, .zero = false}};
  EXPECT_EQ(pieces_of(descriptor), expected);
  EXPECT_EQ(touched_range(descriptor).highest, 111);
}

TEST(Layout, KeepsAStrideAsOnePiece) {
  Descriptor descriptor;
  descriptor.words = 6;
  descriptor.dimensions = {{.count = 1, .stride = 1}, {.count = 6, .stride = -3}};
  const std::vector<Piece> expected{{.offset = 0, .stride = -3, .count = 6, .zero = false}};
  EXPECT_EQ(pieces_of(descriptor), expected);
  EXPECT_EQ(touched_range(descriptor).lowest, -15);
}

}  // namespace
}  // namespace wbs::aie
