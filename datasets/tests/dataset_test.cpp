#include "datasets/dataset.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "core/digest.hpp"
#include "core/error.hpp"
#include "datasets/embedded.hpp"

namespace wbs::datasets {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

MemoryDataset::Parts two_images() {
  MemoryDataset::Parts parts;
  parts.source = "toy";
  parts.classes = {"a", "b"};
  parts.shape = {1, 2, 3, true};
  parts.pixels = {0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110};
  parts.labels = {1, 0};
  return parts;
}

TEST(MemoryDataset, ImagesAndLabelsAreThoseGiven) {
  const MemoryDataset data(two_images());
  EXPECT_EQ(data.size(), 2);
  EXPECT_EQ(data.label(0), 1);
  EXPECT_EQ(data.image(1).pixels, (std::vector<std::uint8_t>{60, 70, 80, 90, 100, 110}));
  EXPECT_EQ(data.place(1), "toy: image 1");
}

TEST(MemoryDataset, PartsThatDisagreeAreErrors) {
  const auto refuses = [](const std::function<void(MemoryDataset::Parts&)>& change) {
    MemoryDataset::Parts parts = two_images();
    change(parts);
    return message_of([&parts] { const MemoryDataset data(std::move(parts)); });
  };
  EXPECT_THAT(refuses([](auto& parts) { parts.labels[1] = 2; }),
              HasSubstr("toy: label 2 of image 1 is out of range: there are 2 classes"));
  EXPECT_THAT(refuses([](auto& parts) { parts.pixels.pop_back(); }),
              HasSubstr("11 pixels do not make 2 images of 1 x 2 x 3"));
  EXPECT_THAT(refuses([](auto& parts) { parts.labels.clear(); }), HasSubstr("holds no image"));
}

TEST(ChannelStatistics, AreThoseOfTheValuesOfEachChannel) {
  const ChannelStatistics statistics = channel_statistics(MemoryDataset(two_images()));
  for (int c = 0; c < 3; ++c) {
    const auto channel = static_cast<std::size_t>(c);
    // 10 c + {0, 30, 60, 90}: mean 45, deviation sqrt(1125).
    EXPECT_FLOAT_EQ(statistics.mean[channel], static_cast<float>((45.0 + 10.0 * c) / 255.0));
    EXPECT_FLOAT_EQ(statistics.deviation[channel], static_cast<float>(33.541019662 / 255.0));
  }
}

TEST(ChannelStatistics, FlatImagesHaveDeviationOne) {
  MemoryDataset::Parts parts = two_images();
  parts.pixels.assign(12, 7);
  EXPECT_THAT(channel_statistics(MemoryDataset(parts)).deviation, Each(1.0F));
}

TEST(WholeImageTransform, NeedsSquareImages) {
  const MemoryDataset data(two_images());
  EXPECT_THAT(message_of([&data] { static_cast<void>(whole_image_transform(data, {})); }),
              HasSubstr("2 x 1 pixels, not square"));
  MemoryDataset::Parts grey = two_images();
  grey.shape = {2, 2, 1, true};
  grey.pixels.resize(8);
  const Transform transform = whole_image_transform(MemoryDataset(grey), {{0.5F}, {0.25F}});
  EXPECT_EQ(transform.crop, 2);
  EXPECT_EQ(transform.channels, 1);
  EXPECT_EQ(transform.mean[0], 0.5F);
}

TEST(Embedded, PixelsAreTheSameEverywhere) {
  const auto digest = [](const MemoryDataset& data) {
    return digest_of(std::as_bytes(std::span(data.pixels())));
  };
  EXPECT_EQ(digest(embedded_dataset(Split::train)), "fd6237188eec6b8b979b1697e3a9d262");
  EXPECT_EQ(digest(embedded_dataset(Split::test)), "c9a020144633094323c2996930e54845");
  EXPECT_NE(digest(embedded_dataset(Split::test, 2)), "c9a020144633094323c2996930e54845");
}

TEST(Embedded, EveryClassHasAsManyImages) {
  for (const Split split : {Split::train, Split::test}) {
    const MemoryDataset data = embedded_dataset(split);
    EXPECT_EQ(data.size(), split == Split::train ? 5000 : 2000);
    std::vector<std::int64_t> counts(data.classes().size());
    for (std::int64_t i = 0; i < data.size(); ++i) {
      ++counts[static_cast<std::size_t>(data.label(i))];
    }
    EXPECT_EQ(counts.size(), 10U);
    EXPECT_THAT(counts, Each(data.size() / 10));
  }
}

}  // namespace
}  // namespace wbs::datasets
