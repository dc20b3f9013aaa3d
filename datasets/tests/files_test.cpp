#include "datasets/files.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "core/error.hpp"
#include "datasets/open_dataset.hpp"
#include "datasets/tests/fixtures.hpp"

namespace wbs::datasets {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string big_endian(std::uint32_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift);
  return bytes;
}

/// Images of 2 x 3 pixels; pixel p of image i is 10 * i + p.
std::string idx_images(std::uint32_t count) {
  std::string bytes = big_endian(0x803) + big_endian(count) + big_endian(2) + big_endian(3);
  for (std::uint32_t i = 0; i < count; ++i) {
    for (std::uint32_t p = 0; p < 6; ++p) bytes += static_cast<char>(10 * i + p);
  }
  return bytes;
}

std::string idx_labels(const std::string& labels) {
  return big_endian(0x801) + big_endian(static_cast<std::uint32_t>(labels.size())) + labels;
}

const std::string kLabels("\x02\x00\x01", 3);

void write_mnist(const TemporaryFolder& folder) {
  write_file(folder / "train-images-idx3-ubyte", idx_images(3));
  write_file(folder / "train-labels-idx1-ubyte", idx_labels(kLabels));
  write_file(folder / "t10k-images-idx3-ubyte", idx_images(1));
  write_file(folder / "t10k-labels-idx1-ubyte", idx_labels(std::string(1, '\x01')));
}

std::string open_message(const TemporaryFolder& folder, Split split = Split::train,
                         std::int64_t classes = 0) {
  return message_of([&] { static_cast<void>(open_dataset(folder / "", split, classes)); });
}

TEST(Idx, BothSplitsAreReadAndAgreeOnClasses) {
  const TemporaryFolder folder;
  write_mnist(folder);
  const auto train = open_dataset(folder / "", Split::train, 3);
  EXPECT_EQ(train->size(), 3);
  EXPECT_EQ(train->label(0), 2);
  EXPECT_EQ(train->image(1).channels, 1);
  EXPECT_THAT(train->image(1).pixels, ElementsAre(10, 11, 12, 13, 14, 15));
  const auto test = open_dataset(folder / "", Split::test);
  EXPECT_EQ(test->size(), 1);
  EXPECT_THAT(test->classes(), ElementsAre("0", "1", "2"));
  EXPECT_EQ(test->shape().width, 3);
}

TEST(Idx, GzipAndOtherNamesOfTheSchemeAreRead) {
  const TemporaryFolder folder;
  write_file(folder / "emnist-digits-train-images-idx3-ubyte.gz", gzipped(idx_images(3)));
  write_file(folder / "emnist-digits-train-labels-idx1-ubyte.gz", gzipped(idx_labels(kLabels)));
  write_file(folder / "t10k-images.idx3-ubyte", idx_images(3));
  write_file(folder / "t10k-labels.idx1-ubyte.gz", gzipped(idx_labels(kLabels)));
  EXPECT_EQ(open_dataset(folder / "", Split::train)->label(2), 1);
  EXPECT_EQ(open_dataset(folder / "", Split::test)->label(2), 1);
}

TEST(Idx, EveryTruncationIsAnErrorThatNamesTheFile) {
  const TemporaryFolder folder;
  write_mnist(folder);
  const std::string images = idx_images(3);
  for (std::size_t size = 0; size < images.size(); ++size) {
    write_file(folder / "train-images-idx3-ubyte", images.substr(0, size));
    ASSERT_THAT(open_message(folder), AllOf(HasSubstr("train-images-idx3-ubyte: truncated")))
        << size;
  }
  write_file(folder / "train-images-idx3-ubyte", images);
  const std::string labels = idx_labels(kLabels);
  for (std::size_t size = 0; size < labels.size(); ++size) {
    write_file(folder / "train-labels-idx1-ubyte", labels.substr(0, size));
    ASSERT_THAT(open_message(folder), HasSubstr("train-labels-idx1-ubyte: truncated")) << size;
  }
}

TEST(Idx, TruncatedOrDamagedGzipIsAnError) {
  const TemporaryFolder folder;
  write_mnist(folder);
  std::filesystem::remove(folder / "train-images-idx3-ubyte");
  const std::string whole = gzipped(idx_images(3));
  for (std::size_t size = 1; size < whole.size(); ++size) {
    write_file(folder / "train-images-idx3-ubyte.gz", whole.substr(0, size));
    ASSERT_THAT(open_message(folder), HasSubstr("train-images-idx3-ubyte.gz: ")) << size;
  }
  std::string damaged = whole;
  damaged[damaged.size() - 6] ^= 1;  // the checksum
  write_file(folder / "train-images-idx3-ubyte.gz", damaged);
  EXPECT_THAT(open_message(folder), HasSubstr("train-images-idx3-ubyte.gz: damaged"));
}

TEST(Idx, WhatIsNoIdxFileIsAnError) {
  const TemporaryFolder folder;
  write_mnist(folder);
  write_file(folder / "train-images-idx3-ubyte", idx_labels(kLabels));
  EXPECT_THAT(open_message(folder), HasSubstr("magic number is 0x00000801, not 0x00000803"));
  write_file(folder / "train-images-idx3-ubyte", idx_images(3) + "x");
  EXPECT_THAT(open_message(folder), HasSubstr("longer than its header says"));
  write_file(folder / "train-images-idx3-ubyte",
             big_endian(0x803) + std::string(12, '\xff') + "pixels");
  EXPECT_THAT(open_message(folder), HasSubstr("train-images-idx3-ubyte: images of"));
}

TEST(Idx, CountsThatDisagreeAreAnError) {
  const TemporaryFolder folder;
  write_mnist(folder);
  write_file(folder / "train-images-idx3-ubyte", idx_images(4));
  EXPECT_THAT(open_message(folder), HasSubstr("holds 3 labels for 4 images"));
}

