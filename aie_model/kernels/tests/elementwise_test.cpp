#include <gtest/gtest.h>

#include <set>

#include "aie_model/kernels/tests/reference.hpp"

namespace wbs::aie {
namespace {

using testing::random_bytes;
using testing::random_weights;
using testing::reference_elementwise;
using testing::run_in_core;
using testing::Tensors;
using testing::Weights;

std::uint16_t between(Rng& rng, std::uint64_t low, std::uint64_t high) {
  return static_cast<std::uint16_t>(low + rng.below(high - low + 1));
}

KernelCall random_call(Kernel kernel, Rng& rng) {
  KernelCall call{.kernel = kernel};
  call.out = {between(rng, 1, 4), between(rng, 1, 5), between(rng, 1, 5)};
  call.in = call.out;
  if (kernel != Kernel::add) {
    for (auto& side : call.window) side = static_cast<std::uint8_t>(between(rng, 1, 5));
    for (auto& side : call.stride) side = static_cast<std::uint8_t>(between(rng, 1, 3));
    call.in.rows = static_cast<std::uint16_t>((call.out.rows - 1) * call.stride[0] +
                                              call.window[0] + between(rng, 0, 2));
    call.in.columns = static_cast<std::uint16_t>((call.out.columns - 1) * call.stride[1] +
                                                 call.window[1] + between(rng, 0, 2));
  }
  call.input_unsigned = rng.bernoulli(0.5);
  call.second_unsigned = rng.bernoulli(0.5);
  if (rng.bernoulli(0.5)) {
    call.minimum = 0;
    call.maximum = static_cast<std::int16_t>(between(rng, 100, 255));
  }
  call.shift_input = static_cast<std::uint8_t>(rng.below(5));
  call.shift_second = static_cast<std::uint8_t>(rng.below(5));
  call.shift = static_cast<std::uint8_t>(rng.below(6));
  if (kernel == Kernel::average_pool) {
    call.shift = 20;
    call.multiplier = (1 << 20) / (call.window[0] * call.window[1]);
  }
  return call;
}

class Elementwise : public ::testing::TestWithParam<Kernel> {};

TEST_P(Elementwise, RandomCallsEqualTheReferenceBitForBit) {
  Rng rng(11, static_cast<std::uint64_t>(GetParam()));
  std::set<std::uint8_t> values;
  for (int round = 0; round < 200; ++round) {
    const KernelCall call = random_call(GetParam(), rng);
    Weights weights;
    std::vector<std::uint8_t> chunk;
    if (call.kernel == Kernel::depthwise) {
      weights = random_weights(call, 1.0, false, rng);
      chunk = encode_depthwise_chunk(weights.source(call));
      EXPECT_EQ(chunk.size(), footprint(call, 0).weights);
    }
    Tensors ours{.input = random_bytes(call.in.bytes(), rng),
                 .second = {},
                 .output = {},
                 .accumulators = {}};
    if (call.kernel == Kernel::add) ours.second = random_bytes(call.in.bytes(), rng);
    Tensors theirs = ours;
    ASSERT_EQ(run_in_core(call, chunk, ours), "") << "round " << round;
    reference_elementwise(call, weights, theirs);
    ASSERT_EQ(ours.output, theirs.output) << "round " << round;
    values.insert(ours.output.begin(), ours.output.end());
  }
  EXPECT_GE(values.size(), 100U);
}

INSTANTIATE_TEST_SUITE_P(Kernels, Elementwise,
                         ::testing::Values(Kernel::depthwise, Kernel::max_pool,
                                           Kernel::average_pool, Kernel::add),
                         [](const auto& parameter) {
                           return std::string(to_string(parameter.param));
                         });

TEST(Add, TheSumMayReplaceAnInput) {
  const KernelCall call{.kernel = Kernel::add, .in = {1, 1, 2}, .out = {1, 1, 2}};
  std::vector<std::uint8_t> memory(64);
  for (std::size_t i = 0; i < 32; ++i) memory[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(execute({.call = &call, .input = 0, .second = 16, .output = 0}, memory), "");
  for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(memory[i], 2 * i + 16);
}

}  // namespace
}  // namespace wbs::aie
