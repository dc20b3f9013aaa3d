// What planning refuses, and how it says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>

#include "core/error.hpp"
#include "kernels/conv.hpp"

namespace wbs::kernels {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// 16 -> 16 channels, 3x3, one 8x8 block in two kept.
struct Layer {
  Tensor weights{{16, 16, 3, 3}, 1.0F};
  std::optional<sparsity::Mask> mask;
  ConvLayer layer;

  explicit Layer(Element element = Element::f32) {
    layer.name = "conv4_2";
    layer.shape.in_channels = 16;
    layer.shape.out_channels = 16;
    layer.shape.height = 5;
    layer.shape.width = 5;
    layer.shape.kernel = {3, 3};
    layer.element = element;
    layer.epilogue.output = element;
    mask.emplace(layer.shape.weight_shape(), sparsity::Granularity{8, 8, false});
    mask->set(1, 0, false);
    mask->apply(weights);
  }

  [[nodiscard]] float& weight(std::int64_t out, std::int64_t in, std::int64_t tap) {
    return weights.values[static_cast<std::size_t>((out * 16 + in) * 9 + tap)];
  }

  [[nodiscard]] std::string refusal(const ConvOptions& options = {}) {
    layer.weights = &weights;
    layer.mask = mask ? &*mask : nullptr;
    try {
      const ConvPlan plan(layer, options);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
};

TEST(ConvInput, SoundLayerIsPlanned) {
  for (const Element element : {Element::f32, Element::bf16, Element::u8}) {
    EXPECT_EQ(Layer(element).refusal(), "no error");
  }
}

TEST(ConvInput, MaskOfAnotherShapeNamesLayerAndShapes) {
  Layer layer;
  layer.mask.emplace(Shape{16, 8, 3, 3}, sparsity::Granularity{8, 8, false});
  EXPECT_THAT(layer.refusal(),
              AllOf(HasSubstr("conv4_2"), HasSubstr("16x8x3x3"), HasSubstr("16x16x3x3")));
}

TEST(ConvInput, WeightsOfAnotherShapeNameLayerAndShapes) {
  Layer layer;
  layer.mask.reset();
  layer.weights = Tensor({16, 16, 1, 1}, 1.0F);
  EXPECT_THAT(layer.refusal(),
              AllOf(HasSubstr("conv4_2"), HasSubstr("16x16x1x1"), HasSubstr("16x16x3x3")));
}

TEST(ConvInput, WeightThatIsNotFiniteNamesLayerAndBlock) {
  for (const float value : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    Layer layer;
    layer.weight(9, 12, 4) = value;
    EXPECT_THAT(layer.refusal(), AllOf(HasSubstr("conv4_2"), HasSubstr("output 9, input 12, tap 4"),
                                       HasSubstr("block row 1, block column 1")));
  }
}

TEST(ConvInput, WeightUnderTheMaskNamesLayerAndBlock) {
  Layer layer;
  layer.weight(10, 3, 8) = 0.5F;
  EXPECT_THAT(layer.refusal(), AllOf(HasSubstr("conv4_2"), HasSubstr("output 10, input 3, tap 8"),
                                     HasSubstr("block row 1, block column 0"), HasSubstr("0.5")));
}

TEST(ConvInput, IntegerOutsideItsByteNamesLayerAndBlock) {
  for (const float value : {128.0F, -129.0F, 0.5F}) {
    Layer layer(Element::u8);
    layer.weight(2, 1, 0) = value;
    EXPECT_THAT(layer.refusal(), AllOf(HasSubstr("conv4_2"), HasSubstr("output 2, input 1, tap 0"),
                                       HasSubstr("block row 0, block column 0")));
  }
  Layer layer(Element::u8);
  layer.weight(2, 1, 0) = -128.0F;
  layer.weight(2, 2, 0) = 127.0F;
  EXPECT_EQ(layer.refusal(), "no error");
}

TEST(ConvInput, WeightBeyondBf16sRangeIsRefused) {
  Layer layer(Element::bf16);
  layer.weight(2, 1, 0) = std::numeric_limits<float>::max();  // rounds to infinity
  EXPECT_THAT(layer.refusal(), AllOf(HasSubstr("conv4_2"), HasSubstr("output 2, input 1, tap 0")));
}

TEST(ConvInput, ImpossibleShapesNameTheLayer) {
  const auto refused = [](auto change) {
    Layer layer;
    change(layer.layer);
    EXPECT_THAT(layer.refusal(), HasSubstr("conv4_2"));
  };
  refused([](ConvLayer& layer) { layer.shape.height = 2; });
  refused([](ConvLayer& layer) { layer.shape.images = 0; });
  refused([](ConvLayer& layer) { layer.shape.groups = 3; });
  refused([](ConvLayer& layer) { layer.shape.stride = {0, 1}; });
  refused([](ConvLayer& layer) { layer.shape.dilation = {1, 0}; });
  refused([](ConvLayer& layer) { layer.shape.pad_left = -1; });
  refused([](ConvLayer& layer) { layer.epilogue.bias.resize(15); });
  refused([](ConvLayer& layer) { layer.epilogue.scale.resize(17); });
  refused([](ConvLayer& layer) { layer.epilogue.output = Element::u8; });
}

TEST(ConvInput, UnknownImplementationsAndAlgorithmsAreListed) {
  Layer layer;
  EXPECT_THAT(layer.refusal({.force_impl = "mmx", .algorithm = {}, .threads = 1}),
              AllOf(HasSubstr("mmx"), HasSubstr("avx2"), HasSubstr("reference")));
  EXPECT_THAT(layer.refusal({.force_impl = {}, .algorithm = "fourier", .threads = 1}),
              AllOf(HasSubstr("fourier"), HasSubstr("direct")));
}

TEST(Implementations, EveryElementEndsWithTheReference) {
  const auto list = list_implementations();
  for (const std::string_view element : {"fp32", "bf16", "int8"}) {
    std::string_view last;
    for (const ImplementationInfo& info : list) {
      if (info.element == element) last = info.name;
    }
    EXPECT_EQ(last, "reference") << element;
  }
  for (const ImplementationInfo& info : list) {
    if (info.name == "reference") {
      EXPECT_EQ(info.refusal, "");
    }
  }
}

}  // namespace
}  // namespace wbs::kernels
