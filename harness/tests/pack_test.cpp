#include "harness/pack.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "core/digest.hpp"
#include "core/error.hpp"
#include "harness/posix_file.hpp"
#include "harness/tests/scratch.hpp"

namespace wbs::harness {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

ino_t inode(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_ino;
}

/// Writes an output file of `size` bytes and describes it.
ArtifactFile output(const Scratch& scratch, const std::string& key, std::size_t size) {
  std::string contents(size, 'x');
  for (std::size_t at = 0; at < size; at += 7) contents[at] = static_cast<char>(at % 251);
  std::ofstream(scratch / key, std::ios::binary) << contents;
  return {key, scratch / key, digest_of(contents)};
}

class PackTest : public testing::Test {
 protected:
  void SetUp() override {
    make_directories(packs_);
    make_directories(work_);
  }
  Scratch scratch_;
  std::string packs_ = scratch_ / "packs";
  std::string work_ = scratch_ / "work";
};

TEST_F(PackTest, ManySizesComeBackWithTheirBytes) {
  std::vector<ArtifactFile> files;
  std::vector<std::string> contents;
  for (const std::size_t size : {0UL, 1UL, 3UL, 4096UL, 100000UL, kBigArtifactBytes - 1,
                                 std::size_t{kBigArtifactBytes}, kBigArtifactBytes + 1}) {
    files.push_back(output(scratch_, fmt::format("k{}", size), size));
    contents.push_back(read_file(files.back().path));
  }
  const std::vector<PackedArtifact> packed = write_pack(packs_, "p", files);
  for (std::size_t at = 0; at < files.size(); ++at) {
    EXPECT_THAT(packed[at].problem, IsEmpty());
    EXPECT_EQ(read_file(open_artifact(packs_, packed[at].place, work_)), contents[at]);
    EXPECT_EQ(file_size_or_missing(files[at].path), -1) << "the output file stays behind";
  }
  EXPECT_EQ(read_pack_index(packs_, "p.pack").size(), 6U);
  EXPECT_THAT(files_in(packs_, ".new"), IsEmpty());
}

TEST_F(PackTest, ABigArtifactIsNeverCopied) {
  const ArtifactFile file = output(scratch_, "big", 3 << 20);
  const ino_t before = inode(file.path);
  const std::vector<PackedArtifact> packed = write_pack(packs_, "p", {file});
  const std::string path = open_artifact(packs_, packed[0].place, work_);
  EXPECT_EQ(inode(path), before);
  EXPECT_EQ(read_pack_index(packs_, packed[0].place.pack).at(0).key, "big");
}

TEST_F(PackTest, AnOutputThatChangedAfterItsDigestIsLeftOut) {
  ArtifactFile changed = output(scratch_, "changed", 50);
  changed.digest = digest_of(std::string_view("something else"));
  ArtifactFile big = output(scratch_, "big", kBigArtifactBytes);
  big.digest = changed.digest;
  const std::vector<PackedArtifact> packed =
      write_pack(packs_, "p", {output(scratch_, "good", 10), changed, big});
  EXPECT_THAT(packed[0].problem, IsEmpty());
  EXPECT_THAT(packed[1].problem, HasSubstr("digest"));
  EXPECT_THAT(packed[2].problem, HasSubstr("digest"));
  EXPECT_EQ(read_pack_index(packs_, "p.pack").size(), 1U);
}

TEST_F(PackTest, EveryFlippedByteOfAnArtifactIsNoticed) {
  for (const std::size_t size : {std::size_t{40}, std::size_t{kBigArtifactBytes}}) {
    const std::string name = fmt::format("p{}", size);
    const PackedArtifact packed = write_pack(packs_, name, {output(scratch_, "a", size)}).at(0);
    const std::string path = packs_ + "/" + packed.place.pack;
    const std::string whole = read_file(path);
    for (std::size_t at = 0; at < 40; ++at) {
      std::string damaged = whole;
      damaged[packed.place.offset + at] ^= 1;
      std::filesystem::remove(path);
      std::ofstream(path, std::ios::binary) << damaged;
      EXPECT_THROW(check_artifact(packs_, packed.place), Error) << "byte " << at;
    }
  }
}

TEST_F(PackTest, ACutPackIsAnErrorThatNamesIt) {
  const PackedArtifact packed = write_pack(packs_, "p", {output(scratch_, "a", 500)}).at(0);
  const std::string path = packs_ + "/p.pack";
  const std::string whole = read_file(path);
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << whole.substr(0, cut);
    try {
      static_cast<void>(read_pack_index(packs_, "p.pack"));
      FAIL() << "cut at byte " << cut;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("p.pack"));
    }
    if (cut < packed.place.offset + packed.place.size) {
      EXPECT_THROW(static_cast<void>(open_artifact(packs_, packed.place, work_)), Error);
    }
  }
}

TEST_F(PackTest, AMissingPackIsAnError) {
  EXPECT_THROW(static_cast<void>(open_artifact(packs_, {"gone.pack", 8, 3, "0"}, work_)), Error);
  EXPECT_THROW(static_cast<void>(open_artifact(packs_, {"gone.artifact", 0, 3, "0"}, work_)),
               Error);
}

}  // namespace
}  // namespace wbs::harness
