// The stored ResNet-50 gives sample images their reference classes, by the reference interpreter.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "core/text.hpp"
#include "datasets/loader.hpp"
#include "networks/interpreter.hpp"
#include "networks/onnx/importer.hpp"

namespace wbs {
namespace {

struct Reference {
  std::int64_t predicted = -1;
  double logit = 0.0;
};

std::map<std::string, Reference> read_references(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);  // column names
  std::map<std::string, Reference> references;
  while (std::getline(file, line)) {
    const auto cells = split(trim(line), ',');
    references[std::string(cells.at(0))] = {parse_integer(cells.at(2)).value(),
                                            parse_number(cells.at(3)).value()};
  }
  return references;
}

TEST(ReferencePredictions, ResNet50GivesTwentyImagesTheirClassAndLogit) {
  const char* root = std::getenv("WBS_DATA_DIR");
  if (root == nullptr) GTEST_SKIP() << "WBS_DATA_DIR is not set: no network and no images to read";
  std::filesystem::path folder(root);
  if (!std::filesystem::exists(folder / "resnet50-imagenet")) folder /= "data";
  if (!std::filesystem::exists(folder / "resnet50-imagenet")) {
    GTEST_SKIP() << "WBS_DATA_DIR (" << root << ") holds no folder resnet50-imagenet";
  }
  const auto references = read_references(folder / "resnet50-imagenet/reference_top1.csv");
  const auto network = networks::import_onnx(folder / "resnet50-imagenet/resnet50.onnx.gz");
  const auto list = datasets::ImageList::open(folder / "imagenet-samples/imagenet-samples.tar");
  datasets::LoaderOptions options;
  for (std::int64_t i = 0; i < 20; ++i) options.indices.push_back(i * list.size() / 20);
  datasets::Loader loader(list, options);
  while (const auto batch = loader.next()) {
    const std::string& name = list[batch->indices[0]].name;
    const Reference& reference = references.at(name);
    const Tensor logits = networks::interpret(network.graph, network.weights, batch->images);
    const auto best = std::ranges::max_element(logits.values);
    EXPECT_EQ(best - logits.values.begin(), reference.predicted) << name;
    EXPECT_NEAR(*best, reference.logit, 2e-2) << name;
  }
}

}  // namespace
}  // namespace wbs
