#include "datasets/image.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.hpp"
#include "datasets/tests/image_fixtures.hpp"
#include "datasets/transform.hpp"

namespace wbs::datasets {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string message_of(const std::string& bytes) {
  try {
    static_cast<void>(decode_jpeg(bytes, "set.tar: n0/a.jpg"));
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Jpeg, PixelsComeOutInRgbOrder) {
  const Image image = decode_jpeg(make_jpeg({.height = 9, .width = 17}), "x");
  ASSERT_EQ(image.height, 9);
  ASSERT_EQ(image.width, 17);
  ASSERT_EQ(image.pixels.size(), 9U * 17 * 3);
  for (std::int64_t y = 0; y < 9; ++y) {
    for (std::int64_t x = 0; x < 17; ++x) {
      for (std::int64_t c = 0; c < 3; ++c) {
        EXPECT_NEAR(image.pixels[static_cast<std::size_t>((y * 17 + x) * 3 + c)],
                    static_cast<double>(40 + 2 * x + y + 20 * c), 4);
      }
    }
  }
}

TEST(Jpeg, GreyBecomesThreeEqualChannels) {
  const Image image = decode_jpeg(make_jpeg({.channels = 1}), "x");
  ASSERT_EQ(image.pixels.size(), 16U * 16 * 3);
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    EXPECT_EQ(image.pixels[i], image.pixels[i + 1]);
    EXPECT_EQ(image.pixels[i], image.pixels[i + 2]);
  }
}

TEST(Jpeg, EveryTruncationIsAnErrorThatNamesTheMember) {
  const std::string whole = make_jpeg({});
  for (std::size_t size = 0; size + 2 < whole.size(); ++size) {
    ASSERT_THAT(message_of(whole.substr(0, size)), HasSubstr("set.tar: n0/a.jpg")) << size;
  }
}

TEST(Jpeg, DamageNeverGoesBeyondAnError) {
  const std::string whole = make_jpeg({});
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char value : {'\x00', '\x7f', '\xff'}) {
      std::string bytes = whole;
      bytes[at] = value;
      try {
        static_cast<void>(decode_jpeg(bytes, "x"));
      } catch (const Error&) {
      }
    }
  }
}

TEST(Jpeg, OtherFormatsAreErrors) {
  EXPECT_THAT(message_of(""), HasSubstr("empty"));
  EXPECT_THAT(message_of("\x89PNG\r\n"), AllOf(HasSubstr("n0/a.jpg"), HasSubstr("JPEG")));
  EXPECT_THAT(message_of(make_jpeg({.channels = 4})), HasSubstr("CMYK"));
}

TEST(Png, PixelsAreExact) {
  const Image image = decode_image(make_png({.height = 9, .width = 17}), "x");
  ASSERT_EQ(image.height, 9);
  ASSERT_EQ(image.width, 17);
  for (std::int64_t y = 0; y < 9; ++y) {
    for (std::int64_t x = 0; x < 17; ++x) {
      for (std::int64_t c = 0; c < 3; ++c) {
        EXPECT_EQ(image.pixels[static_cast<std::size_t>((y * 17 + x) * 3 + c)],
                  40 + 2 * x + y + 20 * c);
      }
    }
  }
}

TEST(Png, GreyBecomesColourAndTransparencyBlack) {
  const Image grey = decode_png(make_png({.channels = 1}), "x");
  ASSERT_EQ(grey.pixels.size(), 16U * 16 * 3);
  EXPECT_EQ(grey.pixels[3], 42);
  EXPECT_EQ(grey.pixels[5], 42);
  const Image clear = decode_png(make_png({.channels = 4}), "x");
  EXPECT_EQ(clear.pixels[0], 0);
  EXPECT_EQ(clear.pixels[16 * 3], 41);
}

TEST(Png, EveryTruncationAndDamageIsAnErrorOrHarmless) {
  const std::string whole = make_png({});
  for (std::size_t size = 4; size + 12 < whole.size(); ++size) {
    EXPECT_THROW(static_cast<void>(decode_image(whole.substr(0, size), "x")), Error) << size;
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    try {
      static_cast<void>(decode_image(bytes, "x"));
    } catch (const Error&) {
    }
  }
}

