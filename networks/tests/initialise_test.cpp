#include "networks/initialise.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.hpp"
#include "networks/graph_builder.hpp"
#include "networks/zoo.hpp"

namespace wbs::networks {
namespace {

Graph small_network(const char* second_name) {
  GraphBuilder g("small", {1, 8, 4, 4});
  NodeIndex x = g.conv("a", g.input(), {.channels = 64, .kernel = {3, 3}, .bias = true});
  x = g.conv(second_name, x, {.channels = 256, .kernel = {1, 1}});
  return std::move(g).finish(g.batch_norm("bn", x));
}

TEST(Initialise, WeightsHaveTheDeviationOfTheirFanIn) {
  const Weights weights = initialise(small_network("b"), 1);
  for (const auto& [key, fan_in] : {std::pair{"a/weight", 72.0}, std::pair{"b/weight", 64.0}}) {
    double sum = 0.0;
    double squares = 0.0;
    const std::vector<float>& values = weights.at(key).values;
    for (const float value : values) {
      sum += value;
      squares += static_cast<double>(value) * value;
    }
    const auto count = static_cast<double>(values.size());
    EXPECT_NEAR(sum / count, 0.0, 0.01);
    EXPECT_NEAR(std::sqrt(squares / count), std::sqrt(2.0 / fan_in), 0.01) << key;
  }
}

TEST(Initialise, NormalisationsStartAsIdentityAndBiasesAtZero) {
  const Weights weights = initialise(small_network("b"), 1);
  EXPECT_EQ(weights.at("a/bias").values, std::vector<float>(64, 0.0F));
  EXPECT_EQ(weights.at("bn/scale").values, std::vector<float>(256, 1.0F));
  EXPECT_EQ(weights.at("bn/bias").values, std::vector<float>(256, 0.0F));
  EXPECT_EQ(weights.at("bn/mean").values, std::vector<float>(256, 0.0F));
  EXPECT_EQ(weights.at("bn/variance").values, std::vector<float>(256, 1.0F));
}

TEST(Initialise, ValuesDependOnSeedAndKeyAlone) {
  const Weights weights = initialise(small_network("b"), 1);
  const Weights renamed = initialise(small_network("c"), 1);
  EXPECT_EQ(weights.at("a/weight").values, renamed.at("a/weight").values);
  EXPECT_NE(weights.at("b/weight").values, renamed.at("c/weight").values);
  EXPECT_NE(weights.at("a/weight").values, initialise(small_network("b"), 2).at("a/weight").values);
}

TEST(Initialise, KnownTensorsAreKept) {
  const Graph graph = small_network("b");
  Weights known;
  known["a/bias"] = Tensor({64}, 3.0F);
  known["unused"] = Tensor({1}, 4.0F);
  const Weights weights = initialise(graph, 1, known);
  EXPECT_EQ(weights.at("a/bias").values[63], 3.0F);
  EXPECT_EQ(weights.at("unused").values[0], 4.0F);
  known["a/bias"] = Tensor({63});
  EXPECT_THROW(static_cast<void>(initialise(graph, 1, known)), Error);
}

TEST(Initialise, ConstantsOfTheDefinitionMustBeKnown) {
  GraphBuilder g("constants", {1, 4});
  const NodeIndex table = g.constant_tensor("table", {4}, false);
  const NodeIndex token = g.constant_tensor("token", {4}, true);
  const NodeIndex sum = g.binary(Op::add, "sum", table, token);
  const Graph graph = std::move(g).finish(g.binary(Op::mul, "out", g.input(), sum));
  EXPECT_THROW(static_cast<void>(initialise(graph, 1)), Error);
  Weights known;
  known["table/value"] = Tensor({4}, 1.0F);
  EXPECT_NE(initialise(graph, 1, known).at("token/value").values[0], 0.0F);
}

}  // namespace
}  // namespace wbs::networks
