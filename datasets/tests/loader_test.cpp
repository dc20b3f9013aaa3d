#include "datasets/loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "core/error.hpp"
#include "datasets/tests/image_fixtures.hpp"

namespace wbs::datasets {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Files eleven_images() {
  Files files;
  for (int i = 0; i < 11; ++i) {
    files.emplace_back(fmt::format("n{}/{:02}.jpg", i % 3, i), make_jpeg({}, 10 * i));
  }
  return files;
}

LoaderOptions small(int threads) {
  LoaderOptions options;
  options.batch = 4;
  options.transform.crop = 8;
  options.threads = threads;
  return options;
}

std::vector<Batch> all_batches(const ImageList& list, LoaderOptions options) {
  Loader loader(list, std::move(options));
  std::vector<Batch> batches;
  while (auto batch = loader.next()) batches.push_back(std::move(*batch));
  return batches;
}

TEST(Loader, LastBatchIsShorter) {
  const TemporaryFolder folder;
  write_tar(folder / "set.tar", eleven_images());
  const ImageList list = ImageList::open(folder / "set.tar");
  Loader loader(list, small(0));
  EXPECT_EQ(loader.images(), 11);
  EXPECT_EQ(loader.batches(), 3);
  EXPECT_EQ(loader.next()->images.shape, (Shape{4, 3, 8, 8}));
  EXPECT_EQ(loader.next()->images.shape, (Shape{4, 3, 8, 8}));
  const auto last = loader.next();
  EXPECT_EQ(last->images.shape, (Shape{3, 3, 8, 8}));
  EXPECT_THAT(last->indices, ElementsAre(8, 9, 10));
  EXPECT_FALSE(loader.next());
  EXPECT_FALSE(loader.next());
}

TEST(Loader, ThreadsChangeNoBit) {
  const TemporaryFolder folder;
  write_tar(folder / "set.tar", eleven_images());
  const ImageList list = ImageList::open(folder / "set.tar");
  const std::vector<Batch> expected = all_batches(list, small(0));
  for (const int threads : {1, 2, 5}) {
    LoaderOptions options = small(threads);
    options.ahead = threads;
    const std::vector<Batch> batches = all_batches(list, options);
    ASSERT_EQ(batches.size(), expected.size());
    for (std::size_t i = 0; i < batches.size(); ++i) {
      EXPECT_EQ(batches[i].images.values, expected[i].images.values);
      EXPECT_EQ(batches[i].indices, expected[i].indices);
    }
  }
}

TEST(Loader, ChosenImagesComeInTheirOrder) {
  const TemporaryFolder folder;
  write_tar(folder / "set.tar", eleven_images());
  const ImageList list = ImageList::open(folder / "set.tar");
  const std::vector<Batch> whole = all_batches(list, small(0));
  LoaderOptions options = small(1);
  options.indices = {9, 2, 2};
  const std::vector<Batch> chosen = all_batches(list, options);
  ASSERT_EQ(chosen.size(), 1U);
  EXPECT_THAT(chosen[0].indices, ElementsAre(9, 2, 2));
  const std::size_t size = 3 * 8 * 8;
  for (std::size_t i = 0; i < size; ++i) {
    EXPECT_EQ(chosen[0].images.values[i], whole[2].images.values[size + i]);
    EXPECT_EQ(chosen[0].images.values[2 * size + i], whole[0].images.values[2 * size + i]);
  }
}

TEST(Loader, FirstBadImageIsNamed) {
  const TemporaryFolder folder;
  Files files = eleven_images();
  for (const std::size_t bad : {5U, 6U}) files[bad].second.resize(200);
  write_tar(folder / "set.tar", files);
  const ImageList list = ImageList::open(folder / "set.tar");
  for (const int threads : {0, 1, 3}) {
    LoaderOptions options = small(threads);
    options.indices = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    std::string message;
    try {
      static_cast<void>(all_batches(list, options));
    } catch (const Error& error) {
      message = error.what();
    }
    // In the list's order n0 (0, 3, 6, 9) comes before n2 (2, 5, 8).
    EXPECT_THAT(message, AllOf(HasSubstr("set.tar: n0/06.jpg"), HasSubstr("JPEG"))) << threads;
  }
}

TEST(Loader, LeavingEarlyStopsTheThreads) {
  const TemporaryFolder folder;
  write_tar(folder / "set.tar", eleven_images());
  const ImageList list = ImageList::open(folder / "set.tar");
  Loader untouched(list, small(3));
  Loader loader(list, small(3));
  EXPECT_TRUE(loader.next());
}

TEST(Loader, BadOptionsAreErrors) {
  const TemporaryFolder folder;
  write_tar(folder / "set.tar", eleven_images());
  const ImageList list = ImageList::open(folder / "set.tar");
  const auto refuses = [&list](auto change) {
    LoaderOptions options;
    change(options);
    EXPECT_THROW(Loader(list, options), Error);
  };
  refuses([](LoaderOptions& options) { options.batch = 0; });
  refuses([](LoaderOptions& options) { options.transform.crop = 0; });
  refuses([](LoaderOptions& options) { options.transform.resize_shorter = -1; });
  refuses([](LoaderOptions& options) { options.threads = -1; });
  refuses([](LoaderOptions& options) { options.ahead = 0; });
  refuses([](LoaderOptions& options) { options.indices = {11}; });
  refuses([](LoaderOptions& options) { options.indices = {-1}; });
}

}  // namespace
}  // namespace wbs::datasets
