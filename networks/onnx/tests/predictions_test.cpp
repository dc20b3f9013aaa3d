// ResNet-50's classes on more of the sample images than the quick tests take.
#include "networks/onnx/tests/stored_files.hpp"

namespace wbs::networks {
namespace {

using OnnxPredictions = StoredFiles;

TEST_F(OnnxPredictions, ResNet50PredictsTwentyReferenceClasses) {
  expect_reference_predictions(20);
}

}  // namespace
}  // namespace wbs::networks
