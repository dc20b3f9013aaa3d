// The stored ResNet-50 as an AIE2 program: sample images get the classes that the 8-bit executor of
// the CPU gives them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "aie_model/machine/machine.hpp"
#include "compiler/codegen/generate.hpp"
#include "datasets/loader.hpp"
#include "networks/int8_network.hpp"
#include "networks/onnx/importer.hpp"
#include "runtime/calibrate.hpp"
#include "runtime/executor.hpp"

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

/// The class that the program gives the image on the array.
std::ptrdiff_t class_on_array(const aie::Program& program, const aie::Device& device,
                              std::vector<std::uint8_t> image) {
  aie::RunOptions options;
  options.functional = true;
  const aie::RunResult result =
      aie::run(program, device, options, compiler::to_input_layout(program, std::move(image)));
  EXPECT_FALSE(result.fault) << result.fault->message;
  return best_class(compiler::from_array_layout(program.output, result.output));
}

TEST(ProgramAgreement, ResNet50GivesTwentyImagesTheClassesOfTheExecutor) {
  const char* root = std::getenv("WBS_DATA_DIR");
  if (root == nullptr) GTEST_SKIP() << "WBS_DATA_DIR is not set: no network and no images to read";
  const std::filesystem::path folder(root);
  if (!std::filesystem::exists(folder / "resnet50-imagenet")) {
    GTEST_SKIP() << "WBS_DATA_DIR (" << root << ") holds no folder resnet50-imagenet";
  }
  const auto file = networks::import_onnx(folder / "resnet50-imagenet/resnet50.onnx.gz");
  const auto list = datasets::ImageList::open(folder / "imagenet-samples/imagenet-samples.tar");
  const std::vector<Tensor> calibration = load(list, 32, 7);
  std::size_t next = 0;
  const networks::Quantisation scales = runtime::calibrate(
      file.graph, file.weights, {},
      [&] { return next < calibration.size() ? &calibration[next++] : nullptr; },
      {.method = networks::RangeMethod::maximum, .power_of_two = true}, 2);
  runtime::Executor executor(file.graph, file.weights, {},
                             {.element = kernels::Element::u8, .quantisation = &scales});
  const networks::Int8Network network = networks::to_int8(file.graph, file.weights, scales);
  const aie::Device device = value_or_throw(aie::find_device("npu1"));
  const aie::Program program = compiler::generate(network, device);
  int agreements = 0;
  for (const Tensor& image : load(list, 20, 0)) {
    const Tensor logits = executor.run(image);
    const auto expected = std::ranges::max_element(logits.values) - logits.values.begin();
    const auto found = class_on_array(program, device, networks::quantise_image(network, image));
    agreements += static_cast<int>(found == expected);
  }
  RecordProperty("agreements", agreements);
  EXPECT_EQ(agreements, 20);
}

}  // namespace
}  // namespace wbs