TEST(Decoding, FirstBytesTellTheFormat) {
  EXPECT_EQ(decode_image(make_jpeg({}), "x").height, 16);
  EXPECT_THROW(static_cast<void>(decode_image("GIF89a", "x")), Error);
  EXPECT_THROW(static_cast<void>(decode_image("", "x")), Error);
}

Image ramp(std::int64_t height, std::int64_t width) {
  Image image{height, width, {}};
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      for (std::int64_t c = 0; c < 3; ++c) {
        image.pixels.push_back(static_cast<std::uint8_t>(10 * y + 3 * x + 50 * c));
      }
    }
  }
  return image;
}

TEST(Transform, CentreCropIsNormalisedByChannel) {
  const Image image = ramp(5, 8);
  Transform transform;
  transform.crop = 4;
  std::vector<float> chw(3 * 4 * 4);
  Preparation(transform).prepare(image, "x", Rng(1), chw);
  for (std::int64_t c = 0; c < 3; ++c) {
    for (std::int64_t y = 0; y < 4; ++y) {
      for (std::int64_t x = 0; x < 4; ++x) {
        // Margins of one row and four columns: none above, two at the left.
        const auto pixel = static_cast<float>(10 * y + 3 * (x + 2) + 50 * c);
        const auto channel = static_cast<std::size_t>(c);
        EXPECT_EQ(chw[static_cast<std::size_t>((c * 4 + y) * 4 + x)],
                  (pixel / 255.0F - transform.mean[channel]) / transform.deviation[channel]);
      }
    }
  }
}

TEST(Transform, SmallerImageIsAnErrorUnlessItIsResized) {
  Transform transform;
  transform.crop = 8;
  std::vector<float> chw(3 * 8 * 8);
  EXPECT_THROW(Preparation(transform).prepare(ramp(5, 9), "x", Rng(1), chw), Error);
  transform.resize_shorter = 8;
  EXPECT_NO_THROW(Preparation(transform).prepare(ramp(5, 9), "x", Rng(1), chw));
}

TEST(Resize, ShorterSideDecidesAndProportionStays) {
  const Image wide = resize_shorter_side(ramp(6, 9), 4);
  EXPECT_EQ(wide.height, 4);
  EXPECT_EQ(wide.width, 6);
  const Image high = resize_shorter_side(ramp(9, 6), 12);
  EXPECT_EQ(high.height, 18);
  EXPECT_EQ(high.width, 12);
}

TEST(Resize, HalvingBlendsFourNeighboursWithTriangleWeights) {
  Image image{1, 4, {}};
  for (const int value : {10, 20, 40, 80})
    image.pixels.insert(image.pixels.end(), 3, static_cast<std::uint8_t>(value));
  image.height = 4;
  std::vector<std::uint8_t> row = image.pixels;
  for (int i = 0; i < 3; ++i) image.pixels.insert(image.pixels.end(), row.begin(), row.end());
  const Image half = resize_shorter_side(image, 2);
  // Distances 0.25, 0.25, 0.75 of the reach: weights 3 : 3 : 1 at the left edge.
  EXPECT_EQ(half.pixels[0], static_cast<int>(std::floor((3 * 10 + 3 * 20 + 1 * 40) / 7.0 + 0.5)));
  EXPECT_EQ(half.pixels[3], static_cast<int>(std::floor((1 * 20 + 3 * 40 + 3 * 80) / 7.0 + 0.5)));
}

TEST(Resize, FlatImageStaysFlat) {
  const Image flat{7, 5, std::vector<std::uint8_t>(7 * 5 * 3, 77)};
  for (const std::int64_t side : {1, 3, 5, 11}) {
    for (const std::uint8_t value : resize_shorter_side(flat, side).pixels) EXPECT_EQ(value, 77);
  }
}

}  // namespace
}  // namespace wbs::datasets
