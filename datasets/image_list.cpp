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
  return lower.ends_with(".jpg") || lower.ends_with(".jpeg") || lower.ends_with(".png");
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

/// What a root holds of interest.
struct Contents {
  std::vector<std::string> names;   // of images, relative to the part, ascending
  std::vector<std::string> stored;  // an archive's files, in the same order
  std::set<std::string> folders;    // names of folders that hold images: the classes
};

void add_folder(Contents& contents, std::string_view name) {
  if (const std::string_view folder = folder_of(name); !folder.empty()) {
    contents.folders.emplace(folder);
  }
}

Contents read_folder(const std::string& path, const ImageListOptions& options) {
  Contents contents;
  contents.names = names_in_folder(fs::path(path) / options.below);
  for (const std::string& name : contents.names) add_folder(contents, name);
  if (options.classes_below.empty()) return contents;
  for (const std::string& name : names_in_folder(fs::path(path) / options.classes_below)) {
    add_folder(contents, name);
  }
  return contents;
}

Contents read_archive(const std::string& path, const ImageListOptions& options) {
  Contents contents;
  std::map<std::string, std::string> files;
  for_each_member(
      path, options.limit_bytes,
      [&options, &contents](std::string_view name) {
        const auto other = relative(name, options.classes_below);
        if (!options.classes_below.empty() && other && is_image_name(*other)) {
          add_folder(contents, *other);
        }
        const auto rest = relative(name, options.below);
        return rest && is_image_name(*rest);
      },
      [&files, &options](std::string_view name, std::string bytes) {
        files.insert_or_assign(std::string(*relative(name, options.below)), std::move(bytes));
      });
  for (auto& [name, bytes] : files) {
    add_folder(contents, name);
    contents.names.push_back(name);
    contents.stored.push_back(std::move(bytes));
  }
  return contents;
}

void remove_final_slashes(std::string& folder) {
  while (folder.ends_with('/')) folder.pop_back();
}

}  // namespace

ImageList ImageList::open(const std::string& path, std::string_view below) {
  return open(path, ImageListOptions{.below = std::string(below)});
}

ImageList ImageList::open(const std::string& path, const ImageListOptions& given) {
  ImageListOptions options = given;
  remove_final_slashes(options.below);
  remove_final_slashes(options.classes_below);
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (!fs::exists(status)) {
    throw Error(ErrorKind::input, fmt::format("{}: no such file or folder", path));
  }
  Contents contents =
      fs::is_directory(status) ? read_folder(path, options) : read_archive(path, options);
  if (contents.names.empty()) {
    const std::string where =
        options.below.empty() ? path : fmt::format("{}: {}", path, options.below);
    throw Error(ErrorKind::input, fmt::format("{}: holds no .jpg, .jpeg or .png file", where));
  }
  ImageList list;
  list.path_ = path;
  list.below_ = options.below;
  list.classes_.assign(contents.folders.begin(), contents.folders.end());
  list.stored_ = std::move(contents.stored);
  for (std::string& name : contents.names) {
    const std::string_view folder = folder_of(name);
    const auto rank =
        std::distance(list.classes_.begin(), std::ranges::lower_bound(list.classes_, folder));
    const std::int64_t label = folder.empty() ? -1 : static_cast<std::int64_t>(rank);
    list.entries_.push_back({std::move(name), label});
  }
  return list;
}

Image ImageList::image(std::int64_t index) const {
  return decode_image(bytes(index), place(index));
}

ImageShape ImageList::shape() const {
  constexpr std::int64_t kTried = 100;
  for (std::int64_t i = 0; i < std::min(kTried, size()); ++i) {
    try {
      const Image first = image(i);
      return {first.height, first.width, first.channels, false};
    } catch (const Error&) {
      continue;
    }
  }
  const Image first = image(0);  // throws
  return {first.height, first.width, first.channels, false};
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
