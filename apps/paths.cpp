#include "apps/paths.hpp"

#include <cstdlib>
#include <filesystem>

namespace wbs::apps {

std::string sibling_program(const std::string& name) {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / name).string();
}

std::string resolve_data_path(const std::string& path) {
  if (path.empty() || std::filesystem::exists(path)) return path;
  const char* root = std::getenv("WBS_DATA_DIR");
  if (root == nullptr) return path;
  const std::filesystem::path below = std::filesystem::path(root) / path;
  return std::filesystem::exists(below) ? below.string() : path;
}

}  // namespace wbs::apps
