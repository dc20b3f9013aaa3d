#include "trainers/safetensors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "core/digest.hpp"
#include "core/error.hpp"

namespace wbs::trainers {
namespace {

namespace fs = std::filesystem;

class SafetensorsTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() /
              ("wbs-safetensors-" + std::to_string(::getpid()) + "-" + info->name());
    fs::create_directories(folder_);
    path_ = (folder_ / "file.safetensors").string();
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string failure() const {
    try {
      static_cast<void>(read_safetensors(path_));
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  }
  void write_raw(const std::string& header, const std::string& values) const {
    std::ofstream file(path_, std::ios::binary);
    const std::uint64_t length = header.size();
    file.write(reinterpret_cast<const char*>(&length), sizeof length);
    file << header << values;
  }

  fs::path folder_;
  std::string path_;
};

SafeTensors sample(float value) {
  SafeTensors contents;
  contents.tensors["a/weight"] = stored_of(Tensor({2, 3}, value));
  contents.tensors["count"] = {StoredType::i64, {}, std::vector<std::byte>(8, std::byte{1})};
  contents.tensors["empty"] = {StoredType::f32, {0, 4}, {}};
  contents.tensors["mask"] = {StoredType::boolean, {3}, std::vector<std::byte>(3, std::byte{1})};
  contents.metadata["identity"] = R"({"network":"tiny"})";
  return contents;
}

TEST_F(SafetensorsTest, ReadsBackWhatItWrites) {
  write_safetensors(path_, sample(1.5F));
  const SafeTensors read = read_safetensors(path_);
  EXPECT_EQ(read.tensors, sample(1.5F).tensors);
  EXPECT_EQ(read.metadata, sample(1.5F).metadata);
  EXPECT_EQ(tensor_of(read.tensors.at("a/weight"), "a/weight").values, std::vector<float>(6, 1.5F));
  EXPECT_THROW(static_cast<void>(tensor_of(read.tensors.at("count"), "count")), Error);
}

TEST_F(SafetensorsTest, SameContentsGiveTheSameBytes) {
  write_safetensors(path_, sample(1.5F));
  const std::string first = digest_of_file(path_);
  write_safetensors(path_, sample(1.5F));
  EXPECT_EQ(digest_of_file(path_), first);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1) << "a temporary file is left";
}

TEST_F(SafetensorsTest, NamesWhatIsWrongWithAFile) {
  EXPECT_THAT(failure(), testing::HasSubstr("cannot read"));
  std::ofstream(path_) << "short";
  EXPECT_THAT(failure(), testing::HasSubstr("ends too early"));
  write_raw("not json", "");
  EXPECT_THAT(failure(), testing::HasSubstr("no JSON object"));
  write_raw(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "1234");
  EXPECT_THAT(failure(), testing::HasSubstr("ends too early"));
  write_raw(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,12]}})", "123456789012");
  EXPECT_THAT(failure(), testing::HasSubstr("'x' of 2 claims bytes 0..12"));
  write_raw(R"({"x":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})", "1234");
  EXPECT_THAT(failure(), testing::HasSubstr("element type 'F16'"));
  write_raw(R"({"x":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", "123");
  EXPECT_THAT(failure(), testing::HasSubstr("leaves a gap"));
  write_raw(R"({"x":{"dtype":"U8","data_offsets":[1,3]}})", "123");
  EXPECT_THAT(failure(), testing::HasSubstr("shape"));
}

TEST_F(SafetensorsTest, AFullDiskLeavesThePreviousFileIntact) {
  write_safetensors(path_, sample(1.0F));
  SafeTensors large = sample(2.0F);
  large.tensors["large"] = stored_of(Tensor({64, 1024}, 3.0F));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  // A limit on file sizes fails like a full disk does: in the middle of the writing.
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_THROW(write_safetensors(path_, large), Error);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(read_safetensors(path_).tensors, sample(1.0F).tensors);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1) << "a temporary file is left";
}

}  // namespace
}  // namespace wbs::trainers
