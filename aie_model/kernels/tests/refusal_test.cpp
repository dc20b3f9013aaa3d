// What execute says instead of touching memory that a call may not touch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "aie_model/kernels/tests/reference.hpp"
#include "core/error.hpp"

namespace wbs::aie {
namespace {

using ::testing::HasSubstr;

/// A conv of 2 output and 4 input blocks on 2 x 2 pixels in a memory of 8 KB.
class Refusal : public ::testing::Test {
 protected:
  Refusal() {
    call_.in = {4, 2, 2};
    call_.out = {2, 2, 2};
    Rng rng(21);
    weights_ = testing::random_weights(call_, 1.0, false, rng);
    load(encode_conv_chunk(weights_.source(call_)));
  }
  void load(const std::vector<std::uint8_t>& chunk) {
    std::memcpy(memory_.data() + 1024, chunk.data(), chunk.size());
  }
  void put16(std::size_t offset, std::uint16_t value) {
    std::memcpy(memory_.data() + 1024 + offset, &value, sizeof value);
  }
  /// The sentence; memory must be as before.
  std::string run() {
    const std::vector<std::uint8_t> before = memory_;
    std::string wrong = execute(resolved_, memory_);
    if (!wrong.empty()) {
      EXPECT_EQ(memory_, before);
    }
    return wrong;
  }

  KernelCall call_;
  testing::Weights weights_;
  std::vector<std::uint8_t> memory_ = std::vector<std::uint8_t>(8192);
  ResolvedCall resolved_{.call = &call_, .input = 0, .second = 0, .weights = 1024, .output = 512};
};

TEST_F(Refusal, TheCallItselfRuns) {
  EXPECT_EQ(run(), "");
}

TEST_F(Refusal, AnIndexBeyondTheInput) {
  put16(4 + 2 * 3, 4);
  EXPECT_THAT(run(), HasSubstr("index 3 of output block 0 is 4"));
}

TEST_F(Refusal, IndicesThatDoNotAscend) {
  put16(4 + 2 * 1, 0);
  EXPECT_THAT(run(), HasSubstr("must ascend"));
}

TEST_F(Refusal, MoreOperandsThanMemoryHolds) {
  put16(0, 65535);
  EXPECT_THAT(run(), HasSubstr("more than the memory"));
  put16(0, 110);
  EXPECT_THAT(run(), HasSubstr("the weights chunk at 1024"));
}

TEST_F(Refusal, AShiftTooLarge) {
  memory_[1024 + 4 + 16 + 64 + 5] = 63;
  EXPECT_THAT(run(), HasSubstr("the shift of output channel 5 is 63"));
}

TEST_F(Refusal, OperandsBeyondMemory) {
  resolved_.output = 8190;
  EXPECT_THAT(run(), HasSubstr("the output at 8190"));
  resolved_.output = 512;
  resolved_.weights = 8191;
  EXPECT_THAT(run(), HasSubstr("header"));
  resolved_.weights = 0xFFFFFFFF;
  EXPECT_THAT(run(), HasSubstr("header"));
  resolved_.weights = 1024;
  call_.finish = false;
  call_.accumulators = 8192 - 16;
  load(encode_conv_chunk(weights_.source(call_)));
  EXPECT_THAT(run(), HasSubstr("the accumulators"));
}

TEST_F(Refusal, AnOutputThatOverlapsAnInput) {
  resolved_.output = 100;
  EXPECT_THAT(run(), HasSubstr("overlaps the input"));
}

TEST_F(Refusal, TooSmallAnInput) {
  call_.window = {2, 1};
  EXPECT_THAT(run(), HasSubstr("need 3 x 2 inputs"));
}

TEST_F(Refusal, EmptyWindowsAndStrides) {
  call_.stride = {0, 1};
  EXPECT_THAT(run(), HasSubstr("zero"));
}

TEST_F(Refusal, ARangeOfNoType) {
  call_.minimum = -1;
  call_.maximum = 200;
  EXPECT_THAT(run(), HasSubstr("neither int8 nor uint8"));
}

TEST_F(Refusal, AbsurdExtents) {
  call_.in = {65535, 65535, 65535};
  EXPECT_THAT(run(), HasSubstr("exceeds the memory"));
}

TEST_F(Refusal, Gemm) {
  call_.kernel = Kernel::gemm;
  EXPECT_THAT(run(), HasSubstr("timing only"));
}

TEST_F(Refusal, AMaskOfMoreThanTwoOfFour) {
  call_.kernel = Kernel::conv_sparse4;
  Rng rng(22);
  weights_ = testing::random_weights(call_, 1.0, true, rng);
  load(encode_sparse4_chunk(weights_.source(call_)));
  EXPECT_EQ(run(), "");
  const std::size_t operands = 4 + 8 + 64 + 16;
  for (const std::size_t k : {0U, 1U, 2U}) memory_[1024 + operands + k] |= 1U;
  EXPECT_THAT(run(), HasSubstr("more than 2 of 4"));
}

TEST_F(Refusal, AMaskOfTheMissingHalfOfAPair) {
  call_.kernel = Kernel::conv_sparse4;
  call_.in.blocks = 3;
  Rng rng(23);
  weights_ = testing::random_weights(call_, 1.0, true, rng);
  load(encode_sparse4_chunk(weights_.source(call_)));
  EXPECT_EQ(run(), "");
  const std::size_t operands = 4 + 8 + 64 + 16;
  memory_[1024 + operands + 80 + 8] |= 1U;  // second pair, channel 8
  EXPECT_THAT(run(), HasSubstr("beyond the input"));
}

TEST(ChunkRefusal, WeightsThatDoNotFit) {
  const KernelCall call{.in = {1, 1, 1}, .out = {1, 1, 1}};
  Rng rng(24);
  const testing::Weights weights = testing::random_weights(call, 1.0, false, rng);
  EXPECT_THROW((void)encode_sparse4_chunk(weights.source(call)), Error);
  ChunkSource source = weights.source(call);
  source.in_blocks = 2;
  EXPECT_THROW((void)encode_conv_chunk(source), Error);
  source = weights.source(call);
  source.bias = source.bias.first(4);
  EXPECT_THROW((void)encode_conv_chunk(source), Error);
}

}  // namespace
}  // namespace wbs::aie
