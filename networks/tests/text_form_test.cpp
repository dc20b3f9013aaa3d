#include "networks/text_form.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "networks/graph_builder.hpp"
#include "networks/zoo.hpp"

namespace wbs::networks {
namespace {

void expect_equal(const Graph& left, const Graph& right) {
  EXPECT_EQ(left.name, right.name);
  EXPECT_EQ(left.output, right.output);
  ASSERT_EQ(left.nodes.size(), right.nodes.size());
  for (std::size_t index = 0; index < left.nodes.size(); ++index) {
    const Node& l = left.nodes[index];
    const Node& r = right.nodes[index];
    EXPECT_EQ(l.name, r.name);
    EXPECT_EQ(l.op, r.op) << l.name;
    EXPECT_EQ(l.inputs, r.inputs) << l.name;
    EXPECT_EQ(l.attributes, r.attributes) << l.name;
    EXPECT_EQ(l.weight_shapes, r.weight_shapes) << l.name;
    EXPECT_EQ(l.output_shape, r.output_shape) << l.name;
  }
}

Graph read_back(const Graph& graph) {
  Result<Graph> read = parse_graph(print_graph(graph));
  EXPECT_TRUE(read.has_value()) << read.error();
  return read.value_or(Graph{});
}

std::string refusal_of(std::string_view text) {
  const Result<Graph> read = parse_graph(text);
  return read ? "no refusal" : read.error();
}

TEST(TextForm, EveryZooNetworkReadsBackEqual) {
  for (const NetworkInfo& info : networks()) {
    const Graph graph = build_network(info.name);
    expect_equal(graph, read_back(graph));
  }
}

TEST(TextForm, IsAsDocumented) {
  GraphBuilder g("tiny", {1, 3, 8, 8});
  const NodeIndex conv =
      g.conv("conv1", g.input(), {.channels = 4, .kernel = {3, 3}, .padding = same_padding(1)});
  const Graph graph = std::move(g).finish(conv);
  EXPECT_EQ(print_graph(graph),
            "network tiny\n"
            "input = input() shape=1,3,8,8 -> 1x3x8x8\n"
            "conv1 = conv(input) kernel=3x3 padding=1,1,1,1 weight:4x3x3x3 -> 1x4x8x8\n"
            "output conv1\n");
}

TEST(TextForm, UnusualNamesAndValuesReadBackEqual) {
  GraphBuilder g("a \"net\"\nwork", {1, 2, 4, 4}, "output");
  NodeIndex x = g.clip("net = work()", g.input(), -0.1, std::numeric_limits<double>::infinity());
  x = g.clip("# \\x\t", x, -std::numeric_limits<double>::infinity(), 1e-30);
  x = g.slice("\xc3\xa9", x, {.axis = 3, .begin = 1});
  x = g.pad("network", x, {0, 0, 1, 2, 0, 0, 3, 0});
  x = g.batch_norm("bn", x, 1e-3);
  x = g.reduce_mean("mean", x, {2, 3}, false);
  x = g.binary(Op::mul, "->", x, g.constant("pi", 3.14159265358979));
  const Graph graph = std::move(g).finish(x);
  expect_equal(graph, read_back(graph));
}

TEST(TextForm, ShapesAndCommentsMayBeLeftToInference) {
  const Result<Graph> graph = parse_graph(
      "# a comment\r\n\r\nnetwork n\r\nx = input() shape=2,6\r\n"
      "y=linear( x ) weight:3x6\r\n\r\noutput y\r\n");
  ASSERT_TRUE(graph.has_value()) << graph.error();
  EXPECT_EQ(graph->nodes[1].output_shape, (Shape{2, 3}));
}

TEST(TextForm, ErrorsNameTheLine) {
  const std::string head = "network n\nx = input() shape=1,2,4,4\n";
  const auto starts = [](const char* text) { return testing::StartsWith(text); };
  EXPECT_THAT(refusal_of(""), testing::HasSubstr("output NAME"));
  EXPECT_THAT(refusal_of("graph n\n"), starts("line 1: expected 'network NAME'"));
  EXPECT_THAT(refusal_of(head), testing::HasSubstr("'output NAME' is missing"));
  EXPECT_THAT(refusal_of(head + "output y\n"), starts("line 3: no earlier node is called y"));
  EXPECT_THAT(refusal_of(head + "y = rely(x)\n"), starts("line 3: 'rely' is no operator"));
  EXPECT_THAT(refusal_of(head + "y = relu(z)\n"), starts("line 3: no earlier node is called z"));
  EXPECT_THAT(refusal_of(head + "y = relu(x\n"), starts("line 3: expected ','"));
  EXPECT_THAT(refusal_of(head + "x = relu(x)\n"), starts("line 3: a second node is called x"));
  EXPECT_THAT(refusal_of(head + "y = input() shape=1\n"), starts("line 3: the first node"));
  EXPECT_THAT(refusal_of("network n\ny = relu()\n"), starts("line 2: the first node"));
  EXPECT_THAT(refusal_of(head + "y = relu(x) colour=1\n"), starts("line 3: 'colour' is no attrib"));
  EXPECT_THAT(refusal_of(head + "y = max_pool(x) kernel=2\n"), starts("line 3: '2' must be two"));
  EXPECT_THAT(refusal_of(head + "y = softmax(x) axis=one\n"),
              starts("line 3: 'one' is no integer"));
  EXPECT_THAT(refusal_of(head + "y = softmax(x) axis=9\n"),
              starts("line 3: network 'n': softmax 'y': axis 9"));
  EXPECT_THAT(refusal_of(head + "y = relu(x) -> 1x2\n"), starts("line 3: the shape is 1x2, but"));
  EXPECT_THAT(refusal_of(head + "\"y = relu(x)\n"), starts("line 3: a quoted name does not end"));
  EXPECT_THAT(refusal_of(head + "\"\\q\" = relu(x)\n"), starts("line 3: an escape"));
  EXPECT_THAT(refusal_of(head + "output x\ny = relu(x)\n"), starts("line 4: nothing may follow"));
}

TEST(TextForm, EveryCutOfATextIsAGraphOrARefusal) {
  const std::string text = print_graph(build_network("resnet9"));
  for (std::size_t length = 0; length < text.size(); ++length) {
    const Result<Graph> read = parse_graph(std::string_view(text).substr(0, length));
    EXPECT_TRUE(!read || length + 1 == text.size()) << length;
  }
}

}  // namespace
}  // namespace wbs::networks
