#include "datasets/open_dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "datasets/archive.hpp"
#include "datasets/embedded.hpp"
#include "datasets/files.hpp"
#include "datasets/image_list.hpp"

namespace wbs::datasets {
namespace fs = std::filesystem;
namespace {

using Opened = std::unique_ptr<Dataset>;

bool is_archive_name(std::string_view name) {
  return name.ends_with(".tar") || name.ends_with(".tar.gz") || name.ends_with(".tgz");
}

/// Folders of the first two levels below a root, as "train", "cifar10/train".
using Folders = std::set<std::string>;

Folders folders_in(const fs::path& root, int levels = 2) {
  Folders folders;
  std::error_code code;
  for (fs::directory_iterator entry(root, code); !code && entry != fs::directory_iterator();
       entry.increment(code)) {
    std::error_code status;
    const std::string name = entry->path().filename().string();
    if (!entry->is_directory(status) || name.starts_with('.')) continue;
    folders.insert(name);
    if (levels < 2) continue;
    for (const std::string& inner : folders_in(entry->path(), levels - 1)) {
      folders.insert(fmt::format("{}/{}", name, inner));
    }
  }
  return folders;
}

Folders folders_in_archive(const std::string& path) {
  Folders folders;
  for_each_member(
      path, 0,
      [&folders](std::string_view name) {
        const std::size_t first = name.find('/');
        if (first == std::string_view::npos || name.starts_with('.')) return false;
        folders.emplace(name.substr(0, first));
        const std::size_t second = name.find('/', first + 1);
        if (second != std::string_view::npos) folders.emplace(name.substr(0, second));
        return false;
      },
      [](std::string_view, const std::string&) {});
  return folders;
}

/// Where a root's splits lie; empty: nowhere.
struct Parts {
  std::string train;
  std::string test;
};

Parts parts_below(const Folders& folders, const std::string& prefix) {
  Parts parts;
  if (folders.contains(prefix + "train")) parts.train = prefix + "train";
  for (const char* name : {"validation", "val", "test"}) {
    if (folders.contains(prefix + name)) parts.test = prefix + name;
  }
  return parts;
}

/// At the root, or in its only folder.
Parts find_parts(const Folders& folders) {
  Parts parts = parts_below(folders, "");
  if (!parts.train.empty() || !parts.test.empty()) return parts;
  const auto is_top = [](const std::string& name) { return name.find('/') == std::string::npos; };
  if (std::ranges::count_if(folders, is_top) != 1) return parts;
  return parts_below(folders, *folders.begin() + "/");
}

/// Refuses what cannot work, before any training starts.
void check_list(const ImageList& list) {
  for (std::int64_t i = 0; i < list.size(); ++i) {
    if (list[i].label < 0) {
      throw Error(ErrorKind::input, fmt::format("{}: lies in no class folder", list.place(i)));
    }
    const std::string& name = list[i].name;
    const bool png = name.ends_with("png") || name.ends_with("PNG");
    // Without the library this says which package is missing.
    if (png ? !reads_png() : !reads_jpeg()) static_cast<void>(list.image(i));
  }
}

Opened open_images(const std::string& path, const Parts& parts, Split split) {
  const bool train = split == Split::train;
  ImageListOptions options;
  options.below = train ? parts.train : parts.test;
  // Both splits number the classes that either has.
  options.classes_below = train ? parts.test : parts.train;
  options.limit_bytes = kLargestStoredBytes;
  if (options.below.empty()) {
    throw Error(ErrorKind::input, fmt::format("{}: has no folder {} with <class>/<image>", path,
                                              train ? "train" : "test, val or validation"));
  }
  auto list = std::make_unique<ImageList>(ImageList::open(path, options));
  check_list(*list);
  return list;
}

Opened open_archive(const std::string& path, Split split) {
  return open_images(path, find_parts(folders_in_archive(path)), split);
}

Opened open_idx(const IdxPair& pair, const fs::path& folder, std::int64_t classes) {
  const auto train = find_idx(folder, Split::train);
  std::int64_t told = idx_classes(train ? train->labels : pair.labels);
  if (classes > 0) told = std::min(told, classes);  // a larger label is then out of range
  return std::make_unique<MemoryDataset>(read_idx(pair, told));
}

std::vector<std::string> archives_in(const fs::path& folder) {
  std::vector<std::string> archives;
  std::error_code code;
  for (fs::directory_iterator entry(folder, code); !code && entry != fs::directory_iterator();
       entry.increment(code)) {
    if (is_archive_name(entry->path().filename().string())) {
      archives.push_back(entry->path().string());
    }
  }
  std::ranges::sort(archives);
  return archives;
}

Opened open_folder(const std::string& path, Split split, std::int64_t classes) {
  if (const auto pair = find_idx(path, split)) return open_idx(*pair, path, classes);
  if (find_idx(path, split == Split::train ? Split::test : Split::train)) {
    throw Error(ErrorKind::input, fmt::format("{}: holds IDX files, but none of the {} split", path,
                                              to_string(split)));
  }
  for (const char* inner : {"", "cifar-10-batches-bin", "cifar-100-binary"}) {
    const fs::path folder = *inner == '\0' ? fs::path(path) : fs::path(path) / inner;
    if (holds_cifar(folder)) return std::make_unique<MemoryDataset>(read_cifar(folder, split));
  }
  const Parts parts = find_parts(folders_in(path));
  if (!parts.train.empty() || !parts.test.empty()) return open_images(path, parts, split);
  const std::vector<std::string> archives = archives_in(path);
  if (archives.size() == 1) return open_archive(archives.front(), split);
  if (archives.size() > 1) {
    throw Error(ErrorKind::input,
                fmt::format("{}: holds {} archives: name one of them", path, archives.size()));
  }
  throw Error(ErrorKind::input,
              fmt::format("{}: holds no data set: looked for IDX files "
                          "(train-images-idx3-ubyte[.gz], t10k-...), CIFAR's binary files "
                          "(data_batch_1.bin, train.bin), folders train/<class> and test/<class> "
                          "of .jpg or .png images, and one .tar, .tar.gz or .tgz of such folders",
                          path));
}

Opened open(const std::string& source, Split split, std::int64_t classes) {
  if (source == "embedded") return std::make_unique<MemoryDataset>(embedded_dataset(split));
  std::error_code code;
  const fs::file_status status = fs::status(source, code);
  if (!fs::exists(status)) {
    throw Error(ErrorKind::input,
                fmt::format("data set '{}': no such file or folder, and not 'embedded'", source));
  }
  if (fs::is_directory(status)) return open_folder(source, split, classes);
  if (is_archive_name(source)) return open_archive(source, split);
  throw Error(ErrorKind::input,
              fmt::format("{}: a data set is 'embedded', a folder, or a .tar, .tar.gz or .tgz "
                          "archive; of IDX and CIFAR files name the folder",
                          source));
}

}  // namespace

std::unique_ptr<Dataset> open_dataset(const std::string& source, Split split,
                                      std::int64_t classes) {
  Opened data = open(source, split, classes);
  const auto found = static_cast<std::int64_t>(data->classes().size());
  if (classes > 0 && found != classes) {
    throw Error(ErrorKind::input, fmt::format("{}: has {} classes, {} were asked for",
                                              data->source(), found, classes));
  }
  return data;
}

}  // namespace wbs::datasets
