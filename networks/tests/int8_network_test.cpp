#include "networks/int8_network.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "core/error.hpp"
#include "networks/int8_interpret.hpp"

namespace wbs::networks {
namespace {

using Kind = Int8Op::Kind;

Int8Op input(const Int8Shape& shape) {
  Int8Op op;
  op.name = op.result = "input";
  op.output = shape;
  return op;
}

Int8Op operation(Kind kind, const Int8Shape& shape, std::vector<std::size_t> inputs = {0}) {
  Int8Op op;
  op.kind = kind;
  op.name = op.result = "op";
  op.inputs = std::move(inputs);
  op.output = shape;
  if (shape.is_unsigned) {
    op.minimum = 0;
    op.maximum = 255;
  }
  return op;
}

/// The bytes of small integers, negative ones in two's complement.
std::vector<std::uint8_t> bytes(const std::vector<int>& values) {
  std::vector<std::uint8_t> result;
  for (const int value : values) result.push_back(static_cast<std::uint8_t>(value));
  return result;
}

/// The last operation's result.
std::vector<std::uint8_t> run(std::vector<Int8Op> operations, const std::vector<int>& image) {
  Int8Network network{"net", std::move(operations), 0};
  network.output = network.operations.size() - 1;
  return interpret(network, bytes(image)).back();
}

TEST(RoundShift, TiesGoToEven) {
  EXPECT_EQ(int8::round_shift(5, 1), 2);
  EXPECT_EQ(int8::round_shift(7, 1), 4);
  EXPECT_EQ(int8::round_shift(-5, 1), -2);
  EXPECT_EQ(int8::round_shift(-7, 1), -4);
  EXPECT_EQ(int8::round_shift(-6, 2), -2);
  EXPECT_EQ(int8::round_shift(9, 0), 9);
  EXPECT_EQ(int8::round_shift(std::numeric_limits<std::int32_t>::max(), 31), 1);
  EXPECT_EQ(int8::round_shift(std::numeric_limits<std::int32_t>::min(), 31), -1);
}

TEST(Int8Interpreter, ConvRoundsShiftsAndSaturatesByChannel) {
  Int8Op conv = operation(Kind::conv, {2, 1, 3});
  conv.weights = {1, -1, 127, 127};  // [2 out][2 in]
  conv.bias = {1, -3};
  conv.shift = {1, 3};
  // Sums: 1 + a - b = -2, 3, 1; -3 + 127 (a + b) = 886, 505, 32509.
  EXPECT_EQ(run({input({2, 1, 3}), conv}, {2, 3, 127, 5, 1, 127}), bytes({-1, 2, 0, 111, 63, 127}));
}

TEST(Int8Interpreter, UnsignedInputsReach255) {
  Int8Op conv = operation(Kind::conv, {1, 1, 2, true});
  conv.weights = {1};
  conv.bias = {0};
  conv.shift = {0};
  EXPECT_EQ(run({input({1, 1, 2, true}), conv}, {255, 128}), bytes({255, 128}));
  EXPECT_EQ(run({input({1, 1, 2}), conv}, {255, 127}), bytes({0, 127}));
}

TEST(Int8Interpreter, WindowsStrideOverZeroPadding) {
  Int8Op conv = operation(Kind::conv, {1, 2, 2});
  conv.window = {3, 2};
  conv.stride = {2, 2};
  conv.padding = {1, 1, 1, 0};
  conv.weights = {1, 2, 3, 4, 5, 6};
  conv.bias = {0};
  conv.shift = {0};
  // Rows -1..1 and 1..3 of the 3x3 image; columns -1..0 and 1..2.
  EXPECT_EQ(run({input({1, 3, 3}), conv}, {1, 1, 1, 1, 1, 1, 1, 1, 1}), bytes({10, 18, 6, 10}));
}

TEST(Int8Interpreter, DepthwiseFiltersEachChannelAlone) {
  Int8Op op = operation(Kind::depthwise, {2, 1, 2});
  op.window = {1, 3};
  op.padding = {0, 1, 0, 1};
  op.weights = {1, 2, 3, -1, 0, 1};
  op.bias = {0, 10};
  op.shift = {0, 1};
  EXPECT_EQ(run({input({2, 1, 2}), op}, {1, 2, 3, 4}), bytes({8, 5, 7, 4}));
}

TEST(Int8Interpreter, MaxPoolsTakeSignedAndPaddedUnsignedWindows) {
  Int8Op pool = operation(Kind::max_pool, {1, 1, 2});
  pool.window = {1, 2};
  pool.stride = {1, 2};
  EXPECT_EQ(run({input({1, 1, 4}), pool}, {-5, -3, -128, -127}), bytes({-3, -127}));
  pool.output.is_unsigned = true;
  pool.padding = {0, 0, 0, 1};
  EXPECT_EQ(run({input({1, 1, 3, true}), pool}, {1, 200, 7}), bytes({200, 7}));
}

TEST(Int8Interpreter, AveragesMultiplyTheSum) {
  Int8Op pool = operation(Kind::average_pool, {1, 1, 1});
  pool.window = {2, 2};
  pool.multiplier = 3;
  pool.pool_shift = 2;
  EXPECT_EQ(run({input({1, 2, 2}), pool}, {1, 2, 3, -20}), bytes({-10}));  // -14 * 3 / 4 = -10.5
}

TEST(Int8Interpreter, AddAlignsOperandsAndClamps) {
  Int8Op same = operation(Kind::conv, {1, 1, 3});
  same.weights = {1};
  same.bias = {0};
  same.shift = {0};
  Int8Op add = operation(Kind::add, {1, 1, 3}, {0, 1});
  add.shift_input = 2;
  add.pool_shift = 1;
  add.maximum = 100;
  EXPECT_EQ(run({input({1, 1, 3}), same, add}, {1, -1, 50}), bytes({2, -2, 100}));
}

TEST(Int8Interpreter, ConcatAppendsChannels) {
  const Int8Op pool = operation(Kind::max_pool, {1, 1, 2});
  const Int8Op concat = operation(Kind::concat, {2, 1, 2}, {1, 0});
  EXPECT_EQ(run({input({1, 1, 2}), pool, concat}, {1, 2}), bytes({1, 2, 1, 2}));
}

TEST(MeanMultiplier, Has15BitsUnlessSumsOr31BitsForbidIt) {
  const auto nine = int8::mean_multiplier(9, 0);
  EXPECT_EQ(nine.multiplier, 29127);  // 2^18 / 9
  EXPECT_EQ(nine.shift, 18);
  const auto one = int8::mean_multiplier(1, 2);
  EXPECT_EQ(one.multiplier, 16384);
  EXPECT_EQ(one.shift, 12);
  const auto large = int8::mean_multiplier(4096, 0);
  EXPECT_LE(std::int64_t{255} * 4096 * large.multiplier, std::numeric_limits<std::int32_t>::max());
  EXPECT_EQ(large.multiplier, 2048);
  EXPECT_EQ(int8::mean_multiplier(1, -40).shift, 31);
}

TEST(QuantiseImage, RoundsTiesToEvenAndSaturates) {
  const Int8Network network{"net", {input({1, 1, 4, false, -1})}, 0};
  EXPECT_EQ(quantise_image(network, Tensor({1, 1, 4}, {0.25F, 0.75F, -64.5F, 1e9F})),
            bytes({0, 2, -128, 127}));
  EXPECT_THROW((void)quantise_image(network, Tensor({1, 4, 1})), Error);
  EXPECT_THROW(
      (void)quantise_image(network, Tensor({1, 1, 4}, std::numeric_limits<float>::quiet_NaN())),
      Error);
}

TEST(Int8Network, IsPrintedALinePerOperation) {
  Int8Op conv = operation(Kind::conv, {2, 2, 2, true, -5});
  conv.weights = {1, 0};
  conv.bias = {0, 0};
  conv.shift = {1, 3};
  conv.stride = {2, 2};
  conv.macs = 8;
  conv.result = "relu";
  const Int8Network network{"net", {input({1, 4, 4}), conv}, 1};
  EXPECT_EQ(total_macs(network), 8);
  EXPECT_EQ(print(network),
            "net: 2 operations, 8 MACs, result 1\n"
            "   0 input        input 1x4x4 i8*2^0\n"
            "   1 conv         op -> relu 2x2x2 u8*2^-5 of 0 stride 2x2 shift 1..3 [0,255] "
            "density 0.500\n");
}

TEST(Int8Interpreter, RefusesImagesOfAnotherSize) {
  EXPECT_THROW((void)run({input({1, 1, 2})}, {1}), Error);
}

}  // namespace
}  // namespace wbs::networks
