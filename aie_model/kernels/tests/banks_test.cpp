#include "aie_model/kernels/banks.hpp"

#include <gtest/gtest.h>

#include "aie_model/kernels/kernel_model.hpp"

namespace wbs::aie {
namespace {

constexpr std::int64_t kBank = 16384;

KernelCall pointwise(Kernel kernel) {
  KernelCall call;
  call.kernel = kernel;
  call.in = {8, 4, 8};
  call.out = {2, 4, 8};  // 8 operands of 4 pixels: one tile a block
  return call;
}

TEST(BankShare, DividesABufferAmongTheBanksItTouches) {
  const BankShare share = bank_share(kBank - 1024, 4096, kBank);
  EXPECT_DOUBLE_EQ(share[0], 0.25);
  EXPECT_DOUBLE_EQ(share[1], 0.75);
  EXPECT_DOUBLE_EQ(share[2], 0.0);
  EXPECT_DOUBLE_EQ(meeting(share, bank_share(0, 64, kBank)), 0.25);
  EXPECT_DOUBLE_EQ(meeting(share, share), 0.625);
}

TEST(CallAccesses, PairLoadsThatMultiplicationsDoNotHide) {
  // A kept operand: 8 loads of inputs, 2 of weights and an index beside 8 multiply-accumulates.
  const CallAccesses dense = call_accesses(pointwise(Kernel::conv), 5, aie2_array(1, 1));
  EXPECT_EQ(dense.input, 5U * 8);
  EXPECT_EQ(dense.weights, 5U * 3);
  EXPECT_EQ(dense.input_weights, 5U * 3);
  EXPECT_EQ(dense.input_input, 0U);
  EXPECT_EQ(dense.output, 2U * 8);
  // A kept pair: 16 of inputs, 3 of weights and masks, an index in 10 bundles: 10 pairs.
  const CallAccesses sparse = call_accesses(pointwise(Kernel::conv_sparse4), 5, aie2_array(1, 1));
  EXPECT_EQ(sparse.input_weights, 5U * 4);
  EXPECT_EQ(sparse.input_input, 5U * 6);
}

TEST(BankConflicts, CostABundleWhereOperandsShareABank) {
  const CallAccesses accesses = call_accesses(pointwise(Kernel::conv), 5, aie2_array(1, 1));
  OperandBanks banks{bank_share(0, 2048, kBank), {}, bank_share(4096, 1024, kBank), {}};
  EXPECT_DOUBLE_EQ(bank_conflicts(accesses, banks), 15.0);
  banks.weights = bank_share(kBank, 1024, kBank);
  EXPECT_DOUBLE_EQ(bank_conflicts(accesses, banks), 0.0);
}

TEST(BankConflicts, OfSumsCountBothLoadsAndTheStore) {
  KernelCall call;
  call.kernel = Kernel::add;
  call.in = call.out = {1, 4, 8};
  const CallAccesses accesses = call_accesses(call, 0, aie2_array(1, 1));
  const BankShare low = bank_share(0, 256, kBank), high = bank_share(kBank, 256, kBank);
  EXPECT_DOUBLE_EQ(bank_conflicts(accesses, {low, low, {}, low}), 16.0);
  EXPECT_DOUBLE_EQ(bank_conflicts(accesses, {low, low, {}, high}), 8.0);
  EXPECT_DOUBLE_EQ(bank_conflicts(accesses, {low, high, {}, low}), 8.0);
}

TEST(DmaConflicts, LoseEverySecondAccessThatMeets) {
  CallAccesses accesses;
  accesses.input = 100;
  const OperandBanks banks{bank_share(0, 256, kBank), {}, {}, {}};
  const BankShare same = bank_share(1024, 256, kBank), other = bank_share(kBank, 256, kBank);
  // 400 words are 100 accesses; half of the cycles load from the bank; half of the meetings lose.
  EXPECT_DOUBLE_EQ(dma_conflicts(accesses, banks, same, 400, 200), 25.0);
  EXPECT_DOUBLE_EQ(dma_conflicts(accesses, banks, other, 400, 200), 0.0);
}

TEST(BankConflicts, AreNotCountedForMeasuredProducts) {
  KernelCall call;
  call.kernel = Kernel::gemm;
  call.gemm = {64, 232, 64};
  EXPECT_EQ(call_accesses(call, 0, aie2_array(1, 1)), CallAccesses{});
}

}  // namespace
}  // namespace wbs::aie
