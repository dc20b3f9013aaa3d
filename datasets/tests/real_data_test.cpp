// Fashion-MNIST and CIFAR-10 (JPEG) where WBS_DATA_DIR has them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "datasets/loader.hpp"
#include "datasets/open_dataset.hpp"

namespace wbs::datasets {
namespace {

/// The data set's folder below WBS_DATA_DIR, if it is there.
std::optional<std::string> find_data(const std::string& name) {
  const char* root = std::getenv("WBS_DATA_DIR");
  if (root == nullptr) return std::nullopt;
  for (const char* below : {"", "data"}) {
    const std::filesystem::path path = std::filesystem::path(root) / below / name;
    if (std::filesystem::exists(path)) return path.string();
  }
  return std::nullopt;
}

void expect_even_classes(const Dataset& data, std::int64_t images) {
  ASSERT_EQ(data.size(), images);
  std::vector<std::int64_t> counts(data.classes().size());
  for (std::int64_t i = 0; i < images; ++i) ++counts[static_cast<std::size_t>(data.label(i))];
  for (const std::int64_t count : counts) EXPECT_EQ(count, images / 10);
}

TEST(RealData, FashionMnistHasTenEvenClasses) {
  const auto path = find_data("fashion-mnist");
  if (!path) GTEST_SKIP() << "WBS_DATA_DIR names no folder with fashion-mnist";
  const auto train = open_dataset(*path, Split::train, 10);
  expect_even_classes(*train, 60000);
  expect_even_classes(*open_dataset(*path, Split::test, 10), 10000);
  const ChannelStatistics statistics = channel_statistics(*train, 60000);
  EXPECT_NEAR(statistics.mean[0], 0.2860, 5e-5);  // the published values
  EXPECT_NEAR(statistics.deviation[0], 0.3530, 5e-5);
}

TEST(RealData, CifarOfJpegFilesDecodesWhole) {
  const auto path = find_data("cifar10-jpeg");
  if (!path) GTEST_SKIP() << "WBS_DATA_DIR names no folder with cifar10-jpeg";
  const auto train = open_dataset(*path, Split::train, 10);
  expect_even_classes(*train, 50000);
  const auto test = open_dataset(*path, Split::test, 10);
  expect_even_classes(*test, 10000);
  EXPECT_EQ(test->classes(), train->classes());
  LoaderOptions options;
  options.batch = 500;
  options.threads = 2;
  options.transform = whole_image_transform(*test, channel_statistics(*test));
  Loader loader(*test, options);
  std::int64_t images = 0;
  while (const auto batch = loader.next()) images += batch->images.shape[0];
  EXPECT_EQ(images, 10000);
}

}  // namespace
}  // namespace wbs::datasets
