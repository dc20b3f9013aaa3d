// The stored networks and images that WBS_DATA_DIR names, and what they must agree on.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace wbs::networks {

/// Skips its tests, saying why, where the files are absent.
class StoredFiles : public ::testing::Test {
 protected:
  void SetUp() override;
  [[nodiscard]] std::string file(const std::string& name) const {
    return (folder_ / name).string();
  }

  /// ResNet-50 gives `count` sample images their reference class and logit (to 0.02).
  void expect_reference_predictions(std::size_t count) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace wbs::networks
