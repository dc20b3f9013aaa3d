#include "datasets/tests/fixtures.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <system_error>

namespace wbs::datasets {

std::string gzipped(const std::string& bytes) {
  const TemporaryFolder folder;
  const std::string path = folder / "packed.gz";
  gzFile file = ::gzopen(path.c_str(), "wb");
  (void)::gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  (void)::gzclose(file);
  return read_file(path);
}

void write_folder(const std::filesystem::path& path, const Files& files) {
  for (const auto& [name, bytes] : files) {
    std::filesystem::create_directories((path / name).parent_path());
    write_file(path / name, bytes);
  }
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

TemporaryFolder::TemporaryFolder() {
  static std::atomic<int> count{0};
  path_ = std::filesystem::temp_directory_path() /
          fmt::format("wbs_datasets_{}_{}", ::getpid(), count.fetch_add(1));
  std::filesystem::create_directories(path_);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace wbs::datasets
