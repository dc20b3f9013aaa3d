#include "datasets/image_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.hpp"
#include "datasets/tests/image_fixtures.hpp"

namespace wbs::datasets {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Files kFiles{{"n2/b.jpg", "2b"},   {"n1/z.JPG", "1z"},       {"n10/a.jpeg", "10a"},
                   {"n1/a.jpg", "1a"},   {"n1/notes.txt", "text"}, {"n1/._a.jpg", "junk"},
                   {".git/x/c.jpg", "x"}};

void expect_listing(const ImageList& list) {
  ASSERT_EQ(list.size(), 4);
  EXPECT_THAT(list.classes(), ElementsAre("n1", "n10", "n2"));
  const char* names[] = {"n1/a.jpg", "n1/z.JPG", "n10/a.jpeg", "n2/b.jpg"};
  const std::int64_t labels[] = {0, 0, 1, 2};
  const char* bytes[] = {"1a", "1z", "10a", "2b"};
  for (std::int64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(list[i].name, names[i]);
    EXPECT_EQ(list[i].label, labels[i]);
    EXPECT_EQ(list.bytes(i), bytes[i]);
  }
}

std::string message_of(const std::filesystem::path& path, const std::string& below = "") {
  try {
    static_cast<void>(ImageList::open(path, below));
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(ImageList, FolderAndArchivesGiveTheSameList) {
  const TemporaryFolder folder;
  write_folder(folder / "tree", kFiles);
  write_tar(folder / "set.tar", kFiles);
  write_tar(folder / "set.tar.gz", kFiles, true);
  expect_listing(ImageList::open(folder / "tree"));
  expect_listing(ImageList::open(folder / "set.tar"));
  expect_listing(ImageList::open(folder / "set.tar.gz"));
}

TEST(ImageList, LeadingDotSlashIsNoPartOfTheName) {
  const TemporaryFolder folder;
  write_tar(folder / "set.tar", {{"./n1/a.jpg", "1"}});
  EXPECT_EQ(ImageList::open(folder / "set.tar")[0].name, "n1/a.jpg");
}

TEST(ImageList, OnlyWhatIsBelowTheNamedFolderCounts) {
  const TemporaryFolder folder;
  const Files files{{"test/cat/1.jpg", "c"}, {"testing/x/1.jpg", "x"}, {"train/ant/1.jpg", "a"}};
  write_folder(folder / "tree", files);
  write_tar(folder / "set.tar", files);
  for (const char* root : {"tree", "set.tar"}) {
    const ImageList list = ImageList::open(folder / root, "test/");
    ASSERT_EQ(list.size(), 1) << root;
    EXPECT_EQ(list[0].name, "cat/1.jpg");
    EXPECT_EQ(list[0].label, 0);
    EXPECT_EQ(list.bytes(0), "c");
    EXPECT_EQ(list.place(0), (folder / root).string() + ": test/cat/1.jpg");
  }
}

TEST(ImageList, ImageInNoFolderHasNoLabel) {
  const TemporaryFolder folder;
  write_tar(folder / "set.tar", {{"a.jpg", "1"}, {"n/b.jpg", "2"}});
  const ImageList list = ImageList::open(folder / "set.tar");
  EXPECT_EQ(list[0].label, -1);
  EXPECT_EQ(list[1].label, 0);
}

TEST(ImageList, LastMemberOfOneNameCounts) {
  const TemporaryFolder folder;
  write_tar(folder / "set.tar", {{"n/a.jpg", "old"}, {"n/a.jpg", "new"}});
  const ImageList list = ImageList::open(folder / "set.tar");
  ASSERT_EQ(list.size(), 1);
  EXPECT_EQ(list.bytes(0), "new");
}

TEST(ImageList, MissingPathsAndEmptyRootsAreErrorsThatNameThem) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of(folder / "none"), HasSubstr("none: no such file or folder"));
  write_folder(folder / "empty", {{"n/readme.txt", "x"}});
  EXPECT_THAT(message_of(folder / "empty"), HasSubstr("empty: holds no .jpg"));
  write_tar(folder / "set.tar", kFiles);
  EXPECT_THAT(message_of(folder / "set.tar", "test"), HasSubstr("set.tar: test: holds no .jpg"));
}

TEST(ImageList, WhatIsNoArchiveIsAnError) {
  const TemporaryFolder folder;
  write_file(folder / "set.tar", "certainly no archive");
  EXPECT_THAT(message_of(folder / "set.tar"), HasSubstr("set.tar: "));
  write_file(folder / "none.tar", "");
  EXPECT_THAT(message_of(folder / "none.tar"), HasSubstr("none.tar: "));
}

TEST(ImageList, TruncatedArchiveIsAnErrorThatNamesTheMember) {
  const TemporaryFolder folder;
  const Files files{{"n1/a.jpg", std::string(3000, 'a')}, {"n1/b.jpg", std::string(3000, 'b')}};
  write_tar(folder / "set.tar", files);
  const std::string whole = read_file(folder / "set.tar");
  write_file(folder / "cut.tar", whole.substr(0, 512 + 3072 + 512 + 1000));
  EXPECT_THAT(message_of(folder / "cut.tar"), AllOf(HasSubstr("cut.tar"), HasSubstr("n1/b.jpg")));
  write_tar(folder / "set.tar.gz", files, true);
  const std::string packed = read_file(folder / "set.tar.gz");
  write_file(folder / "cut.tar.gz", packed.substr(0, packed.size() / 2));
  EXPECT_THAT(message_of(folder / "cut.tar.gz"), HasSubstr("cut.tar.gz"));
}

TEST(ImageList, FileThatVanishedIsAnErrorThatNamesIt) {
  const TemporaryFolder folder;
  write_folder(folder / "tree", {{"n/a.jpg", "x"}});
  const ImageList list = ImageList::open(folder / "tree");
  std::filesystem::remove(folder / "tree" / "n" / "a.jpg");
  EXPECT_THROW(static_cast<void>(list.bytes(0)), Error);
}

}  // namespace
}  // namespace wbs::datasets
