#include "sparsity/pattern.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace wbs::sparsity {
namespace {

Pattern parsed(const std::string& text) {
  return value_or_throw(parse_pattern(text));
}

TEST(Pattern, TextFormsReadBackAsTheSameValue) {
  for (const char* text :
       {"dense", "block:8x8@0.5", "block:16x4@0", "block:1x1@0.123456789", "nm:2:8/in",
        "nm:1:16/out", "nm:4:4/in", "unstructured@0.9", "channel@0.12"}) {
    EXPECT_EQ(to_string(parsed(text)), text);
    EXPECT_EQ(parsed(to_string(parsed(text))), parsed(text));
  }
}

TEST(Pattern, AxisDefaultsToInputChannelsAndIsAlwaysPrinted) {
  EXPECT_EQ(parsed("nm:2:4"), Pattern(NmPattern{2, 4, Axis::in}));
  EXPECT_EQ(to_string(parsed("nm:2:4")), "nm:2:4/in");
}

TEST(Pattern, BlockReadsRowsBeforeColumns) {
  EXPECT_EQ(parsed("block:4x16@0.25"), Pattern(BlockPattern{4, 16, 0.25}));
}

TEST(Pattern, NegativeZeroRatioPrintsAsZero) {
  EXPECT_EQ(to_string(parsed("unstructured@-0")), "unstructured@0");
}

TEST(Pattern, MalformedTextsAreRefusedWithTheTextAndTheExpectation) {
  for (const char* text : {"",
                           "Dense",
                           "dense ",
                           "block",
                           "block:8x8",
                           "block:8@0.5",
                           "block:8x8x8@0.5",
                           "block:0x8@0.5",
                           "block:-8x8@0.5",
                           "block:8x9999999@0.5",
                           "block:8x8@1",
                           "block:8x8@-0.1",
                           "block:8x8@nan",
                           "block:8x8@",
                           "block:8x8@0.5@0.5",
                           "nm:",
                           "nm:2",
                           "nm:5:4",
                           "nm:0:4",
                           "nm:1:1",
                           "nm:2:4/",
                           "nm:2:4/inn",
                           "nm:2:4/in/out",
                           "nm:2:99999999999999999999",
                           "unstructured",
                           "unstructured@",
                           "unstructured@1.0",
                           "channel@50%",
                           "channel@inf"}) {
    const Result<Pattern> result = parse_pattern(text);
    ASSERT_FALSE(result.has_value()) << text;
    EXPECT_THAT(result.error(), testing::HasSubstr("pattern '" + std::string(text) + "': "));
    EXPECT_THAT(result.error(),
                testing::AnyOf(testing::HasSubstr("expected"), testing::HasSubstr("must be")));
  }
}

TEST(Pattern, NominalSparsityIsThePrunedShare) {
  EXPECT_DOUBLE_EQ(nominal_sparsity(parsed("dense")), 0.0);
  EXPECT_DOUBLE_EQ(nominal_sparsity(parsed("nm:2:8")), 0.75);
  EXPECT_DOUBLE_EQ(nominal_sparsity(parsed("block:8x8@0.5")), 0.5);
  EXPECT_DOUBLE_EQ(nominal_sparsity(parsed("channel@0.12")), 0.12);
}

TEST(Pattern, TablesWordKeptNotPruned) {
  EXPECT_EQ(describe(parsed("nm:2:8/out")).kept, "2/8");
  EXPECT_EQ(describe(parsed("nm:2:8/out")).axis, "out");
  EXPECT_EQ(describe(parsed("block:8x8@0.75")).kept, "25%");
  EXPECT_EQ(describe(parsed("unstructured@0.9")).kept, "10%");
  EXPECT_EQ(describe(parsed("channel@0.125")).kept, "87.5%");
  EXPECT_EQ(describe(parsed("dense")).kept, "all");
}

TEST(Pattern, BlockLargerThanTheLayerDoesNotFit) {
  const Result<void> refused = check_fits(parsed("block:32x32@0.5"), {16, 64, 3, 3});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error(),
            "block 32x32 is larger than the layer's 16 output x 64 input channels");
  EXPECT_TRUE(check_fits(parsed("block:8x8@0.5"), {17, 9, 3, 3}).has_value());
  EXPECT_FALSE(check_fits(parsed("nm:2:8/in"), {64, 3, 7, 7}).has_value());
  EXPECT_TRUE(check_fits(parsed("nm:2:8/out"), {64, 3, 7, 7}).has_value());
  EXPECT_TRUE(check_fits(parsed("unstructured@0.9"), {10, 1}).has_value());
}

TEST(Pattern, ShapesThatAreNoWeightsAreErrors) {
  EXPECT_THROW(static_cast<void>(check_fits(DensePattern{}, {64})), Error);
  EXPECT_THROW(static_cast<void>(check_fits(DensePattern{}, {64, 0, 3, 3})), Error);
}

TEST(Pattern, EveryListedExampleParsesToItsOwnKind) {
  for (const PatternKind& kind : pattern_kinds()) {
    EXPECT_THAT(to_string(parsed(std::string(kind.example))), testing::StartsWith(kind.name));
  }
  EXPECT_EQ(pattern_kinds().size(), 5U);
}

}  // namespace
}  // namespace wbs::sparsity
