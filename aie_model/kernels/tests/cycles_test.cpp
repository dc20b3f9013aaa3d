#include <gtest/gtest.h>

#include <cmath>
#include <iostream>

#include "aie_model/kernels/calibration.hpp"
#include "aie_model/kernels/gemm.hpp"
#include "aie_model/kernels/kernel_model.hpp"
#include "core/error.hpp"

namespace wbs::aie {
namespace {

Device device(const char* name) {
  return value_or_throw(find_device(name));
}

KernelCall conv(std::uint16_t in, std::uint16_t out, std::uint16_t side, std::uint8_t window,
                std::uint8_t stride = 1) {
  KernelCall call;
  const auto input = static_cast<std::uint16_t>((side - 1) * stride + window);
  call.in = {in, input, input};
  call.out = {out, side, side};
  call.window = {window, window};
  call.stride = {stride, stride};
  return call;
}

double macs(const KernelCall& call, std::uint32_t kept) {
  return 64.0 * kept * call.window[0] * call.window[1] * call.out.rows * call.out.columns;
}

TEST(Calibration, EveryPublishedFigureIsWithinItsLimit) {
  std::cout << kernel_checks_markdown();
  for (const KernelCheck& check : kernel_checks()) {
    EXPECT_LE(std::abs(check.error()), check.limit) << check.name;
  }
}

TEST(Calibration, TheBankConflictPairDiffersByThePredictedConflicts) {
  const GemmSchedule schedule = peano_gemm(false);
  EXPECT_EQ(
      schedule_cycles(schedule, 32, 64, 32, true) - schedule_cycles(schedule, 32, 64, 32, false),
      48);
}

TEST(Calibration, AtMostTwoRowsAreFitted) {
  int fitted = 0;
  for (const KernelCheck& check : kernel_checks()) {
    fitted += check.kind == CheckKind::calibrated ? 1 : 0;
  }
  EXPECT_LE(fitted, 2);
}

TEST(Cycles, PartsOfAConvolutionAreItsSchedule) {
  const Device target = device("npu1");
  const KernelCall call = conv(4, 2, 8, 1);  // 16 operands of 4 pixels in two tiles of 8
  const CallParts parts = call_parts(call, 6, target);
  EXPECT_EQ(parts.cycles(), call_cycles(call, 6, target));
  EXPECT_EQ(parts.compute, 6U * 16);
  EXPECT_EQ(parts.slots, 6U * 64 * 64);
  EXPECT_EQ(parts.macs, parts.slots);
  EXPECT_EQ(parts.starts, 20U + 2 * 8);
  // Nothing kept: tiles still write their results.
  EXPECT_EQ(call_parts(call, 0, target).results, parts.results);
  EXPECT_EQ(call_parts(call, 0, target).compute, 0U);
}

TEST(Cycles, TheSparseUnitDoesTwoProductsASlot) {
  KernelCall call = conv(4, 2, 8, 3);
  call.kernel = Kernel::conv_sparse4;
  const CallParts parts = call_parts(call, 4, device("npu1"));
  EXPECT_EQ(parts.macs, 2 * parts.slots);
  EXPECT_EQ(parts.slots, 4U * 9 * 64 * 64);
}

TEST(Cycles, PartsOfEveryKernelAddUp) {
  for (const char* name : {"npu1", "npu2"}) {
    for (const Kernel kernel : {Kernel::depthwise, Kernel::max_pool, Kernel::average_pool,
                                Kernel::add, Kernel::conv, Kernel::conv_sparse4}) {
      KernelCall call = conv(2, 2, 7, kernel == Kernel::add ? 1 : 3);
      call.kernel = kernel;
      const CallParts parts = call_parts(call, 3, device(name));
      EXPECT_EQ(parts.cycles(), call_cycles(call, 3, device(name))) << to_string(kernel);
      EXPECT_GT(parts.compute, 0U) << to_string(kernel);
      EXPECT_GT(parts.memory_bytes, 0U) << to_string(kernel);
      EXPECT_LT(parts.cycles(), 10000U) << to_string(kernel);  // nothing wrapped round 0
    }
  }
}

TEST(Cycles, NoKernelBeatsTheMultiplier) {
  for (const char* name : {"npu1", "npu2"}) {
    const Device target = device(name);
    for (const int side : {1, 3, 4, 7, 8, 14, 28}) {
      for (const int window : {1, 3, 7}) {
        const KernelCall call =
            conv(8, 4, static_cast<std::uint16_t>(side), static_cast<std::uint8_t>(window));
        EXPECT_GE(static_cast<double>(call_cycles(call, 32, target)) *
                      static_cast<double>(target.macs_per_cycle),
                  macs(call, 32));
      }
    }
  }
}

TEST(Cycles, ALongConvolutionComesNearTheMultiplier) {
  const KernelCall call = conv(16, 4, 8, 3);
  const double ideal = macs(call, 64) / 256;
  EXPECT_LT(static_cast<double>(call_cycles(call, 64, device("npu1"))), 1.15 * ideal);
}

TEST(Cycles, HalfTheOperandsTakeAboutHalfTheTime) {
  const KernelCall call = conv(16, 4, 8, 3);
  const auto dense = static_cast<double>(call_cycles(call, 64, device("npu1")));
  const auto half = static_cast<double>(call_cycles(call, 32, device("npu1")));
  EXPECT_GT(dense / half, 1.8);
  EXPECT_LT(dense / half, 2.0);
}

TEST(Cycles, The24UnitDoublesWindowsAndIsBoundByLoadsOnPoints) {
  KernelCall call = conv(32, 4, 8, 3);
  call.in.columns = 12;  // rows start at multiples of a load
  const auto dense = static_cast<double>(call_cycles(call, 128, device("npu1")));
  call.kernel = Kernel::conv_sparse4;
  EXPECT_GT(dense / static_cast<double>(call_cycles(call, 64, device("npu1"))), 1.7);
  KernelCall point = conv(32, 4, 8, 1);
  const auto dense_point = static_cast<double>(call_cycles(point, 128, device("npu1")));
  point.kernel = Kernel::conv_sparse4;
  const double gain = dense_point / static_cast<double>(call_cycles(point, 64, device("npu1")));
  EXPECT_GT(gain, 1.2);
  EXPECT_LT(gain, 1.6);
}

TEST(Cycles, PointsOfStrideTwoAreBoundByLoads) {
  KernelCall call = conv(16, 4, 8, 1);
  const auto dense = call_cycles(call, 64, device("npu1"));
  call = conv(16, 4, 8, 1, 2);
  EXPECT_GT(call_cycles(call, 64, device("npu1")), dense);
}

TEST(Cycles, SumsThatAreKeptBetweenCallsCostMore) {
  KernelCall call = conv(4, 4, 8, 1);
  const auto whole = call_cycles(call, 16, device("npu1"));
  call.begin = false;
  call.finish = false;
  EXPECT_GT(call_cycles(call, 16, device("npu1")), whole);
}

TEST(Cycles, AddMovesOneAccessPerCycle) {
  KernelCall call{.kernel = Kernel::add};
  call.in = call.out = {8, 16, 16};
  const auto cycles = call_cycles(call, 0, device("npu1"));
  EXPECT_GE(cycles, 512U);
  EXPECT_LE(cycles, 560U);
}

TEST(Cycles, AGlobalPoolFoldsItsLanes) {
  KernelCall call{.kernel = Kernel::average_pool};
  call.in = {8, 7, 7};
  call.out = {8, 1, 1};
  call.window = {7, 7};
  EXPECT_LT(call_cycles(call, 0, device("npu1")), 8U * 49);
}

TEST(Cycles, DepthwiseIsFarBelowTheMultiplier) {
  KernelCall call = conv(8, 8, 8, 3);
  call.kernel = Kernel::depthwise;
  const double products = 8.0 * 9 * 64 * 8;
  const double rate = products / static_cast<double>(call_cycles(call, 0, device("npu1")));
  EXPECT_GT(rate, 10);
  EXPECT_LT(rate, 32);
}

}  // namespace
}  // namespace wbs::aie
