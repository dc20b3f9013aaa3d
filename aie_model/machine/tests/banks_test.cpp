#include <gtest/gtest.h>

#include "aie_model/kernels/banks.hpp"
#include "aie_model/kernels/kernel_model.hpp"
#include "aie_model/machine/tests/builder.hpp"

namespace wbs::aie::tests {
namespace {

/// core(0,0) calls a 1x1 convolution on fixed buffers, with the weights at `weights`.
Program convolution(std::uint32_t weights) {
  Program program = empty_program();
  TileProgram& worker = tile(program, core(0, 0));
  KernelCall call;
  call.in = {8, 4, 8};
  call.out = {2, 4, 8};
  call.input = {-1, 0};
  call.output = {-1, 3 * 16384};
  call.weights.ring = 0;
  worker.rings = {{weights, 4096, 1, {16}}};
  worker.calls = {call};
  worker.code = {op(CoreOp::Kind::call)};
  return program;
}

TEST(Banks, OperandsInOneBankMakeACallLonger) {
  const RunResult apart = run_event(convolution(16384));
  const RunResult together = run_event(convolution(4096));
  ASSERT_FALSE(apart.fault || together.fault);
  EXPECT_EQ(apart.steps[0].bank_conflicts, 0U);
  EXPECT_EQ(together.steps[0].bank_conflicts, 16U * 3);
  EXPECT_EQ(together.core_busy_cycles[0], apart.core_busy_cycles[0] + 48);
  EXPECT_EQ(together.cycles, apart.cycles + 48);
}

TEST(Banks, OfAMemtileServeSixteenAccessesACycle) {
  const Program program = copy_program(1024, 1024, linear(0, 1024));
  // Once in, once out, four words an access.
  EXPECT_EQ(run_event(program).steps[0].memtile_banks, 2U * 1024 / 4 / 16);
  // Words far apart take an access each.
  Descriptor send = linear(0, 1024);
  send.dimensions = {{32, 32}, {32, 1}};
  EXPECT_EQ(run_event(copy_program(1024, 1024, send)).steps[0].memtile_banks,
            (1024 / 4 + 1024) / 16U);
}

}  // namespace
}  // namespace wbs::aie::tests
