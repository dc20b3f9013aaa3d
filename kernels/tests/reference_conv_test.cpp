#include "kernels/reference_conv.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.hpp"

namespace wbs::kernels {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

/// 2x1 kernel (1, 10), one channel, on a column of three.
struct Column {
  Tensor weights{{1, 1, 2, 1}, std::vector<float>{1, 10}};
  Tensor input{{1, 1, 3, 1}, std::vector<float>{1, 2, 3}};
  ConvLayer layer;
  Column() {
    layer.name = "column";
    layer.shape.in_channels = 1;
    layer.shape.out_channels = 1;
    layer.shape.height = 3;
    layer.shape.kernel = {2, 1};
    layer.weights = &weights;
  }
  [[nodiscard]] std::vector<float> outputs(const Tensor* residual = nullptr) const {
    return reference_conv(layer, input, residual).output.values;
  }
};

TEST(ReferenceConv, SlidesTheKernelWithoutFlippingIt) {
  EXPECT_THAT(Column().outputs(), ElementsAre(21, 32));
}

TEST(ReferenceConv, PadsWithZeros) {
  Column column;
  column.layer.shape.pad_top = 1;
  column.layer.shape.pad_bottom = 2;
  EXPECT_THAT(column.outputs(), ElementsAre(10, 21, 32, 3, 0));
}

TEST(ReferenceConv, StridesAndDilates) {
  Column column;
  column.layer.shape.pad_top = 1;
  column.layer.shape.stride = {2, 1};
  EXPECT_THAT(column.outputs(), ElementsAre(10, 32));
  column.layer.shape.pad_top = 0;
  column.layer.shape.stride = {1, 1};
  column.layer.shape.dilation = {2, 1};
  EXPECT_THAT(column.outputs(), ElementsAre(31));
}

TEST(ReferenceConv, GroupsSeeTheirOwnChannels) {
  const Tensor weights({4, 1, 1, 1}, {1, 2, 3, 4});
  const Tensor input({2, 2, 1, 1}, {5, 7, 11, 13});
  ConvLayer layer;
  layer.shape = {.images = 2, .in_channels = 2, .out_channels = 4, .groups = 2};
  layer.weights = &weights;
  EXPECT_THAT(reference_conv(layer, input).output.values,
              ElementsAre(5, 10, 21, 28, 11, 22, 39, 52));
}

TEST(ReferenceConv, EpilogueScalesAddsAndClips) {
  Column column;  // sums 21, 32
  column.layer.epilogue.scale = {0.5F};
  column.layer.epilogue.bias = {-11};
  EXPECT_THAT(column.outputs(), ElementsAre(-0.5F, 5));
  column.layer.epilogue.residual = true;
  column.layer.epilogue.residual_scale = 2;
  const Tensor residual({1, 1, 2, 1}, {-10, 1});
  EXPECT_THAT(column.outputs(&residual), ElementsAre(-20.5F, 7));
  column.layer.epilogue.low = 0;
  column.layer.epilogue.high = 6;
  EXPECT_THAT(column.outputs(&residual), ElementsAre(0, 6));
}

TEST(ReferenceConv, BytesSubtractTheZeroPointAndRoundTiesToEven) {
  Column column;
  column.layer.element = Element::u8;
  column.layer.input_zero_point = 2;  // sums over -1, 0, 1, and 0 in the padding
  column.layer.shape.pad_top = 1;
  column.layer.epilogue.output = Element::u8;
  column.layer.epilogue.scale = {0.25F};
  column.layer.epilogue.bias = {3};
  // sums -10, -1, 10: 0.5, 2.75, 5.5
  EXPECT_THAT(column.outputs(), ElementsAre(0, 3, 6));
  column.layer.epilogue.bias = {253};
  EXPECT_THAT(column.outputs(), ElementsAre(250, 253, 255));
  EXPECT_THAT(reference_conv(column.layer, column.input).bound.values, Each(0));
}

TEST(ReferenceConv, Bf16RoundsWhatItReadsAndWrites) {
  Column column;
  column.layer.element = Element::bf16;
  column.layer.epilogue.output = Element::bf16;
  column.input.values = {1.0F + 0x1p-8F, 1.0F + 3 * 0x1p-8F, 1.0F};  // to 1 and to 1 + 2^-6
  column.weights.values = {1, 0x1p-6F};
  // 1 + 2^-6 + 2^-12 and 1 + 2^-6 + 2^-6, the first rounded down
  EXPECT_THAT(column.outputs(), ElementsAre(1.0F + 0x1p-6F, 1.0F + 0x1p-5F));
}

TEST(ReferenceConv, BoundGrowsWithTheSumAndIsTight) {
  Column column;
  const ReferenceConv result = reference_conv(column.layer, column.input);
  // Two products each, and 2 u |y| of the epilogue.
  EXPECT_NEAR(result.bound.values[0] * 0x1p24, 4 * 21 + 2 * 21, 0.01);
  EXPECT_NEAR(result.bound.values[1] * 0x1p24, 4 * 32 + 2 * 32, 0.01);
  // Cancellation: the bound follows the magnitudes, not the sum.
  column.weights.values = {-20, 10};
  EXPECT_NEAR(reference_conv(column.layer, column.input).bound.values[0] * 0x1p24, 4 * 40, 0.01);
}

TEST(ReferenceConv, ShapesThatDoNotFitAreErrors) {
  Column column;
  column.input = Tensor({1, 1, 4, 1});
  EXPECT_THROW(static_cast<void>(column.outputs()), Error);
}

}  // namespace
}  // namespace wbs::kernels
