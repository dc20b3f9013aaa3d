#include "core/digest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/error.hpp"

namespace wbs {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}

TEST(Digest, EmptyInputHasTheDigestOfXxh3) {
  EXPECT_EQ(digest_of(""), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(digest_of(bytes_of("wbs")), digest_of("wbs"));
  EXPECT_NE(digest_of("a"), digest_of("b"));
}

TEST(Digest, PartsAreFramedByTheirLength) {
  EXPECT_NE(Digester().add("ab").add("c").hex(), Digester().add("a").add("bc").hex());
  EXPECT_NE(Digester().add("").hex(), Digester().hex());
  EXPECT_EQ(Digester().add("ab").add("c").hex(), Digester().add("ab").add("c").hex());
  Digester moved = Digester();
  moved.add("x");
  const Digester target = std::move(moved);
  EXPECT_EQ(target.hex(), Digester().add("x").hex());
}

TEST(Digest, AFileHasTheDigestOfItsBytes) {
  const std::string path = testing::TempDir() + "wbs_digest_test.bin";
  const std::string content(3 * 1024 * 1024 + 17, 'w');
  std::ofstream(path, std::ios::binary) << content;
  EXPECT_EQ(digest_of_file(path), digest_of(content));
  std::filesystem::remove(path);
}

TEST(Digest, AFileThatCannotBeReadIsAnErrorThatNamesIt) {
  for (const std::string& path : {testing::TempDir() + "no/such/file", testing::TempDir()}) {
    try {
      static_cast<void>(digest_of_file(path));
      FAIL() << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::io);
      EXPECT_THAT(error.what(), testing::HasSubstr(path));
    }
  }
}

TEST(Digest, Crc32cPassesTheKnownAnswers) {
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c(bytes_of("")), 0U);
  EXPECT_EQ(crc32c(bytes_of(std::string(32, '\0'))), 0x8A9136AAU);  // RFC 3720 B.4
  EXPECT_EQ(crc32c(bytes_of(std::string(32, '\xFF'))), 0x62A8AB43U);
}

TEST(Digest, Crc32cContinuesAcrossParts) {
  EXPECT_EQ(crc32c(bytes_of("6789"), crc32c(bytes_of("12345"))), 0xE3069283U);
}

}  // namespace
}  // namespace wbs
