// Small JPEG files, folders and archives, made where the tests run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace wbs::datasets {

struct JpegPlan {
  std::int64_t height = 16;
  std::int64_t width = 16;
  int channels = 3;  ///< 1: grey, 3: RGB, 4: CMYK
};

/// A JPEG of quality 100 without chroma subsampling whose pixel (y, x, c) is
/// (`base` + 2 * x + y + 20 * c) % 256.
[[nodiscard]] std::string make_jpeg(const JpegPlan& plan, int base = 40);

using Files = std::vector<std::pair<std::string, std::string>>;  ///< name, bytes

/// A tar of `files` at `path`, gzip-compressed if asked.
void write_tar(const std::filesystem::path& path, const Files& files, bool gzip = false);

/// The same as a folder tree.
void write_folder(const std::filesystem::path& path, const Files& files);

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
