#include "aie_model/program/checker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "aie_model/program/tests/good_program.hpp"

namespace wbs::aie::tests {
namespace {

/// One change, and the rule that it breaks.
struct Mutation {
  std::string rule;
  void (*change)(Program&) = nullptr;
  friend std::ostream& operator<<(std::ostream& out, const Mutation& m) { return out << m.rule; }
};

Descriptor& descriptor(Program& program, TileId id, std::size_t index) {
  return tile(program, id).descriptors.at(index);
}

std::vector<SwitchConnection>& connections(Program& program) {
  return program.steps.front().connections;
}

void connect(Program& program, TileId id, Port slave, Port master, std::int16_t packet = -1) {
  connections(program).push_back({id, slave, master, packet});
}

const std::vector<Mutation> kTileMutations{
    {"array size", [](Program& p) { p.columns = 3; }},
    {"tile exists", [](Program& p) { p.steps[0].tiles.emplace_back().tile = core(2, 0); }},
    {"tile exists", [](Program& p) { p.steps[0].tiles.emplace_back().tile = core(0, 0); }},
    {"tile exists", [](Program& p) { connect(p, core(0, 2), dma(0), east(0)); }},
    {"shim column", [](Program& p) { p.steps[0].tiles.emplace_back().tile = shim(1); }},
};

const std::vector<Mutation> kChannelMutations{
    {"channel index",
     [](Program& p) { tile(p, kCore).channels.push_back({Direction::s2mm, 2, false, {}}); }},
    {"channel once",
     [](Program& p) { tile(p, kCore).channels.push_back({Direction::s2mm, 0, false, {}}); }},
    {"task descriptor", [](Program& p) { tile(p, kShim).channels[0].tasks.push_back({2, 1}); }},
    {"task descriptor", [](Program& p) { tile(p, kShim).channels[0].tasks.push_back({0, 0}); }},
    {"task descriptor", [](Program& p) { tile(p, kMemtile).channels[0].tasks.push_back({4, 1}); }},
    {"task descriptor", [](Program& p) { tile(p, kMemtile).channels[2].tasks[0].descriptor = 24; }},
    {"out of order",
     [](Program& p) { tile(p, kCore).channels.push_back({Direction::mm2s, 1, true, {}}); }},
    {"chain link", [](Program& p) { descriptor(p, kCore, 0).next = 2; }},
    {"chain link", [](Program& p) { descriptor(p, kMemtile, 0).next = 4; }},
    {"chain ends", [](Program& p) { descriptor(p, kCore, 0).next = 0; }},
    {"chain ends",
     [](Program& p) {
       descriptor(p, kMemtile, 1).next = 3;
       descriptor(p, kMemtile, 3).next = 1;
     }},
    {"descriptor shared", [](Program& p) { descriptor(p, kMemtile, 0).next = 2; }},
    {"descriptor shared", [](Program& p) { tile(p, kShim).channels[0].tasks.push_back({1, 1}); }},
    {"packet id",
     [](Program& p) {
       descriptor(p, kCore, 1).packet = 32;
       for (SwitchConnection& connection : connections(p)) {
         if (connection.packet >= 0) connection.packet = 32;
       }
     }},
    {"lock range", [](Program& p) { tile(p, kCore).locks.resize(17); }},
    {"lock range", [](Program& p) { descriptor(p, kMemtile, 0).release.lock = 64; }},
    {"lock range", [](Program& p) { tile(p, kCore).code[1].lock.lock = 16; }},
    {"lock value", [](Program& p) { tile(p, kMemtile).locks[0] = 64; }},
    {"lock value", [](Program& p) { descriptor(p, kMemtile, 0).release.value = -1; }},
    {"lock value", [](Program& p) { tile(p, kCore).code[1].lock.value = 64; }},
};

const std::vector<Mutation> kDescriptorMutations{
    {"descriptor count", [](Program& p) { tile(p, kCore).descriptors.resize(17); }},
    {"descriptor half",
     [](Program& p) {
       std::swap(descriptor(p, kMemtile, 5), descriptor(p, kMemtile, 24));
       descriptor(p, kCore, 1).target = 5;
     }},
    {"descriptor half",
     [](Program& p) {
       tile(p, kMemtile).descriptors.resize(26);
       std::swap(descriptor(p, kMemtile, 2), descriptor(p, kMemtile, 25));
       tile(p, kMemtile).channels[3].tasks[0].descriptor = 25;
     }},
    {"dimensions",
     [](Program& p) {
       descriptor(p, kMemtile, 1).dimensions = {{7, 1}, {2, 8}, {2, 16}, {2, 32}, {1, 1}};
     }},
    {"dimension count",
     [](Program& p) {
       descriptor(p, kCore, 0).words = 256;
       descriptor(p, kCore, 0).dimensions = {{256, 1}, {1, 1}};
     }},
    {"dimension count",
     [](Program& p) {
       descriptor(p, kMemtile, 3).words = 2048;
       descriptor(p, kMemtile, 3).dimensions = {{2, 1}, {1024, 2}};
       descriptor(p, kMemtile, 3).pad_after[1] = 1;
     }},
    {"stride", [](Program& p) { descriptor(p, kCore, 0).dimensions = {{32, 1}, {2, 8193}}; }},
    {"stride", [](Program& p) { descriptor(p, kMemtile, 1).dimensions = {{8, 1}, {7, 0}}; }},
    {"stride", [](Program& p) { descriptor(p, kCore, 0).iteration = {2, 8193}; }},
    {"iteration count", [](Program& p) { descriptor(p, kMemtile, 1).iteration = {65, 1}; }},
    {"iteration count", [](Program& p) { descriptor(p, kMemtile, 1).iteration.count = 0; }},
    {"word limit",
     [](Program& p) {
       descriptor(p, kCore, 0).words = 1 << 14;
       descriptor(p, kCore, 0).dimensions = {{128, 1}, {128, 1}};
     }},
    {"word product", [](Program& p) { descriptor(p, kMemtile, 1).words = 65; }},
    {"alignment", [](Program& p) { descriptor(p, kMemtile, 1).address = 2; }},
    {"padding", [](Program& p) { descriptor(p, kMemtile, 1).pad_after[2] = 1; }},
    {"padding",
     [](Program& p) {
       descriptor(p, kMemtile, 3).words = 4;
       descriptor(p, kMemtile, 3).dimensions = {{2, 1}, {2, 2}};
       descriptor(p, kMemtile, 3).pad_before[1] = 32;
     }},
    {"padding",
     [](Program& p) {
       descriptor(p, kMemtile, 0).dimensions = {{64, 1}};
       descriptor(p, kMemtile, 0).pad_before[0] = 1;
     }},
    {"padding",
     [](Program& p) {
       descriptor(p, kCore, 1).dimensions = {{64, 1}};
       descriptor(p, kCore, 1).pad_before[0] = 1;
     }},
    {"neighbour memory", [](Program& p) { descriptor(p, kMemtile, 0).memory = MemoryOf::west; }},
    {"neighbour memory", [](Program& p) { descriptor(p, kCore, 0).memory = MemoryOf::east; }},
    {"neighbour memory", [](Program& p) { descriptor(p, kMemtile, 2).memory = MemoryOf::east; }},
    {"memory kind", [](Program& p) { descriptor(p, kMemtile, 0).memory = MemoryOf::ddr; }},
    {"memory kind", [](Program& p) { descriptor(p, kShim, 0).memory = MemoryOf::own; }},
    {"memory kind", [](Program& p) { descriptor(p, kShim, 0).ddr_buffer = 2; }},
    {"read-only buffer", [](Program& p) { descriptor(p, kShim, 1).ddr_buffer = 0; }},
    {"address range", [](Program& p) { descriptor(p, kShim, 0).address = 4; }},
    {"address range", [](Program& p) { descriptor(p, kShim, 0).iteration = {2, 1}; }},
    {"address range", [](Program& p) { descriptor(p, kCore, 0).address = 65536 - 252; }},
    {"address range", [](Program& p) { descriptor(p, kMemtile, 1).address = 524288 - 220; }},
    {"address range",
     [](Program& p) {
       descriptor(p, kMemtile, 1).address = 524288 - 224;
       descriptor(p, kMemtile, 1).dimensions[1].stride = 9;
     }},
};

const std::vector<Mutation> kStreamMutations{
    {"port", [](Program& p) { connect(p, kMemtile, south(2), north(6)); }},
    {"port", [](Program& p) { connect(p, kMemtile, dma(6), north(5)); }},
    {"port", [](Program& p) { connect(p, kMemtile, south(2), east(0)); }},
    {"port neighbour", [](Program& p) { connect(p, core(1, 0), south(1), east(0)); }},
    {"port neighbour", [](Program& p) { connect(p, core(0, 1), north(0), east(0)); }},
    {"master mode", [](Program& p) { connect(p, kCore, dma(1), south(0)); }},
    {"master source", [](Program& p) { connect(p, kMemtile, south(3), south(0)); }},
    {"stream tree",
     [](Program& p) {
       connect(p, core(1, 0), west(0), north(0));
       connect(p, core(1, 1), south(0), west(0));
       connect(p, core(0, 1), east(0), south(0));
       connect(p, kCore, north(0), east(0));
     }},
    {"stream tree",
     [](Program& p) {
       // The packet comes back to its own switch.
       connect(p, kCore, dma(0), east(0), 3);
       connect(p, core(1, 0), west(0), north(0), 3);
       connect(p, core(1, 1), south(0), west(0), 3);
       connect(p, core(0, 1), east(0), south(0), 3);
       connect(p, kCore, north(0), east(0), 3);
     }},
    {"stream end", [](Program& p) { add_sender(p, kCore, 1); }},
    {"stream end",
     [](Program& p) {
       // Its packets have an id that no switch forwards.
       add_sender(p, kCore, 1, 7);
       connect(p, kCore, dma(1), south(0), 3);
     }},
    {"stream source",
     [](Program& p) {
       TileProgram& receiver = tile(p, core(1, 1));
       receiver.descriptors.emplace_back().words = 4;
       receiver.channels.push_back({Direction::s2mm, 0, false, {{0, 1}}});
     }},
    {"packet target", [](Program& p) { descriptor(p, kCore, 1).target = 25; }},
    {"packet target", [](Program& p) { descriptor(p, kCore, 1).target = -1; }},
    {"packet target", [](Program& p) { descriptor(p, kCore, 1).target = 6; }},
};

const std::vector<Mutation> kCoreMutations{
    {"code tile", [](Program& p) { tile(p, kMemtile).rings.push_back({0, 4, 2, {}}); }},
    {"loops", [](Program& p) { tile(p, kCore).code.pop_back(); }},
    {"loops", [](Program& p) { tile(p, kCore).code.push_back({CoreOp::Kind::end, {}, 0, 1}); }},
    {"code index", [](Program& p) { tile(p, kCore).code[2].index = 2; }},
    {"code index", [](Program& p) { tile(p, kCore).code[4].index = 3; }},
    {"call ring", [](Program& p) { tile(p, kCore).calls[0].input.ring = 3; }},
    {"call slot", [](Program& p) { tile(p, kCore).calls[0].input.address = 4; }},
    {"data memory", [](Program& p) { tile(p, kCore).rings[2].address = 65536 - 1024 - 252; }},
    {"data memory", [](Program& p) { tile(p, kCore).calls[0].output = {-1, 65536 - 1024 - 252}; }},
    {"data memory", [](Program& p) { tile(p, kCore).calls[1].accumulators = 64512 - 1020; }},
    {"buffer overlap", [](Program& p) { tile(p, kCore).rings[1].address = 508; }},
    {"buffer overlap", [](Program& p) { tile(p, kCore).calls[1].accumulators = 2048 - 1020; }},
    {"program memory",
     [](Program& p) { tile(p, kCore).code.resize(769, {CoreOp::Kind::advance, {}, 0, 1}); }},
};

const std::vector<Mutation> kBalanceMutations{
    {"compression",
     [](Program& p) {
       descriptor(p, kMemtile, 1).compress = descriptor(p, kCore, 0).compress = true;
     }},
    {"compression", [](Program& p) { descriptor(p, kCore, 0).sizes = {9}; }},
    {"compression",
     [](Program& p) {
       descriptor(p, kCore, 1).compress = descriptor(p, kMemtile, 24).compress = true;
       descriptor(p, kCore, 1).sizes = descriptor(p, kMemtile, 24).sizes = {7};
     }},
    {"compression",
     [](Program& p) {
       p.ddr[0].kind = DdrBuffer::Kind::weights;
       descriptor(p, kShim, 0).compress = true;
       descriptor(p, kMemtile, 0).compress = true;
     }},
    {"compression ends", [](Program& p) { descriptor(p, kCore, 0).compress = true; }},
    {"compression ends", [](Program& p) { descriptor(p, kCore, 1).compress = true; }},
    {"compression ends", [](Program& p) { descriptor(p, kMemtile, 0).compress = true; }},
    {"stream balance",
     [](Program& p) {
       descriptor(p, kCore, 1).compress = descriptor(p, kMemtile, 24).compress = true;
       tile(p, kMemtile).channels[2].tasks[0].repeat = 2;
     }},
    {"stack", [](Program& p) { descriptor(p, kCore, 0).address = 65536 - 1024 - 252; }},
    {"stream balance", [](Program& p) { tile(p, kShim).channels[0].tasks[0].repeat = 2; }},
    {"stream balance", [](Program& p) { descriptor(p, kMemtile, 0).words = 32; }},
    {"stream balance", [](Program& p) { descriptor(p, kMemtile, 1).pad_after[1] = 2; }},
    {"stream balance", [](Program& p) { tile(p, kCore).channels[1].tasks[0].repeat = 2; }},
    {"packet length", [](Program& p) { descriptor(p, kCore, 1).words = 32; }},
};

class Checker : public testing::TestWithParam<Mutation> {};

TEST_P(Checker, NamesTheRuleThatTheChangeBreaksAndNoOther) {
  Program program = good_program();
  GetParam().change(program);
  const std::vector<Violation> found = check(program, good_device());
  ASSERT_FALSE(found.empty());
  for (const Violation& violation : found) {
    EXPECT_EQ(violation.rule, GetParam().rule) << violation.message;
    EXPECT_EQ(violation.step, 0U);
    EXPECT_THAT(violation.message, testing::ContainsRegex("[0-9]"));
  }
}

INSTANTIATE_TEST_SUITE_P(Tiles, Checker, testing::ValuesIn(kTileMutations));
INSTANTIATE_TEST_SUITE_P(Channels, Checker, testing::ValuesIn(kChannelMutations));
INSTANTIATE_TEST_SUITE_P(Descriptors, Checker, testing::ValuesIn(kDescriptorMutations));
INSTANTIATE_TEST_SUITE_P(Streams, Checker, testing::ValuesIn(kStreamMutations));
INSTANTIATE_TEST_SUITE_P(Cores, Checker, testing::ValuesIn(kCoreMutations));
INSTANTIATE_TEST_SUITE_P(Balance, Checker, testing::ValuesIn(kBalanceMutations));

TEST(CheckerRules, AcceptTheGoodProgram) {
  for (const Violation& violation : check(good_program(), good_device())) {
    ADD_FAILURE() << violation.rule << ": " << violation.message;
  }
}

TEST(CheckerRules, AreEachBrokenByAChange) {
  std::set<std::string> broken;
  const std::vector<std::string_view> rules = rule_names();
  for (const auto& group : {kTileMutations, kChannelMutations, kDescriptorMutations,
                            kStreamMutations, kCoreMutations, kBalanceMutations}) {
    for (const Mutation& mutation : group) {
      broken.insert(mutation.rule);
    }
  }
  EXPECT_EQ(broken, std::set<std::string>(rules.begin(), rules.end()));
}

TEST(CheckerRules, IgnoreGapsAmongTheDescriptors) {
  Program program = good_program();
  Descriptor& gap = tile(program, kMemtile).descriptors.at(4);
  gap.address = 1;
  gap.next = 77;
  gap.dimensions = {{5000, -1}};
  EXPECT_TRUE(check(program, good_device()).empty());
}

TEST(CheckerRules, LetOnlyTheFirstFourChannelsReachTheNeighbour) {
  Program program = good_program();
  tile(program, kMemtile).channels[3].index = 2;
  descriptor(program, kMemtile, 2).memory = MemoryOf::east;
  connections(program).push_back({kMemtile, dma(2), south(1), -1});
  connections(program).push_back({kShim, north(1), dma(1), -1});
  tile(program, kShim).channels[1].index = 1;
  EXPECT_TRUE(check(program, good_device()).empty());
}

TEST(CheckerRules, NameStepTileValueAndLimit) {
  Program program = good_program();
  program.steps.push_back(program.steps.front());
  program.steps[1].tiles[2].descriptors[0].words = 20000;
  const std::vector<Violation> found = check(program, good_device());
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].step, 1U);
  EXPECT_EQ(found[0].tile, kCore);
  EXPECT_EQ(found[0].rule, "word limit");
  EXPECT_EQ(found[0].message,
            "core(0,0) descriptor 0 moves 20000 words, at most 16383 are possible");
  EXPECT_EQ(found[1].message,
            "core(0,0) descriptor 0 touches bytes 0 to 79999 from address 0 of a memory of 65536 "
            "bytes");
}

TEST(CheckerRules, LetTheWordsEndTheOutermostDimension) {
  Program program = good_program();
  descriptor(program, kMemtile, 3).words = 2048;
  descriptor(program, kMemtile, 3).dimensions = {{2, 1}, {1024, 2}};
  EXPECT_TRUE(check(program, good_device()).empty());
}

}  // namespace
}  // namespace wbs::aie::tests
