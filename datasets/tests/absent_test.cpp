// What a build without libjpeg, libpng and libarchive says; linked with the stand-ins alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "core/error.hpp"
#include "datasets/archive.hpp"
#include "datasets/image.hpp"

namespace wbs::datasets {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string refusal_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    return error.what();
  }
  return "no error";
}

TEST(AbsentLibrary, IsRefusedWithTheNameOfItsPackage) {
  EXPECT_FALSE(reads_jpeg());
  EXPECT_FALSE(reads_png());
  EXPECT_THAT(refusal_of([] { static_cast<void>(decode_jpeg("\xff\xd8", "a.jpg")); }),
              AllOf(HasSubstr("a.jpg"), HasSubstr("libjpeg-dev")));
  EXPECT_THAT(refusal_of([] { static_cast<void>(decode_png("\x89PNG", "a.png")); }),
              AllOf(HasSubstr("a.png"), HasSubstr("libpng-dev")));
  EXPECT_THAT(refusal_of([] { for_each_member("a.tar", 1, {}, {}); }),
              AllOf(HasSubstr("a.tar"), HasSubstr("libarchive-dev")));
}

}  // namespace
}  // namespace wbs::datasets