TEST(Idx, LabelOutOfRangeIsAnErrorThatNamesTheImage) {
  const TemporaryFolder folder;
  write_mnist(folder);
  write_file(folder / "t10k-labels-idx1-ubyte", idx_labels("\x07"));
  EXPECT_THAT(open_message(folder, Split::test),
              HasSubstr("label 7 of image 0 is out of range: there are 3 classes"));
  EXPECT_THAT(open_message(folder, Split::train, 2),
              HasSubstr("label 2 of image 0 is out of range: there are 2 classes"));
}

TEST(Idx, FewerClassesThanAskedForAreAnError) {
  const TemporaryFolder folder;
  write_mnist(folder);
  EXPECT_THAT(open_message(folder, Split::train, 10),
              HasSubstr("has 3 classes, 10 were asked for"));
}

TEST(Idx, MissingHalfOfAPairIsNamed) {
  const TemporaryFolder folder;
  write_mnist(folder);
  std::filesystem::remove(folder / "train-labels-idx1-ubyte");
  EXPECT_THAT(open_message(folder), HasSubstr("train-labels-idx1-ubyte[.gz] is missing"));
  std::filesystem::remove(folder / "train-images-idx3-ubyte");
  EXPECT_THAT(open_message(folder), HasSubstr("holds IDX files, but none of the train split"));
  write_mnist(folder);
  write_file(folder / "other-train-images-idx3-ubyte.gz", "");
  EXPECT_THAT(open_message(folder), HasSubstr("which one is the train split?"));
}

/// Record i has label i; the three planes are flat: i, 100 + i, 200 + i.
std::string cifar(int images, bool coarse = false) {
  std::string bytes;
  for (int i = 0; i < images; ++i) {
    if (coarse) bytes += '\x13';
    bytes += static_cast<char>(i);
    for (int plane = 0; plane < 3; ++plane) {
      bytes += std::string(1024, static_cast<char>(100 * plane + i));
    }
  }
  return bytes;
}

void write_cifar10(const std::filesystem::path& path) {
  std::filesystem::create_directories(path);
  for (int i = 1; i <= 5; ++i) write_file(path / fmt::format("data_batch_{}.bin", i), cifar(i));
  write_file(path / "test_batch.bin", cifar(10));
}

TEST(Cifar, BatchesComeInTheirOrderWithInterleavedChannels) {
  const TemporaryFolder folder;
  write_cifar10(folder / "cifar-10-batches-bin");
  const auto train = open_dataset(folder / "", Split::train, 10);
  EXPECT_EQ(train->size(), 15);
  EXPECT_EQ(train->label(2), 1);  // the second record of the second batch
  EXPECT_THAT(train->image(2).pixels[3], 1);
  EXPECT_THAT(train->image(2).pixels[4], 101);
  EXPECT_THAT(train->image(2).pixels[3071], 201);
  EXPECT_EQ(open_dataset(folder / "cifar-10-batches-bin", Split::test)->size(), 10);
}

TEST(Cifar, HundredClassesHaveFineLabelsAndNames) {
  const TemporaryFolder folder;
  std::string names;
  for (int i = 0; i < 100; ++i) names += fmt::format("name{}\n", i);
  write_file(folder / "fine_label_names.txt", names);
  write_file(folder / "train.bin", cifar(50, true));
  write_file(folder / "test.bin", cifar(7, true));
  const auto train = open_dataset(folder / "", Split::train, 100);
  EXPECT_EQ(train->label(49), 49);
  EXPECT_EQ(train->classes()[99], "name99");
  EXPECT_EQ(open_dataset(folder / "", Split::test)->size(), 7);
}

TEST(Cifar, BadFilesAreErrorsThatNameThem) {
  const TemporaryFolder folder;
  write_cifar10(folder / "");
  write_file(folder / "data_batch_4.bin", cifar(1).substr(0, 3000));
  EXPECT_THAT(open_message(folder), HasSubstr("data_batch_4.bin: truncated: 3000 bytes"));
  std::filesystem::remove(folder / "data_batch_4.bin");
  EXPECT_THAT(open_message(folder), HasSubstr("data_batch_4.bin: is missing"));
  write_file(folder / "data_batch_4.bin", cifar(12));
  EXPECT_THAT(open_message(folder), AllOf(HasSubstr("data_batch_4.bin: label 10 of image 10"),
                                          HasSubstr("there are 10 classes")));
  EXPECT_THAT(open_message(folder, Split::test, 100), HasSubstr("has 10 classes, 100 were asked"));
}

TEST(OpenDataset, WhatIsNoDataSetIsAnErrorThatSaysWhatWasLookedFor) {
  const TemporaryFolder folder;
  EXPECT_THAT(open_message(folder),
              AllOf(HasSubstr("looked for IDX files"), HasSubstr("data_batch_1.bin"),
                    HasSubstr("train/<class>"), HasSubstr(".tar.gz")));
  EXPECT_THAT(message_of([&] { static_cast<void>(open_dataset(folder / "none", Split::train)); }),
              HasSubstr("none': no such file or folder, and not 'embedded'"));
  write_file(folder / "file", "");
  EXPECT_THAT(message_of([&] { static_cast<void>(open_dataset(folder / "file", Split::train)); }),
              HasSubstr("name the folder"));
}

TEST(OpenDataset, EmbeddedHasTenClasses) {
  EXPECT_EQ(open_dataset("embedded", Split::test, 10)->size(), 2000);
  EXPECT_THROW(static_cast<void>(open_dataset("embedded", Split::test, 100)), Error);
}

}  // namespace
}  // namespace wbs::datasets
