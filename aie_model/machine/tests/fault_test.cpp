#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "aie_model/machine/tests/builder.hpp"

namespace wbs::aie::tests {
namespace {

using testing::HasSubstr;

void expect_fault(const RunResult& result, FaultKind kind, const std::string& part) {
  ASSERT_TRUE(result.fault) << "no fault; expected " << part;
  EXPECT_EQ(to_string(result.fault->kind), to_string(kind)) << result.fault->message;
  EXPECT_THAT(result.fault->message, HasSubstr(part));
}

RunResult run_add(const Program& program) {
  return run_functional(program, pattern(768));
}

TEST(Faults, ReadBeforeItsLockIsUninitialised) {
  Program program = add_program();
  tile(program, memtile(0)).descriptors[1].acquire = {};
  expect_fault(run_add(program), FaultKind::uninitialised, "memtile(0) mm2s 0 reads byte 0");
}

TEST(Faults, OverwriteBeforeItsLockIsARace) {
  Program program = add_program();
  tile(program, core(0, 0)).descriptors[0].acquire = {};
  tile(program, core(0, 0)).descriptors[1].acquire = {};
  expect_fault(run_add(program), FaultKind::race, "core(0,0) s2mm 0 writes byte 0 of core(0,0)");
}

TEST(Faults, CallBeforeItsDataIsReported) {
  Program program = add_program();
  TileProgram& worker = tile(program, core(0, 0));
  std::erase_if(worker.code, [](const CoreOp& op) {
    return op.kind == CoreOp::Kind::acquire && op.lock.lock == 3;
  });
  const RunResult result = run_add(program);
  ASSERT_TRUE(result.fault);
  EXPECT_TRUE(result.fault->kind == FaultKind::race ||
              result.fault->kind == FaultKind::uninitialised);
}

TEST(Faults, SwappedLockValuesDeadlock) {
  Program program = add_program();
  std::swap(tile(program, core(0, 0)).locks[0], tile(program, core(0, 0)).locks[4]);
  tile(program, core(0, 0)).locks[0] = 0;
  const RunResult result = run_event(program);
  expect_fault(result, FaultKind::deadlock, "core(0,0) waits for lock 1 >= 1 (is 0)");
  EXPECT_THAT(result.fault->message, HasSubstr("memtile(0) mm2s 0 waits for receiver core(0,0) "
                                               "s2mm 0"));
}

TEST(Faults, EveryLockOfTheProgramMatters) {
  const Program good = add_program();
  int uses = 0;
  for (std::size_t t = 0; t < good.steps[0].tiles.size(); ++t) {
    const TileProgram& part = good.steps[0].tiles[t];
    const auto check = [&](const std::function<LockUse&(TileProgram&)>& find) {
      Program bad = good;
      LockUse& use = find(bad.steps[0].tiles[t]);
      if (use.lock < 0) return;
      ++uses;
      use.lock = -1;
      EXPECT_TRUE(run_add(bad).fault) << to_string(part.tile) << " use " << uses;
    };
    for (std::size_t i = 0; i < part.descriptors.size(); ++i) {
      check([i](TileProgram& p) -> LockUse& { return p.descriptors[i].acquire; });
      check([i](TileProgram& p) -> LockUse& { return p.descriptors[i].release; });
    }
    for (std::size_t i = 0; i < part.code.size(); ++i) {
      const CoreOp::Kind kind = part.code[i].kind;
      if (kind != CoreOp::Kind::acquire && kind != CoreOp::Kind::release) continue;
      check([i](TileProgram& p) -> LockUse& { return p.code[i].lock; });
    }
  }
  EXPECT_EQ(uses, 12 + 12 + 6);
}

TEST(Faults, StrideOutOfTheMemory) {
  Descriptor send = linear(0, 8);
  send.dimensions = {{.count = 8, .stride = 20000}};
  expect_fault(run_functional(copy_program(8, 8, send), counting(8)), FaultKind::out_of_range,
               "memtile(0) mm2s 0 descriptor 1 touches words 0 to 140000");
  send.dimensions = {{.count = 8, .stride = -1}};
  expect_fault(run_event(copy_program(8, 8, send)), FaultKind::out_of_range, "words -7 to 0");
}

TEST(Faults, IterationOutOfTheMemory) {
  Descriptor send = linear(524288 - 16, 4);
  send.iteration = {.count = 2, .stride = 4};
  Program program = copy_program(8, 8, send);
  tile(program, memtile(0)).channels[1].tasks[0].repeat = 2;
  expect_fault(run_event(program), FaultKind::out_of_range, "touches words 131072 to 131075");
}

TEST(Faults, ReadOfWhatNobodyWrote) {
  expect_fault(run_functional(copy_program(8, 9, linear(0, 9)), counting(8)),
               FaultKind::uninitialised, "memtile(0) mm2s 0 reads byte 32 of memtile(0)");
}

TEST(Faults, ResultThatNobodyWrote) {
  Program program = copy_program(8, 8, linear(0, 8));
  program.ddr[1].size_bytes = 64;
  program.output = {.channels = 8, .rows = 1, .columns = 5};
  expect_fault(run_functional(program, counting(8)), FaultKind::uninitialised, "byte 32");
}

TEST(Faults, MoreWordsThanTheReceiverTakes) {
  expect_fault(run_event(copy_program(8, 4, linear(0, 8))), FaultKind::deadlock,
               "memtile(0) mm2s 0 waits for receiver shim(0) s2mm 0");
  expect_fault(run_event(copy_program(8, 12, linear(0, 8))), FaultKind::deadlock,
               "shim(0) s2mm 0 has 8 of 12 words");
}

TEST(Faults, RoutesThatMakeNoSense) {
  Program missing = copy_program(8, 8, linear(0, 8));
  missing.steps[0].connections.pop_back();
  expect_fault(run_event(missing), FaultKind::malformed, "forwards to nowhere");
  Program none = copy_program(8, 8, linear(0, 8));
  std::erase_if(none.steps[0].connections, [](const SwitchConnection& connection) {
    return connection.tile == memtile(0) && connection.slave.kind == Port::Kind::dma;
  });
  expect_fault(run_event(none), FaultKind::malformed,
               "the route of memtile(0) mm2s 0 does not exist");
  Program edge = copy_program(8, 8, linear(0, 8));
  edge.steps[0].connections.back().master = {.kind = Port::Kind::south, .index = 0};
  expect_fault(run_event(edge), FaultKind::malformed, "leaves the array");
  Program idle = copy_program(8, 8, linear(0, 8));
  idle.steps[0].connections.back().master.index = 1;
  expect_fault(run_event(idle), FaultKind::malformed, "without tasks");
}

TEST(Faults, RoutesThatLoop) {
  Program program = copy_program(8, 8, linear(0, 8));
  auto& connections = program.steps[0].connections;
  connections.clear();
  const Port north{.kind = Port::Kind::north, .index = 0};
  const Port south{.kind = Port::Kind::south, .index = 0};
  connections.push_back({.tile = shim(0), .slave = {}, .master = north});
  connections.push_back({.tile = memtile(0), .slave = south, .master = south});
  connections.push_back({.tile = shim(0), .slave = north, .master = north});
  expect_fault(run_event(program), FaultKind::malformed, "meets itself");
}

TEST(Faults, CircuitsDoNotShareAPort) {
  Program program = add_program();
  // Both streams of the Memtile into one channel of the core.
  for (SwitchConnection& connection : program.steps[0].connections) {
    if (connection.tile == core(0, 0) && connection.slave.kind == Port::Kind::south) {
      connection.master.index = 0;
    }
  }
  expect_fault(run_event(program), FaultKind::malformed, "shares without packets");
}

TEST(Faults, DescriptorsThatMakeNoSense) {
  Descriptor send = linear(0, 8);
  send.dimensions = {{.count = 7, .stride = 1}};
  expect_fault(run_event(copy_program(8, 8, send)), FaultKind::malformed,
               "announces 8 words, but its dimensions have 7");
  send = linear(0, 8);
  send.next = 7;
  expect_fault(run_event(copy_program(8, 9, send)), FaultKind::malformed, "descriptor 7");
  send = linear(0, 8);
  send.memory = MemoryOf::west;
  expect_fault(run_event(copy_program(8, 8, send)), FaultKind::malformed, "not there");
  Program write = add_program();
  tile(write, shim(0)).descriptors[2].ddr_buffer = 1;
  expect_fault(run_event(write), FaultKind::malformed, "read-only buffer");
  Program raised = copy_program(8, 8, linear(0, 8));
  tile(raised, memtile(0)).descriptors[0].release.value = 64;
  expect_fault(run_event(raised), FaultKind::malformed, "above its range");
}

TEST(Faults, NeighbourMemoryIsWatchedToo) {
  // Memtile 1 reads what Memtile 0 holds, without a lock between them.
  Program program = copy_program(8, 8, linear(0, 8));
  TileProgram& other = tile(program, memtile(1));
  Descriptor send = linear(0, 8);
  send.memory = MemoryOf::west;
  task(other, Direction::mm2s, 0, add(other, send));
  task(other, Direction::s2mm, 0, add(other, linear(0, 8)));
  connect(program, {memtile(1)}, 0, 0, 0);
  expect_fault(run_functional(program, counting(8)), FaultKind::uninitialised,
               "memtile(1) mm2s 0 reads byte 0 of memtile(0)");
}

}  // namespace
}  // namespace wbs::aie::tests
