#include "trainers/request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.hpp"

namespace wbs::trainers {
namespace {

TEST(Request, ReadsBackWhatItWrites) {
  const TrainRequest request =
      parse_request({{"network", "resnet20"},
                     {"data", {{"source", "embedded"}, {"flip", true}, {"crop_padding", 2}}},
                     {"method", {{"name", "gradual"}, {"until", 0.8}}},
                     {"pattern", "nm:2:8"},
                     {"recipe", {{"epochs", 3}}},
                     {"input", {3, 16, 16}}});
  EXPECT_EQ(request.method, "gradual");
  EXPECT_EQ(request.method_options, (nlohmann::json{{"until", 0.8}}));
  EXPECT_EQ(sparsity::to_string(request.pattern), "nm:2:8/in");
  EXPECT_EQ(request.recipe.epochs, 3);
  EXPECT_EQ(to_json(parse_request(to_json(request))), to_json(request));
}

TEST(Request, RefusesWithAllProblems) {
  try {
    static_cast<void>(parse_request({{"networks", "resnet20"},
                                     {"pattern", "nm:9:8"},
                                     {"input", {3, 0, 1}},
                                     {"recipe", {{"distill_weight", 0.5}}}}));
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), testing::HasSubstr("networks: is not known (did you mean 'network'"));
    EXPECT_THAT(error.what(), testing::HasSubstr("pattern: "));
    EXPECT_THAT(error.what(), testing::HasSubstr("input: [3,0,1] is no list"));
    EXPECT_THAT(error.what(), testing::HasSubstr("teacher: "));
    EXPECT_THAT(error.what(), testing::HasSubstr("expected either a network's name"));
  }
}

TEST(Request, MustBeAnObject) {
  EXPECT_THROW(static_cast<void>(parse_request(nlohmann::json::array())), Error);
}

}  // namespace
}  // namespace wbs::trainers
