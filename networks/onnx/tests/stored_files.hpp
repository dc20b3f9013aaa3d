// The stored networks that WBS_DATA_DIR names.
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

 private:
  std::filesystem::path folder_;
};

}  // namespace wbs::networks
