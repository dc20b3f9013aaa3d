#include "runtime/peers/dense_network.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/rng.hpp"
#include "networks/graph_builder.hpp"
#include "networks/initialise.hpp"
#include "networks/interpreter.hpp"
#include "networks/zoo.hpp"
#include "runtime/calibrate.hpp"

namespace wbs::runtime::peers {
namespace {

using kernels::Element;

constexpr std::array<std::int64_t, 3> kSmallImage{3, 16, 16};

/// Largest distance from the interpreter, as a share of the largest result; negative when the
/// network is refused.
double distance(const networks::Graph& graph, Element element, bool winograd = false) {
  const networks::Weights weights = networks::initialise(graph, 1);
  Tensor image(graph.nodes[0].output_shape);
  Rng(5, 0).fill_normal(image.values, 0.0F, 1.0F);
  const networks::Quantisation quantisation = nominal_quantisation(graph, weights);
  DenseOptions options;
  options.element = element;
  options.quantisation = &quantisation;
  options.winograd = winograd;
  const auto network = make_dense_network(graph, weights, options);
  if (!network) return -1.0;
  const Tensor expected = networks::interpret(graph, weights, image);
  Tensor got((*network)->output_shape());
  // Twice: the second run finds what the first left in the arena.
  for (int run = 0; run < 2; ++run) (*network)->run(image.values.data(), got.values.data());
  EXPECT_GT((*network)->memory().weight_bytes, 0);
  EXPECT_GT((*network)->memory().arena_bytes, 0);
  double largest = 0.0;
  double apart = 0.0;
  for (std::size_t i = 0; i < got.values.size(); ++i) {
    largest = std::max(largest, static_cast<double>(std::fabs(expected.values[i])));
    apart = std::max(apart, static_cast<double>(std::fabs(got.values[i] - expected.values[i])));
  }
  return apart / largest;
}

bool absent() {
  const networks::Graph graph = networks::build_network("resnet9", {.input = kSmallImage});
  return !make_dense_network(graph, networks::initialise(graph, 1), {});
}

TEST(DenseNetwork, AgreesWithTheInterpreterOnResiduals) {
  if (absent()) GTEST_SKIP() << "no oneDNN";
  const networks::Graph graph = networks::build_network("resnet9", {.input = kSmallImage});
  EXPECT_LT(distance(graph, Element::f32), 1e-4);
  EXPECT_LT(distance(graph, Element::f32, /*winograd=*/true), 1e-3);
  EXPECT_LT(distance(graph, Element::bf16), 0.05);
  EXPECT_LT(distance(graph, Element::u8), 0.2);
}

TEST(DenseNetwork, AgreesWithTheInterpreterOnConcatenations) {
  if (absent()) GTEST_SKIP() << "no oneDNN";
  const networks::Graph graph =
      networks::build_network("squeezenet1_1", {.input = std::array<std::int64_t, 3>{3, 64, 64}});
  EXPECT_LT(distance(graph, Element::f32), 1e-4);
  EXPECT_LT(distance(graph, Element::bf16), 0.05);
  EXPECT_LT(distance(graph, Element::u8), 0.2);
}

TEST(DenseNetwork, NamesTheOperatorThatIsNotPrepared) {
  if (absent()) GTEST_SKIP() << "no oneDNN";
  networks::GraphBuilder builder("odd", {1, 3, 4, 4});
  const networks::NodeIndex x = builder.unary(networks::Op::sigmoid, "squash", builder.input());
  const networks::Graph graph = std::move(builder).finish(x);
  const auto network = make_dense_network(graph, {}, {});
  ASSERT_FALSE(network);
  EXPECT_NE(network.error().find("squash"), std::string::npos) << network.error();
}

}  // namespace
}  // namespace wbs::runtime::peers
