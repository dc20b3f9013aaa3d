#include "networks/onnx/tests/stored_files.hpp"

#include <algorithm>
#include <cstdlib>

#include "networks/interpreter.hpp"
#include "networks/onnx/importer.hpp"
#include "networks/onnx/tests/image_samples.hpp"

namespace wbs::networks {

void StoredFiles::SetUp() {
  const char* folder = std::getenv("WBS_DATA_DIR");
  if (folder == nullptr) GTEST_SKIP() << "WBS_DATA_DIR is not set: no stored networks to read";
  folder_ = folder;
  if (!std::filesystem::exists(folder_ / "resnet50-imagenet")) folder_ /= "data";
  if (!std::filesystem::exists(folder_ / "resnet50-imagenet")) {
    GTEST_SKIP() << "WBS_DATA_DIR (" << folder << ") holds no folder resnet50-imagenet";
  }
}

void StoredFiles::expect_reference_predictions(std::size_t count) const {
  const ImportedNetwork network = import_onnx(file("resnet50-imagenet/resnet50.onnx.gz"));
  const auto references = sampled_references(file("resnet50-imagenet/reference_top1.csv"), count);
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

}  // namespace wbs::networks
