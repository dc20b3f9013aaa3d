// Our tiling under the event model beside the published one, on the three published networks.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <tuple>

#include "tests/command.hpp"

namespace wbs::tests {
namespace {

using nlohmann::json;

class Tilings : public testing::TestWithParam<std::tuple<const char*, const char*>> {};

TEST_P(Tilings, OursIsNotSlowerOverTheConvolutions) {
  const auto [network, pattern] = GetParam();
  const CommandResult result =
      run_command({program("wbs"), "simulate", "--network", network, "--array", "4x4", "--pattern",
                   pattern, "--tilings", "--json"},
                  "/tmp");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const json comparison = json::parse(result.output);
  const auto ours = comparison.at("ours_cycles").get<std::int64_t>();
  EXPECT_GT(ours, 0);
  EXPECT_LE(ours, comparison.at("published_cycles").get<std::int64_t>());
  EXPECT_LE(comparison.at("ours_network_cycles").get<std::int64_t>(),
            comparison.at("published_network_cycles").get<std::int64_t>());
  // Layer by layer where the published tiling gets all that it multiplies.
  for (const json& layer : comparison.at("layers")) {
    EXPECT_LE(layer.at("ours_cycles").get<std::int64_t>(),
              layer.at("published_complete_cycles").get<std::int64_t>())
        << layer.at("name");
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, Tilings,
                         testing::Combine(testing::Values("resnet50", "inception_v3", "vgg16"),
                                          testing::Values("dense", "block:8x8@0.5")));

}  // namespace
}  // namespace wbs::tests
