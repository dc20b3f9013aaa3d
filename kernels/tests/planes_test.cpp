#include "kernels/planes.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/buffer.hpp"

namespace wbs::kernels {
namespace {

TEST(Planes, StrideHoldsThePixelsInWholeLinesOrIsTheirNumber) {
  for (std::int64_t pixels = 1; pixels < 4000; ++pixels) {
    const std::int64_t stride = plane_stride(pixels);
    EXPECT_GE(stride, pixels);
    EXPECT_TRUE(stride % 16 == 0 || (pixels < 8 && stride == pixels));
    EXPECT_LT(stride, pixels + 80);
  }
}

TEST(Planes, ElementsLieWhereTheLayoutSays) {
  const Planes planes = planes_of(Element::u8, 2, 6, 1, 3, 7);
  std::vector<float> values(2 * 6 * 3);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  std::vector<unsigned char> bytes(static_cast<std::size_t>(planes.size_bytes()));
  to_planes(planes, values.data(), 1.0F, bytes.data());
  for (std::int64_t n = 0; n < 2; ++n) {
    for (std::int64_t c = 0; c < 8; ++c) {
      for (std::int64_t x = 0; x < 3; ++x) {
        const auto at = static_cast<std::size_t>((c / 4 * planes.stride + n * 3 + x) * 4 + c % 4);
        EXPECT_EQ(bytes[at], c < 6 ? (n * 6 + c) * 3 + x + 7 : 7);
      }
    }
  }
}

TEST(Planes, ValuesComeBack) {
  for (const Element element : {Element::f32, Element::bf16, Element::u8}) {
    const Planes planes = planes_of(element, 2, 5, 3, 4, 128);
    std::vector<float> values(2 * 5 * 3 * 4);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = 0.5F * (static_cast<float>(i) - 60);
    Buffer buffer(static_cast<std::size_t>(planes.size_bytes()));
    to_planes(planes, values.data(), 0.5F, buffer.data());
    std::vector<float> back(values.size());
    from_planes(planes, buffer.data(), 0.5F, back.data());
    EXPECT_EQ(back, values) << to_string(element);
  }
}

TEST(Planes, BytesRoundTiesToEvenAndSaturate) {
  const Planes planes = planes_of(Element::u8, 1, 1, 1, 6, 10);
  const std::vector<float> values{0.5F, 1.5F, -0.5F, 1000.0F, -1000.0F, 245.4F};
  std::vector<unsigned char> bytes(static_cast<std::size_t>(planes.size_bytes()));
  to_planes(planes, values.data(), 1.0F, bytes.data());
  const unsigned char expected[] = {10, 12, 10, 255, 0, 255};
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(bytes[i * 4], expected[i]) << i;
}

TEST(Planes, ChannelSliceIsPlanesOfItsOwn) {
  const Planes whole = planes_of(Element::bf16, 1, 10, 2, 2);
  const Planes part = planes_of(Element::bf16, 1, 4, 2, 2);
  EXPECT_EQ(whole.stride, part.stride);
  EXPECT_EQ(whole.channel_offset(6), 3 * whole.stride * 4);
}

TEST(Element, Bf16RoundsTiesToEvenAndKeepsSpecialValues) {
  EXPECT_EQ(from_bf16(to_bf16(1.0F + 0x1p-8F)), 1.0F);
  EXPECT_EQ(from_bf16(to_bf16(1.0F + 3 * 0x1p-8F)), 1.0F + 0x1p-6F);
  EXPECT_EQ(from_bf16(to_bf16(-0.0F)), 0.0F);
  EXPECT_EQ(from_bf16(to_bf16(std::numeric_limits<float>::infinity())),
            std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(from_bf16(to_bf16(std::numeric_limits<float>::quiet_NaN()))));
}

TEST(Buffer, IsZeroedAndAligned) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{100}, std::size_t{3} << 20U}) {
    Buffer buffer(size);
    EXPECT_EQ(buffer.size(), size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64, 0U);
    for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(buffer.data()[i], std::byte{0});
  }
}

}  // namespace
}  // namespace wbs::kernels
