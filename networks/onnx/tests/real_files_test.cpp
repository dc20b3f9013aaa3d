// The stored networks: they import, are the networks that the zoo knows, and compute what they
// computed where they came from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "core/npy.hpp"
#include "networks/cost.hpp"
#include "networks/interpreter.hpp"
#include "networks/onnx/exporter.hpp"
#include "networks/onnx/importer.hpp"
#include "networks/onnx/tests/image_samples.hpp"
#include "networks/zoo.hpp"

namespace wbs::networks {
namespace {

class OnnxRealFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("WBS_DATA_DIR");
    if (folder == nullptr) GTEST_SKIP() << "WBS_DATA_DIR is not set: no stored networks to read";
    folder_ = folder;
    if (!std::filesystem::exists(folder_ / "resnet50-imagenet")) folder_ /= "data";
    if (!std::filesystem::exists(folder_ / "resnet50-imagenet")) {
      GTEST_SKIP() << "WBS_DATA_DIR holds no resnet50-imagenet folder";
    }
  }
  std::string file(const char* name) const { return (folder_ / name).string(); }

  std::filesystem::path folder_;
};

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

/// WBS_SAMPLE_IMAGES says how many; the full test run uses more than the quick one.
TEST_F(OnnxRealFiles, ResNet50PredictsTheReferenceClasses) {
  const ImportedNetwork network = import_onnx(file("resnet50-imagenet/resnet50.onnx.gz"));
  const auto references =
      sampled_references(file("resnet50-imagenet/reference_top1.csv"), WBS_SAMPLE_IMAGES);
  std::vector<std::string> names;
  for (const ReferencePrediction& reference : references) names.push_back(reference.image);
  const auto images = read_from_tar(file("imagenet-samples/imagenet-samples.tar"), names);
  for (const ReferencePrediction& reference : references) {
    const Tensor logits =
        interpret(network.graph, network.weights, preprocessed_jpeg(images.at(reference.image)));
    const auto best = std::max_element(logits.values.begin(), logits.values.end());
    EXPECT_EQ(best - logits.values.begin(), reference.predicted) << reference.image;
    EXPECT_NEAR(*best, reference.logit, 2e-2) << reference.image;
  }
}

}  // namespace
}  // namespace wbs::networks
