#include "networks/onnx/tests/stored_files.hpp"

#include <cstdlib>

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

}  // namespace wbs::networks
