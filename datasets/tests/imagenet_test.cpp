#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/text.hpp"
#include "datasets/loader.hpp"

namespace wbs::datasets {
namespace {

TEST(ImageNetSamples, NamesAndLabelsAreThoseOfTheReferencePredictions) {
  const char* root = std::getenv("WBS_DATA_DIR");
  if (root == nullptr) GTEST_SKIP() << "WBS_DATA_DIR is not set: no images to read";
  std::string folder(root);
  if (!std::filesystem::exists(folder + "/imagenet-samples")) folder += "/data";
  std::ifstream csv(folder + "/resnet50-imagenet/reference_top1.csv");
  if (!csv) GTEST_SKIP() << "WBS_DATA_DIR (" << folder << ") holds no reference_top1.csv";

  const ImageList list = ImageList::open(folder + "/imagenet-samples/imagenet-samples.tar");
  ASSERT_EQ(list.size(), 1000);
  ASSERT_EQ(list.classes().size(), 1000U);
  std::string line;
  ASSERT_TRUE(std::getline(csv, line));
  // The reference lists classes in the archive's order; the names decide, not the order.
  std::int64_t found = 0;
  while (std::getline(csv, line)) {
    const auto fields = split(trim(line), ',');
    for (std::int64_t i = 0; i < list.size(); ++i) {
      if (list[i].name != fields[0]) continue;
      EXPECT_EQ(list[i].label, parse_integer(fields[1]).value()) << fields[0];
      ++found;
      break;
    }
  }
  EXPECT_EQ(found, 1000);

  LoaderOptions options;
  options.batch = 50;
  options.threads = 2;
  Loader loader(list, options);
  double sum = 0.0;
  double squares = 0.0;
  std::int64_t count = 0;
  while (const auto batch = loader.next()) {
    for (const float value : batch->images.values) {
      ASSERT_TRUE(std::isfinite(value));
      sum += value;
      squares += static_cast<double>(value) * value;
    }
    count += static_cast<std::int64_t>(batch->images.values.size());
  }
  EXPECT_EQ(count, 1000 * 3 * 224 * 224);
  // The deviations in use are those of image means; single pixels spread wider.
  EXPECT_NEAR(sum / static_cast<double>(count), 0.0, 0.1);
  EXPECT_NEAR(squares / static_cast<double>(count), 1.4, 0.1);
}

}  // namespace
}  // namespace wbs::datasets
