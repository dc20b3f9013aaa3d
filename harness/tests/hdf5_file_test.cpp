#include "harness/hdf5_file.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/error.hpp"

namespace wbs::harness {
namespace {

class Hdf5FileTest : public testing::Test {
 protected:
  Hdf5FileTest()
      : path_(std::filesystem::temp_directory_path() /
              ("wbs-hdf5-" + std::to_string(getpid()) + ".h5")) {}
  ~Hdf5FileTest() override { std::filesystem::remove(path_); }

  std::string path_;
};

Tensor counting(Shape shape) {
  Tensor tensor(std::move(shape));
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    tensor.values[i] = static_cast<float>(i) * 0.25F - 3.0F;
  }
  return tensor;
}

/// Reads all that the round trip wrote; the sum keeps the reads from being dropped.
double read_everything(const std::string& path) {
  const Hdf5File file = Hdf5File::open(path);
  double sum = file.number("/a/weight", "ratio");
  for (const std::string& group : file.members("/")) {
    for (const std::string& name : file.members("/" + group)) {
      const std::string object = "/" + group + "/" + name;
      if (name == "mask") {
        sum += static_cast<double>(file.read_bytes(object).size());
      } else {
        sum += file.read(object).values.at(0);
      }
    }
  }
  return sum;
}

void write_example(const std::string& path) {
  Hdf5File file = Hdf5File::create(path);
  file.write("/a/weight", counting({16, 8, 3, 3}), {.deflate_level = 1});
  file.write("/a/mask", {2, 3}, std::vector<std::uint8_t>{1, 0, 1, 255, 7, 0});
  file.write("/b/bias", counting({16}));
  file.set("/a/weight", "ratio", 0.5);
  file.set("/a/weight", "seed", std::int64_t{-7});
  file.set("/", "pattern", std::string("block:8x8@0.5"));
  file.close();
}

TEST_F(Hdf5FileTest, TensorsBytesAndAttributesComeBackEqual) {
  write_example(path_);
  const Hdf5File file = Hdf5File::open(path_);
  EXPECT_EQ(file.read("/a/weight").values, counting({16, 8, 3, 3}).values);
  EXPECT_EQ(file.shape("/a/weight"), (Shape{16, 8, 3, 3}));
  EXPECT_EQ(file.read_bytes("/a/mask"), (std::vector<std::uint8_t>{1, 0, 1, 255, 7, 0}));
  EXPECT_EQ(file.number("/a/weight", "ratio"), 0.5);
  EXPECT_EQ(std::get<std::int64_t>(file.attribute("/a/weight", "seed")), -7);
  EXPECT_EQ(file.text("/", "pattern"), "block:8x8@0.5");
  EXPECT_EQ(file.members("/"), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(file.has("/b/bias"));
  EXPECT_FALSE(file.has("/c/bias"));
  EXPECT_FALSE(file.has_attribute("/", "nothing"));
}

TEST_F(Hdf5FileTest, ChunksCutLargeTensors) {
  const Tensor large = counting({3, 500, 401});
  {
    Hdf5File file = Hdf5File::create(path_);
    file.write("/large", large);
    file.write("/scalar", Tensor(Shape{}, 2.0F));
    file.close();
  }
  EXPECT_EQ(Hdf5File::open(path_).read("/large").values, large.values);
  EXPECT_EQ(Hdf5File::open(path_).read("/scalar").values, (std::vector<float>{2.0F}));
}

TEST_F(Hdf5FileTest, EqualContentGivesEqualBytes) {
  const auto bytes = [this] {
    write_example(path_);
    std::ifstream file(path_, std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  };
  EXPECT_EQ(bytes(), bytes());
}

TEST_F(Hdf5FileTest, MissingThingsAreNamed) {
  write_example(path_);
  const Hdf5File file = Hdf5File::open(path_);
  try {
    static_cast<void>(file.read("/a/nothing"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_NE(std::string(error.what()).find("/a/nothing"), std::string::npos);
  }
  EXPECT_THROW(static_cast<void>(file.read("/a/mask")), Error);
  EXPECT_THROW(static_cast<void>(file.text("/a/weight", "ratio")), Error);
}

TEST_F(Hdf5FileTest, AFileCutAnywhereIsAnErrorAndNothingWorse) {
  write_example(path_);
  std::string bytes;
  {
    std::ifstream file(path_, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  for (std::size_t length = 0; length < bytes.size(); length += 61) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc)
        .write(bytes.data(), static_cast<std::streamsize>(length));
    EXPECT_THROW(static_cast<void>(read_everything(path_)), Error) << length;
  }
}

TEST_F(Hdf5FileTest, AChangedWeightIsCaughtByTheChecksum) {
  const Tensor tensor = counting({64, 64});
  {
    Hdf5File file = Hdf5File::create(path_);
    file.write("/w", tensor);
    file.close();
  }
  const auto size = std::filesystem::file_size(path_);
  std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
  std::string bytes(size, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(size));
  const std::string_view needle(reinterpret_cast<const char*>(&tensor.values[100]), 16);
  const std::size_t place = bytes.find(needle);
  ASSERT_NE(place, std::string::npos);
  file.seekp(static_cast<std::streamoff>(place));
  file.put(static_cast<char>(bytes[place] ^ 0x10));
  file.close();
  EXPECT_THROW(static_cast<void>(Hdf5File::open(path_).read("/w")), Error);
}

TEST_F(Hdf5FileTest, UnwritablePathIsAnIoError) {
  try {
    static_cast<void>(Hdf5File::create("/nonexistent/x.h5"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::io);
  }
}

}  // namespace
}  // namespace wbs::harness
