// The stored networks: they import, are the networks that the zoo knows, and compute what they
// computed where they came from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/npy.hpp"
#include "networks/cost.hpp"
#include "networks/interpreter.hpp"
#include "networks/onnx/exporter.hpp"
#include "networks/onnx/importer.hpp"
#include "networks/onnx/tests/stored_files.hpp"
#include "networks/zoo.hpp"

namespace wbs::networks {
namespace {

using OnnxRealFiles = StoredFiles;

std::vector<std::string> weight_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes) {
    for (const auto& [role, shape] : node.weight_shapes) {
      names.push_back(weight_key(node, role) + " " + to_string(shape));
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST_F(OnnxRealFiles, WeightsHaveTheNamesAndShapesOfTheZoo) {
  constexpr std::pair<const char*, const char*> kNetworks[] = {
      {"resnet50-imagenet/resnet50.onnx.gz", "resnet50"},
      {"cifar10-nets/resnet20.onnx", "resnet20"},
      {"cifar10-nets/resnet56.onnx", "resnet56"},
      {"squeezenet1.1-imagenet/squeezenet1.1.onnx", "squeezenet1_1"}};
  for (const auto& [path, name] : kNetworks) {
    const ImportedNetwork network = import_onnx(file(path));
    const Graph zoo = build_network(name);
    EXPECT_EQ(weight_names(network.graph), weight_names(zoo)) << path;
    EXPECT_NO_THROW(check_weights(zoo, network.weights)) << path;
    EXPECT_EQ(cost_of(network.graph).total.parameters, cost_of(zoo).total.parameters) << path;
    EXPECT_EQ(cost_of(network.graph).total.macs, cost_of(zoo).total.macs) << path;
  }
}

TEST_F(OnnxRealFiles, ResNet50HasItsParameters) {
  const ImportedNetwork network = import_onnx(file("resnet50-imagenet/resnet50.onnx.gz"));
  EXPECT_EQ(network.opset, 13);
  EXPECT_EQ(network.producer, "pytorch 1.13.0");
  EXPECT_EQ(network.graph.name, "resnet50");
  EXPECT_EQ(cost_of(network.graph).total.parameters, 25'557'032);
}

TEST_F(OnnxRealFiles, SqueezeNetComputesItsStoredOutputs) {
  const ImportedNetwork network = import_onnx(file("squeezenet1.1-imagenet/squeezenet1.1.onnx"));
  for (const char* test : {"test0", "test1", "test2"}) {
    const std::string base = file("squeezenet1.1-imagenet/") + test;
    const Tensor output = interpret(network.graph, network.weights, read_npy(base + "_input.npy"));
    EXPECT_THAT(output.values, ::testing::Pointwise(::testing::FloatNear(1e-3F),
                                                    read_npy(base + "_output.npy").values))
        << test;
  }
}

TEST_F(OnnxRealFiles, ZooSqueezeNetWithTheseWeightsComputesTheSame) {
  const ImportedNetwork network = import_onnx(file("squeezenet1.1-imagenet/squeezenet1.1.onnx"));
  const std::string base = file("squeezenet1.1-imagenet/test0");
  const Tensor output =
      interpret(build_network("squeezenet1_1"), network.weights, read_npy(base + "_input.npy"));
  EXPECT_THAT(output.values, ::testing::Pointwise(::testing::FloatNear(1e-3F),
                                                  read_npy(base + "_output.npy").values));
}

TEST_F(OnnxRealFiles, ExportedSqueezeNetComputesTheSameBits) {
  const ImportedNetwork network = import_onnx(file("squeezenet1.1-imagenet/squeezenet1.1.onnx"));
  const ImportedNetwork back =
      import_onnx_bytes(export_onnx_bytes(network.graph, network.weights), "exported.onnx");
  const Tensor input = read_npy(file("squeezenet1.1-imagenet/test0_input.npy"));
  EXPECT_EQ(interpret(back.graph, back.weights, input).values,
            interpret(network.graph, network.weights, input).values);
}

}  // namespace
}  // namespace wbs::networks
