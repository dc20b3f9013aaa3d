// The integer network of the stored ResNet-50 gives sample images the classes of the fp32 one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "datasets/loader.hpp"
#include "networks/int8_network.hpp"
#include "networks/interpreter.hpp"
#include "networks/onnx/importer.hpp"
#include "networks/reference_scales.hpp"

namespace wbs {
namespace {

/// `count` images spread over the list, from the one at `offset`.
std::vector<Tensor> load(const datasets::ImageList& list, std::int64_t count, std::int64_t offset) {
  datasets::LoaderOptions options;
  for (std::int64_t i = 0; i < count; ++i) {
    options.indices.push_back(i * list.size() / count + offset);
  }
  datasets::Loader loader(list, options);
  std::vector<Tensor> images;
  while (const auto batch = loader.next()) images.push_back(batch->images);
  return images;
}

std::ptrdiff_t best_class(const std::vector<std::uint8_t>& logits) {
  const auto best = std::ranges::max_element(
      logits, {}, [](std::uint8_t byte) { return static_cast<std::int8_t>(byte); });
  return best - logits.begin();
}

TEST(Int8Agreement, ResNet50GivesMostOfTwentyImagesTheirClass) {
  const char* root = std::getenv("WBS_DATA_DIR");
  if (root == nullptr) GTEST_SKIP() << "WBS_DATA_DIR is not set: no network and no images to read";
  const std::filesystem::path folder(root);
  if (!std::filesystem::exists(folder / "resnet50-imagenet")) {
    GTEST_SKIP() << "WBS_DATA_DIR (" << root << ") holds no folder resnet50-imagenet";
  }
  const auto file = networks::import_onnx(folder / "resnet50-imagenet/resnet50.onnx.gz");
  const auto list = datasets::ImageList::open(folder / "imagenet-samples/imagenet-samples.tar");
  const networks::Quantisation scales = networks::reference_scales(
      file.graph, file.weights, load(list, 8, 7), {.method = networks::RangeMethod::percentile});
  const networks::Int8Network network = networks::to_int8(file.graph, file.weights, scales);
  int agreements = 0;
  for (const Tensor& image : load(list, 20, 0)) {
    const Tensor logits = networks::interpret(file.graph, file.weights, image);
    const auto exact = std::ranges::max_element(logits.values) - logits.values.begin();
    const auto results = networks::interpret(network, networks::quantise_image(network, image));
    agreements += static_cast<int>(best_class(results[network.output]) == exact);
  }
  RecordProperty("agreements", agreements);
  EXPECT_GE(agreements, 17);
}

}  // namespace
}  // namespace wbs
