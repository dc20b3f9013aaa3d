// What the exporter writes, the importer gives back: structure, names and every weight bit.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/error.hpp"
#include "networks/interpreter.hpp"
#include "networks/onnx/exporter.hpp"
#include "networks/onnx/importer.hpp"
#include "networks/onnx/tests/test_networks.hpp"
#include "networks/shape_inference.hpp"
#include "networks/zoo.hpp"

namespace wbs::networks {
namespace {

void expect_same(const Graph& actual, const Graph& expected) {
  EXPECT_EQ(actual.name, expected.name);
  EXPECT_EQ(actual.output, expected.output);
  ASSERT_EQ(actual.nodes.size(), expected.nodes.size());
  for (std::size_t i = 0; i < expected.nodes.size(); ++i) {
    const Node& a = actual.nodes[i];
    const Node& e = expected.nodes[i];
    EXPECT_EQ(a.name, e.name);
    EXPECT_EQ(op_name(a.op), op_name(e.op)) << e.name;
    EXPECT_EQ(a.inputs, e.inputs) << e.name;
    EXPECT_TRUE(a.attributes == e.attributes) << e.name;
    EXPECT_EQ(a.weight_shapes, e.weight_shapes) << e.name;
    EXPECT_EQ(a.output_shape, e.output_shape) << e.name;
  }
}

void expect_same(const Weights& actual, const Weights& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (const auto& [key, tensor] : expected) {
    ASSERT_TRUE(actual.contains(key)) << key;
    EXPECT_EQ(actual.at(key).shape, tensor.shape) << key;
    EXPECT_EQ(actual.at(key).values, tensor.values) << key;
  }
}

void expect_round_trip(const Graph& graph, std::int64_t opset) {
  const Weights weights = seeded_weights(graph);
  const ImportedNetwork back =
      import_onnx_bytes(export_onnx_bytes(graph, weights, {.opset = opset}), "round-trip.onnx");
  EXPECT_EQ(back.opset, opset);
  expect_same(back.graph, graph);
  expect_same(back.weights, weights);
}

TEST(OnnxRoundTrip, EveryOperatorComesBackInEveryOpset) {
  for (std::int64_t opset = 11; opset <= 17; ++opset) {
    SCOPED_TRACE(opset);
    expect_round_trip(image_operators(), opset);
    expect_round_trip(sequence_operators(), opset);
  }
}

TEST(OnnxRoundTrip, EveryOperatorComputesTheSameBits) {
  for (const Graph& graph : {image_operators(), sequence_operators()}) {
    const Weights weights = seeded_weights(graph);
    Tensor input(graph.nodes[0].output_shape);
    Rng rng(3);
    rng.fill_normal(input.values, 0.0F, 1.0F);
    const Tensor expected = interpret(graph, weights, input);
    for (const std::int64_t opset : {11, 13, 17}) {
      const ImportedNetwork back =
          import_onnx_bytes(export_onnx_bytes(graph, weights, {.opset = opset}), "round-trip.onnx");
      EXPECT_EQ(interpret(back.graph, back.weights, input).values, expected.values) << opset;
    }
  }
}

TEST(OnnxRoundTrip, SmallZooNetworksComeBack) {
  for (const char* name : {"resnet20", "mobilenet_v2", "squeezenet1_1", "vit_tiny"}) {
    SCOPED_TRACE(name);
    expect_round_trip(build_network(name), 13);
  }
}

TEST(OnnxRoundTrip, AnImportedFileIsWrittenAndReadAgain) {
  const Graph graph = image_operators();
  const Weights weights = seeded_weights(graph);
  const std::string first = export_onnx_bytes(graph, weights);
  const ImportedNetwork once = import_onnx_bytes(first, "a.onnx");
  EXPECT_EQ(export_onnx_bytes(once.graph, once.weights), first);
}

TEST(OnnxExport, SoftmaxOverAnInnerAxisNeedsOpset13) {
  GraphBuilder g("net", {1, 2, 3});
  const Graph graph = std::move(g).finish(g.softmax("inner", g.input(), 1));
  expect_round_trip(graph, 13);
  EXPECT_THROW(static_cast<void>(export_onnx_bytes(graph, {}, {.opset = 12})), Error);
}

TEST(OnnxExport, UnknownOpsetsAreRefused) {
  for (const std::int64_t opset : {10, 18}) {
    EXPECT_THROW(static_cast<void>(export_onnx_bytes(
                     image_operators(), seeded_weights(image_operators()), {.opset = opset})),
                 Error);
  }
}

TEST(OnnxExport, MissingWeightIsNamed) {
  const Graph graph = image_operators();
  Weights weights = seeded_weights(graph);
  weights.erase("fc/bias");
  try {
    static_cast<void>(export_onnx_bytes(graph, weights));
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("fc"), std::string::npos);
  }
}

class Folder : public ::testing::Test {
 protected:
  Folder()
      : path_(std::filesystem::path(::testing::TempDir()) /
              fmt::format("wbs_onnx_export_{}", ::getpid())) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() override { std::filesystem::remove_all(path_); }
  std::string file(const char* name) const { return (path_ / name).string(); }
  std::size_t file_count() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }
  std::filesystem::path path_;
};

using OnnxExportToFile = Folder;

TEST_F(OnnxExportToFile, ReplacesTheFileAndLeavesNothingElse) {
  const Graph graph = image_operators();
  std::ofstream(file("net.onnx")) << "old";
  export_onnx(graph, seeded_weights(graph), file("net.onnx"));
  expect_same(import_onnx(file("net.onnx")).graph, graph);
  EXPECT_EQ(file_count(), 1U);
}

TEST_F(OnnxExportToFile, FailureLeavesTheOldFile) {
  const Graph graph = image_operators();
  std::ofstream(file("net.onnx")) << "old";
  EXPECT_THROW(export_onnx(graph, {}, file("net.onnx")), Error);
  std::string content;
  std::ifstream(file("net.onnx")) >> content;
  EXPECT_EQ(content, "old");
  EXPECT_EQ(file_count(), 1U);
}

TEST_F(OnnxExportToFile, FullDeviceAndMissingFolderAreErrorsThatNameThePath) {
  const Graph graph = image_operators();
  const Weights weights = seeded_weights(graph);
  for (const std::string& path : {file("missing/net.onnx"), std::string("/proc/net.onnx")}) {
    try {
      export_onnx(graph, weights, path);
      FAIL() << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::io);
      EXPECT_NE(std::string(error.what()).find(path), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace wbs::networks
