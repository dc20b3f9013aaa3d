#include "datasets/image_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <system_error>

#include "core/error.hpp"
#include "core/text.hpp"
#include "datasets/archive.hpp"

namespace wbs::datasets {
namespace fs = std::filesystem;
namespace {

bool is_image_name(std::string_view name) {
  for (const std::string_view part : split(name, '/')) {
    if (part.starts_with('.')) return false;
  }
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
  return lower.ends_with(".jpg") || lower.ends_with(".jpeg");
}

/// `name` relative to the folder `below`, or nothing when it is not below it.
std::optional<std::string_view> relative(std::string_view name, std::string_view below) {
  if (below.empty()) return name;
  if (!name.starts_with(below) || name.size() <= below.size() || name[below.size()] != '/') {
    return std::nullopt;
  }
  return name.substr(below.size() + 1);
}

/// The name of the folder that holds the file; empty at the root.
std::string_view folder_of(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  if (slash == std::string_view::npos) return {};
  const std::string_view folder = name.substr(0, slash);
  const std::size_t before = folder.rfind('/');
  return before == std::string_view::npos ? folder : folder.substr(before + 1);
}

std::vector<std::string> names_in_folder(const fs::path& root) {
  std::vector<std::string> names;
  std::error_code code;
  fs::recursive_directory_iterator walk(root, code);
  for (; !code && walk != fs::recursive_directory_iterator(); walk.increment(code)) {
    std::error_code status;
    if (!walk->is_regular_file(status)) continue;
    std::string name = walk->path().lexically_relative(root).generic_string();
    if (is_image_name(name)) names.push_back(std::move(name));
  }
  if (code) {
    throw Error(ErrorKind::io,
                fmt::format("{}: cannot be listed: {}", root.string(), code.message()));
  }
  std::ranges::sort(names);
  return names;
}

std::map<std::string, std::string> files_in_archive(const std::string& path,
                                                    std::string_view below) {
  std::map<std::string, std::string> files;
  for_each_member(
      path, kLargestArchiveBytes,
      [below](std::string_view name) {
        const auto rest = relative(name, below);
        return rest && is_image_name(*rest);
      },
      [&files, below](std::string_view name, std::string bytes) {
        files.insert_or_assign(std::string(*relative(name, below)), std::move(bytes));
      });
  return files;
}

}  // namespace

ImageList ImageList::open(const std::string& path, std::string_view below) {
  while (below.ends_with('/')) below.remove_suffix(1);
  ImageList list;
  list.path_ = path;
  list.below_ = below;
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (!fs::exists(status)) {
    throw Error(ErrorKind::input, fmt::format("{}: no such file or folder", path));
  }
  std::vector<std::string> names;
  if (fs::is_directory(status)) {
    names = names_in_folder(fs::path(path) / below);
  } else {
    for (auto& [name, bytes] : files_in_archive(path, below)) {
      names.push_back(name);
      list.stored_.push_back(std::move(bytes));
    }
  }
  if (names.empty()) {
    const std::string where = below.empty() ? path : fmt::format("{}: {}", path, below);
    throw Error(ErrorKind::input, fmt::format("{}: holds no .jpg or .jpeg file", where));
  }
  std::set<std::string_view> folders;
  for (const std::string& name : names) folders.insert(folder_of(name));
  folders.erase(std::string_view{});
  list.classes_.assign(folders.begin(), folders.end());
  for (std::string& name : names) {
    const std::string_view folder = folder_of(name);
    const auto rank =
        std::distance(list.classes_.begin(), std::ranges::lower_bound(list.classes_, folder));
    const std::int64_t label = folder.empty() ? -1 : static_cast<std::int64_t>(rank);
    list.entries_.push_back({std::move(name), label});
  }
  return list;
}

std::string ImageList::bytes(std::int64_t index) const {
  if (!stored_.empty()) return stored_[static_cast<std::size_t>(index)];
  std::ifstream file(fs::path(path_) / below_ / (*this)[index].name, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(file), {});
  if (!file.good() && !file.eof()) {
    throw Error(ErrorKind::io, fmt::format("{}: cannot be read", place(index)));
  }
  return bytes;
}

std::string ImageList::place(std::int64_t index) const {
  const std::string& name = (*this)[index].name;
  return below_.empty() ? fmt::format("{}: {}", path_, name)
                        : fmt::format("{}: {}/{}", path_, below_, name);
}

}  // namespace wbs::datasets
