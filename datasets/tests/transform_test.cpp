#include "datasets/transform.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <vector>

#include "core/error.hpp"

namespace wbs::datasets {
namespace {

using ::testing::ElementsAre;

/// Values come out as they are: x / 255 normalised by 1 / 255.
Transform plain(std::int64_t crop, std::int64_t channels = 1) {
  Transform transform;
  transform.crop = crop;
  transform.channels = channels;
  transform.mean = {0.0F, 0.0F, 0.0F};
  transform.deviation.fill(1.0F / 255.0F);
  return transform;
}

/// Grey, 1, 2, 3, ... row by row.
Image counting(std::int64_t height, std::int64_t width) {
  Image image{height, width, {}, 1};
  for (std::int64_t i = 0; i < height * width; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>(i + 1));
  }
  return image;
}

std::vector<int> prepared(const Transform& transform,
                          const std::optional<Augmentation>& augmentation, const Image& image,
                          std::int64_t index = 0) {
  const Preparation preparation(transform, augmentation);
  std::vector<float> values(static_cast<std::size_t>(preparation.size()), -7.0F);
  preparation.prepare(image, "x", augmentation_rng(1, 0, index), values);
  std::vector<int> rounded;
  for (const float value : values) rounded.push_back(static_cast<int>(value + 0.5F));
  return rounded;
}

TEST(Preparation, PaddingIsBlackOnAllSides) {
  Transform transform = plain(4);
  transform.pad = 1;
  EXPECT_THAT(prepared(transform, std::nullopt, counting(2, 2)),
              ElementsAre(0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0));
}

TEST(Preparation, GreyIsRepeatedForThreeChannels) {
  EXPECT_THAT(prepared(plain(1, 3), std::nullopt, counting(1, 1)), ElementsAre(1, 1, 1));
}

TEST(Preparation, ColourIsNoInputOfOneChannel) {
  const Image colour{1, 1, {1, 2, 3}, 3};
  EXPECT_THROW(static_cast<void>(prepared(plain(1), std::nullopt, colour)), Error);
}

TEST(RandomCrop, EveryPositionOccursAndBeyondTheEdgeIsBlack) {
  const Augmentation augmentation{.random_crop = true, .pad = 1};
  const Image image = counting(3, 3);
  std::set<std::vector<int>> seen;
  for (std::int64_t index = 0; index < 300; ++index) {
    seen.insert(prepared(plain(3), augmentation, image, index));
  }
  EXPECT_EQ(seen.size(), 9U);
  EXPECT_TRUE(seen.contains({1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_TRUE(seen.contains({0, 0, 0, 0, 1, 2, 0, 4, 5}));
  EXPECT_TRUE(seen.contains({5, 6, 0, 8, 9, 0, 0, 0, 0}));
}

TEST(Flip, HalfOfTheImagesAreMirrored) {
  const Augmentation augmentation{.flip = true};
  int mirrored = 0;
  for (std::int64_t index = 0; index < 1000; ++index) {
    const std::vector<int> values = prepared(plain(2), augmentation, counting(2, 2), index);
    if (values == std::vector<int>{2, 1, 4, 3}) {
      ++mirrored;
    } else {
      ASSERT_THAT(values, ElementsAre(1, 2, 3, 4));
    }
  }
  EXPECT_NEAR(mirrored, 500, 80);  // five standard deviations
}

TEST(Cutout, SquareIsZeroAndCutAtTheEdges) {
  Transform transform = plain(5);
  transform.mean = {-1.0F, 0.0F, 0.0F};  // black is no zero
  const Augmentation augmentation{.cutout = 3};
  std::set<std::ptrdiff_t> zeros;
  for (std::int64_t index = 0; index < 200; ++index) {
    const std::vector<int> values = prepared(transform, augmentation, counting(5, 5), index);
    zeros.insert(std::ranges::count(values, 0));
  }
  EXPECT_EQ(zeros, (std::set<std::ptrdiff_t>{4, 6, 9}));
}

TEST(RandomResizedCrop, PartsDifferAndFillTheCrop) {
  const Augmentation augmentation{.resized_crop = RandomResizedCrop{}};
  std::set<std::vector<int>> seen;
  for (std::int64_t index = 0; index < 50; ++index) {
    const std::vector<int> values = prepared(plain(4), augmentation, counting(12, 16), index);
    EXPECT_GE(*std::ranges::min_element(values), 1);
    seen.insert(values);
  }
  EXPECT_GT(seen.size(), 45U);
}

TEST(RandomResizedCrop, WholeImageIsTheLargestPart) {
  Augmentation augmentation{.resized_crop = RandomResizedCrop{1.0, 1.0, 1.0, 1.0}};
  EXPECT_EQ(prepared(plain(3), augmentation, counting(3, 3)),
            prepared(plain(3), std::nullopt, counting(3, 3)));
  // No square has this image's area: the centred largest one is taken.
  EXPECT_EQ(prepared(plain(2), augmentation, counting(2, 6)),
            prepared(plain(2), std::nullopt, counting(2, 6)));
}

TEST(Augmentation, OnlySeedEpochAndIndexDecide) {
  EXPECT_EQ(augmentation_rng(1, 2, 3).next_u64(), augmentation_rng(1, 2, 3).next_u64());
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    for (std::int64_t epoch = 0; epoch < 15; ++epoch) {
      for (std::int64_t index = 0; index < 15; ++index) {
        seen.insert(augmentation_rng(seed, epoch, index).next_u64());
      }
    }
  }
  EXPECT_EQ(seen.size(), 5U * 15 * 15);
}

TEST(Preparation, BadOptionsAreErrors) {
  const auto refuses = [](const std::function<void(Transform&, Augmentation&)>& change) {
    Transform transform = plain(4);
    Augmentation augmentation{.resized_crop = RandomResizedCrop{}};
    change(transform, augmentation);
    EXPECT_THROW(Preparation(transform, augmentation), Error);
  };
  refuses([](Transform& transform, Augmentation&) { transform.crop = 0; });
  refuses([](Transform& transform, Augmentation&) { transform.pad = -1; });
  refuses([](Transform& transform, Augmentation&) { transform.channels = 2; });
  refuses([](Transform& transform, Augmentation&) { transform.deviation[1] = 0.0F; });
  refuses([](Transform&, Augmentation& augmentation) { augmentation.pad = -1; });
  refuses([](Transform&, Augmentation& augmentation) { augmentation.cutout = -1; });
  refuses([](Transform&, Augmentation& augmentation) {
    augmentation.resized_crop->smallest_area = 0.0;
  });
  refuses([](Transform&, Augmentation& augmentation) {
    augmentation.resized_crop->largest_area = 1.5;
  });
  refuses([](Transform&, Augmentation& augmentation) {
    augmentation.resized_crop->largest_ratio = 0.5;
  });
}

}  // namespace
}  // namespace wbs::datasets
