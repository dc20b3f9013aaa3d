#include "core/text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/error.hpp"
#include "core/tensor.hpp"

namespace wbs {
namespace {

using testing::ElementsAre;

TEST(Text, SplitKeepsEmptyParts) {
  EXPECT_THAT(split("a,,b,", ','), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(split("", ','), ElementsAre(""));
}

TEST(Text, TrimRemovesSpaceOnBothSidesOnly) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
}

TEST(Text, NumbersMustBeTheWholeText) {
  EXPECT_EQ(parse_integer("-12"), -12);
  for (const char* text : {"", "1x", " 1", "1.0", "99999999999999999999", "+1"}) {
    EXPECT_FALSE(parse_integer(text).has_value()) << text;
  }
  EXPECT_EQ(parse_number("1e-3"), 1e-3);
  for (const char* text : {"", "nan", "inf", "-inf", "1,5", "0.5 ", "1e999"}) {
    EXPECT_FALSE(parse_number(text).has_value()) << text;
  }
}

TEST(Text, NumberTextReadsBackAsTheSameValue) {
  for (const double value : {0.5, 1e-9, 0.1, 1.0 / 3.0, 123456789.0, 5e-324}) {
    EXPECT_EQ(parse_number(number_text(value)), value);
  }
  EXPECT_EQ(number_text(0.5), "0.5");
}

TEST(Text, ACloseChoiceIsSuggested) {
  const std::vector<std::string> choices = {"resnet50", "vgg16"};
  EXPECT_EQ(suggestion("resnet5O", choices), " (did you mean 'resnet50'?)");
  EXPECT_EQ(suggestion("inception", choices), "");
  EXPECT_EQ(suggestion("x", {}), "");
}

TEST(Tensor, CountsAndPrintsItsShape) {
  EXPECT_EQ(element_count({64, 3, 7, 7}), 9408);
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({5, 0}), 0);
  EXPECT_EQ(to_string(Shape{64, 3, 7, 7}), "64x3x7x7");
  EXPECT_EQ(to_string(Shape{}), "scalar");
  EXPECT_EQ(Tensor({2, 3}, 1.5F).values, std::vector<float>(6, 1.5F));
}

TEST(Tensor, ImpossibleShapesAreErrors) {
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  EXPECT_THROW(static_cast<void>(element_count({kHuge, 2})), Error);
  EXPECT_THROW(static_cast<void>(element_count({-1, 2})), Error);
}

TEST(TensorDeathTest, ValuesOfAnotherCountAreADefect) {
  EXPECT_DEATH(Tensor({2, 2}, std::vector<float>(3)), "broken contract");
}

TEST(Error, KindsHaveExitCodesOfTheirOwn) {
  EXPECT_EQ(exit_code(ErrorKind::usage), 2);
  EXPECT_EQ(exit_code(ErrorKind::input), 3);
  EXPECT_EQ(exit_code(ErrorKind::unsupported), 4);
  EXPECT_EQ(exit_code(ErrorKind::io), 5);
  EXPECT_EQ(exit_code(ErrorKind::internal), 70);
}

TEST(Error, ValueOrThrowTurnsARefusalIntoAnError) {
  EXPECT_EQ(value_or_throw(Result<int>(3)), 3);
  try {
    static_cast<void>(value_or_throw(Result<int>(refusal("no three")), ErrorKind::usage));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_STREQ(error.what(), "no three");
  }
}

}  // namespace
}  // namespace wbs
