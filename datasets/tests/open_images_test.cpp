// Image folders and archives through open_dataset().
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.hpp"
#include "datasets/loader.hpp"
#include "datasets/open_dataset.hpp"
#include "datasets/tests/image_fixtures.hpp"

namespace wbs::datasets {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Two classes in training, of which one is missing in the test part.
Files two_splits(const std::string& above = "") {
  return {{above + "train/ant/1.jpg", make_jpeg({}, 10)},
          {above + "train/ant/2.png", make_png({}, 20)},
          {above + "train/cat/1.jpg", make_jpeg({}, 30)},
          {above + "test/cat/9.jpg", make_jpeg({}, 40)}};
}

std::string message_of(const std::string& path, Split split = Split::train,
                       std::int64_t classes = 0) {
  try {
    static_cast<void>(open_dataset(path, split, classes));
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

void expect_two_splits(const std::string& path) {
  const auto train = open_dataset(path, Split::train, 2);
  EXPECT_EQ(train->size(), 3) << path;
  EXPECT_THAT(train->classes(), ElementsAre("ant", "cat"));
  EXPECT_EQ(train->label(1), 0);
  EXPECT_EQ(train->image(1).pixels[0], 20);
  EXPECT_FALSE(train->shape().all_alike);
  EXPECT_EQ(train->shape().height, 16);
  const auto test = open_dataset(path, Split::test, 2);
  EXPECT_EQ(test->size(), 1);
  EXPECT_EQ(test->label(0), 1);
}

TEST(ImageFolders, FolderAndArchivesGiveTheSameSplits) {
  const TemporaryFolder folder;
  write_folder(folder / "tree", two_splits());
  write_tar(folder / "set.tar", two_splits());
  write_tar(folder / "set.tgz", two_splits(), true);
  for (const char* name : {"tree", "set.tar", "set.tgz"}) expect_two_splits(folder / name);
}

TEST(ImageFolders, MayLieInTheRootsOnlyFolderOrInItsOnlyArchive) {
  const TemporaryFolder folder;
  write_folder(folder / "a", two_splits("pets/"));
  write_tar(folder / "b.tar.gz", two_splits("./pets/"), true);
  std::filesystem::create_directories(folder / "c");
  write_tar(folder / "c" / "set.tar.gz", two_splits(), true);
  for (const char* name : {"a", "b.tar.gz", "c"}) expect_two_splits(folder / name);
}

TEST(ImageFolders, ValidationCountsAsTestWhereThereIsNone) {
  const TemporaryFolder folder;
  write_folder(folder / "", {{"train/ant/1.jpg", "x"}, {"val/ant/2.jpg", "y"}});
  EXPECT_THAT(open_dataset(folder / "", Split::test)->place(0), HasSubstr("val/ant/2.jpg"));
}

TEST(ImageFolders, MissingSplitAndClassesAreErrors) {
  const TemporaryFolder folder;
  write_tar(folder / "set.tar", {{"train/ant/1.jpg", "x"}});
  EXPECT_THAT(message_of(folder / "set.tar", Split::test), HasSubstr("has no folder test, val"));
  EXPECT_THAT(message_of(folder / "set.tar", Split::train, 10),
              AllOf(HasSubstr("set.tar"), HasSubstr("has 1 classes, 10 were asked for")));
  write_folder(folder / "flat", {{"train/1.jpg", "x"}});
  EXPECT_THAT(message_of(folder / "flat"), HasSubstr("train/1.jpg: lies in no class folder"));
  write_folder(folder / "empty", {{"train/ant/readme.txt", "x"}});
  EXPECT_THAT(message_of(folder / "empty"), HasSubstr("train: holds no .jpg"));
  write_tar(folder / "second.tar", {{"train/ant/1.jpg", "x"}});
  EXPECT_THAT(message_of(folder / ""), HasSubstr("holds 2 archives: name one"));
}

TEST(ImageFolders, CorruptImageIsNamedAndSkippedIfAsked) {
  const TemporaryFolder folder;
  Files files = two_splits();
  files[2].second.resize(300);
  write_tar(folder / "set.tar", files);
  const auto train = open_dataset(folder / "set.tar", Split::train);
  LoaderOptions options;
  options.batch = 3;
  options.transform.crop = 16;
  EXPECT_THROW(static_cast<void>(Loader(*train, options).next()), Error);
  options.bad_images = BadImages::skip;
  const auto batch = Loader(*train, options).next();
  ASSERT_TRUE(batch);
  EXPECT_THAT(batch->indices, ElementsAre(0, 1));
  ASSERT_EQ(batch->skipped.size(), 1U);
  EXPECT_THAT(batch->skipped[0], AllOf(HasSubstr("set.tar: train/cat/1.jpg"), HasSubstr("JPEG")));
}

}  // namespace
}  // namespace wbs::datasets
