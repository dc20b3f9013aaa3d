#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "aie_model/kernels/tests/reference.hpp"

namespace wbs::aie {
namespace {

using testing::random_bytes;
using testing::random_weights;
using testing::reference_conv;
using testing::run_in_core;
using testing::Tensors;
using testing::Weights;

std::uint16_t between(Rng& rng, std::uint64_t low, std::uint64_t high) {
  return static_cast<std::uint16_t>(low + rng.below(high - low + 1));
}

KernelCall random_conv(Kernel kernel, Rng& rng) {
  KernelCall call{.kernel = kernel};
  call.window = {static_cast<std::uint8_t>(between(rng, 1, 4)),
                 static_cast<std::uint8_t>(between(rng, 1, 4))};
  call.stride = {static_cast<std::uint8_t>(between(rng, 1, 3)),
                 static_cast<std::uint8_t>(between(rng, 1, 3))};
  call.out = {between(rng, 1, 3), between(rng, 1, 4), between(rng, 1, 6)};
  const auto need = [](int out, int stride, int window, int spare) {
    return static_cast<std::uint16_t>((out - 1) * stride + window + spare);
  };
  call.in = {between(rng, 1, 5),
             need(call.out.rows, call.stride[0], call.window[0], between(rng, 0, 1)),
             need(call.out.columns, call.stride[1], call.window[1], between(rng, 0, 1))};
  call.input_unsigned = rng.bernoulli(0.5);
  call.adds = rng.bernoulli(0.3);
  call.second_unsigned = rng.bernoulli(0.5);
  if (rng.bernoulli(0.5)) {
    call.minimum = static_cast<std::int16_t>(between(rng, 0, 20));
    call.maximum = static_cast<std::int16_t>(between(rng, 100, 255));
  }
  return call;
}

std::vector<std::uint8_t> encode(const KernelCall& call, const ChunkSource& source) {
  return call.kernel == Kernel::conv ? encode_conv_chunk(source) : encode_sparse4_chunk(source);
}

void expect_random_calls_equal(Kernel kernel, std::uint64_t seed) {
  Rng rng(seed);
  std::set<std::uint8_t> values;
  for (int round = 0; round < 200; ++round) {
    const KernelCall call = random_conv(kernel, rng);
    const double density = 0.5 * static_cast<double>(rng.below(3));
    const Weights weights = random_weights(call, density, kernel == Kernel::conv_sparse4, rng);
    ChunkSource source = weights.source(call);
    source.skip_zero = rng.bernoulli(0.8);
    Tensors ours{
        .input = random_bytes(call.in.bytes(), rng),
        .second = call.adds ? random_bytes(call.out.bytes(), rng) : std::vector<std::uint8_t>{},
        .output = {},
        .accumulators = {}};
    Tensors theirs = ours;
    ASSERT_EQ(run_in_core(call, encode(call, source), ours), "") << "round " << round;
    reference_conv(call, weights, theirs);
    ASSERT_EQ(ours.output, theirs.output) << "round " << round;
    values.insert(ours.output.begin(), ours.output.end());
  }
  EXPECT_GE(values.size(), 200U);
}

TEST(Conv, RandomCallsEqualTheReferenceBitForBit) {
  expect_random_calls_equal(Kernel::conv, 1);
}

TEST(Conv, RandomCallsOfThe24UnitEqualTheReferenceBitForBit) {
  expect_random_calls_equal(Kernel::conv_sparse4, 2);
}

/// Weights of input blocks first..first+count of a whole call.
Weights slice(const Weights& whole, const KernelCall& call, std::size_t first, std::size_t count) {
  const std::size_t each = std::size_t{64} * call.window[0] * call.window[1];
  Weights part = whole;
  part.values.clear();
  for (std::size_t o = 0; o < call.out.blocks; ++o) {
    const auto from =
        whole.values.begin() + static_cast<std::ptrdiff_t>((o * call.in.blocks + first) * each);
    part.values.insert(part.values.end(), from, from + static_cast<std::ptrdiff_t>(count * each));
  }
  return part;
}

TEST(Conv, InputChannelsInSeveralCallsGiveTheSameAsInOne) {
  for (const Kernel kernel : {Kernel::conv, Kernel::conv_sparse4}) {
    Rng rng(3);
    for (int round = 0; round < 50; ++round) {
      KernelCall call = random_conv(kernel, rng);
      call.in.blocks = 6;
      const Weights weights = random_weights(call, 0.7, kernel == Kernel::conv_sparse4, rng);
      Tensors whole{
          .input = random_bytes(call.in.bytes(), rng),
          .second = call.adds ? random_bytes(call.out.bytes(), rng) : std::vector<std::uint8_t>{},
          .output = {},
          .accumulators = {}};
      Tensors split = whole;
      ASSERT_EQ(run_in_core(call, encode(call, weights.source(call)), whole), "");
      const std::size_t block_bytes = whole.input.size() / 6;
      for (std::size_t first = 0; first < 6; first += 2) {
        KernelCall part = call;
        part.in.blocks = 2;
        part.begin = first == 0;
        part.finish = first == 4;
        split.input.assign(
            whole.input.begin() + static_cast<std::ptrdiff_t>(first * block_bytes),
            whole.input.begin() + static_cast<std::ptrdiff_t>((first + 2) * block_bytes));
        const Weights piece = slice(weights, call, first, 2);
        ASSERT_EQ(run_in_core(part, encode(part, piece.source(part)), split), "");
      }
      ASSERT_EQ(split.output, whole.output) << "round " << round;
    }
  }
}

/// One pixel, one block, one tap, weight 1 from channel k to itself.
Weights identity(std::uint8_t shift) {
  Weights weights{.values = std::vector<std::int8_t>(64), .bias = {}, .shift = {}};
  for (std::size_t k = 0; k < 8; ++k) weights.values[k * 9] = 1;
  weights.bias.assign(8, 0);
  weights.shift.assign(8, shift);
  return weights;
}

TEST(Conv, TiesOfRoundingGoToTheEvenNumber) {
  const KernelCall call{.in = {1, 1, 1}, .out = {1, 1, 1}};
  const Weights weights = identity(2);
  Tensors tensors;
  for (const int v : {2, 6, -2, -6, 10, -10, 5, 7}) {
    tensors.input.push_back(static_cast<std::uint8_t>(v));
  }
  ASSERT_EQ(run_in_core(call, encode_conv_chunk(weights.source(call)), tensors), "");
  const std::vector<int> expected{0, 2, 0, -2, 2, -2, 1, 2};
  for (std::size_t n = 0; n < 8; ++n) {
    EXPECT_EQ(static_cast<std::int8_t>(tensors.output[n]), expected[n]) << n;
  }
}

TEST(Conv, ExtremesOfBothSignsDoNotOverflow) {
  for (const bool is_unsigned : {false, true}) {
    const KernelCall call{.in = {64, 1, 1}, .out = {1, 1, 1}, .input_unsigned = is_unsigned};
    Weights weights{
        .values = std::vector<std::int8_t>(std::size_t{64} * 64, -128), .bias = {}, .shift = {}};
    weights.bias.assign(8, 0);
    weights.shift.assign(8, 17);
    Tensors tensors{.input = std::vector<std::uint8_t>(512, is_unsigned ? 255 : 128),
                    .second = {},
                    .output = {},
                    .accumulators = {}};
    ASSERT_EQ(run_in_core(call, encode_conv_chunk(weights.source(call)), tensors), "");
    const int expected = is_unsigned ? -128 : 64;  // 512 * 255 * -128 and 512 * 2^14, / 2^17
    EXPECT_EQ(static_cast<std::int8_t>(tensors.output[0]), expected);
  }
}

TEST(Conv, OutputBlocksWithoutWeightsGiveTheBias) {
  const KernelCall call{.in = {3, 2, 3}, .out = {2, 2, 3}};
  Rng rng(5);
  Weights weights = random_weights(call, 0.0, false, rng);
  weights.shift.assign(16, 8);
  Tensors tensors{
      .input = random_bytes(call.in.bytes(), rng), .second = {}, .output = {}, .accumulators = {}};
  Tensors expected = tensors;
  const auto chunk = encode_conv_chunk(weights.source(call));
  EXPECT_EQ(chunk.size(), chunk_bytes({.out_blocks = 2, .kept = 0, .taps = 1}));
  ASSERT_EQ(run_in_core(call, chunk, tensors), "");
  reference_conv(call, weights, expected);
  EXPECT_EQ(tensors.output, expected.output);
}

TEST(Chunk, SizesFollowFromTheKeptOperandsAlone) {
  Rng rng(6);
  for (int round = 0; round < 30; ++round) {
    KernelCall call = random_conv(round % 2 == 0 ? Kernel::conv : Kernel::conv_sparse4, rng);
    call.begin = rng.bernoulli(0.5);
    call.finish = rng.bernoulli(0.5);
    const Weights weights = random_weights(call, 0.4, call.kernel == Kernel::conv_sparse4, rng);
    const ChunkSource source = weights.source(call);
    const auto kept = call.kernel == Kernel::conv ? kept_operands(source) : kept_pairs(source);
    const auto sum = std::accumulate(kept.begin(), kept.end(), std::uint32_t{0});
    const auto chunk = encode(call, source);
    EXPECT_EQ(kept_in_chunk(call, chunk), sum);
    EXPECT_EQ(footprint(call, sum).weights, chunk.size());
  }
}

TEST(Chunk, ZeroOperandsAreLeftOutOnlyWhenAsked) {
  const KernelCall call{.in = {4, 1, 1}, .out = {2, 1, 1}};
  Rng rng(7);
  Weights weights = random_weights(call, 1.0, false, rng);
  std::fill_n(weights.values.begin() + 64, 64, std::int8_t{0});
  ChunkSource source = weights.source(call);
  EXPECT_EQ(kept_operands(source), (std::vector<std::uint16_t>{3, 4}));
  source.skip_zero = false;
  EXPECT_EQ(kept_operands(source), (std::vector<std::uint16_t>{4, 4}));
}

}  // namespace
}  // namespace wbs::aie
