// Files and folders, made where the tests run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace wbs::datasets {

using Files = std::vector<std::pair<std::string, std::string>>;  ///< name, bytes

/// A folder tree of `files`.
void write_folder(const std::filesystem::path& path, const Files& files);

/// The bytes, gzip-compressed.
[[nodiscard]] std::string gzipped(const std::string& bytes);

[[nodiscard]] std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, const std::string& bytes);

/// A folder of its own that is gone when the test ends.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const {
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace wbs::datasets
