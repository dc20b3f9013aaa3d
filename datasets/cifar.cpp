#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "core/text.hpp"
#include "datasets/files.hpp"

namespace wbs::datasets {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kSide = 32;
constexpr std::size_t kPlane = kSide * kSide;
constexpr std::size_t kPixels = 3 * kPlane;

/// The two variants: label bytes before the pixels, of which the last counts, and file names.
struct Variant {
  std::size_t label_bytes;
  std::size_t classes;
  const char* names_file;
  std::vector<std::string> train;
  std::vector<std::string> test;
};

Variant cifar10() {
  Variant variant{1, 10, "batches.meta.txt", {}, {"test_batch.bin"}};
  for (int i = 1; i <= 5; ++i) variant.train.push_back(fmt::format("data_batch_{}.bin", i));
  return variant;
}

Variant cifar100() {
  return {2, 100, "fine_label_names.txt", {"train.bin"}, {"test.bin"}};
}

bool any_exists(const fs::path& folder, const Variant& variant) {
  const auto exists = [&folder](const std::string& name) {
    std::error_code code;
    return fs::exists(folder / name, code);
  };
  return std::ranges::any_of(variant.train, exists) || std::ranges::any_of(variant.test, exists);
}

/// One name a line where the file is there and whole, numbers otherwise.
std::vector<std::string> class_names(const fs::path& folder, const Variant& variant) {
  std::vector<std::string> names;
  std::ifstream file(folder / variant.names_file);
  for (std::string line; std::getline(file, line);) {
    if (const std::string_view name = trim(line); !name.empty()) names.emplace_back(name);
  }
  if (names.size() == variant.classes) return names;
  names.clear();
  for (std::size_t i = 0; i < variant.classes; ++i) names.push_back(fmt::format("{}", i));
  return names;
}

std::vector<std::uint8_t> read_file(const fs::path& path) {
  std::error_code code;
  const std::uintmax_t size = fs::file_size(path, code);
  std::ifstream file(path, std::ios::binary);
  if (code || !file) {
    const bool missing = !fs::exists(path, code);
    throw Error(missing ? ErrorKind::input : ErrorKind::io,
                fmt::format("{}: {}", path.string(), missing ? "is missing" : "cannot be read"));
  }
  constexpr std::uintmax_t kLargestBytes = std::uintmax_t{1} << 30U;
  if (size > kLargestBytes) {
    throw Error(ErrorKind::unsupported,
                fmt::format("{}: {} bytes are too many for a CIFAR file", path.string(), size));
  }
  std::vector<std::uint8_t> bytes(size);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (static_cast<std::uintmax_t>(file.gcount()) != size) {
    throw Error(ErrorKind::io, fmt::format("{}: cannot be read", path.string()));
  }
  return bytes;
}

/// Appends the records of one file; three planes become [height][width][3].
void append(const fs::path& path, const Variant& variant, MemoryDataset::Parts& parts) {
  const std::vector<std::uint8_t> bytes = read_file(path);
  const std::size_t record = variant.label_bytes + kPixels;
  if (bytes.empty() || bytes.size() % record != 0) {
    throw Error(ErrorKind::input,
                fmt::format("{}: truncated: {} bytes are no multiple of a record's {}",
                            path.string(), bytes.size(), record));
  }
  const std::size_t images = bytes.size() / record;
  const std::size_t before = parts.pixels.size();
  parts.pixels.resize(before + images * kPixels);
  std::uint8_t* out = parts.pixels.data() + before;
  for (std::size_t i = 0; i < images; ++i) {
    const auto image = std::span(bytes).subspan(i * record, record);
    const std::uint8_t label = image[variant.label_bytes - 1];
    if (label >= variant.classes) {
      throw Error(ErrorKind::input,
                  fmt::format("{}: label {} of image {} is out of range: there are {} classes",
                              path.string(), label, i, variant.classes));
    }
    parts.labels.push_back(label);
    const auto planes = image.subspan(variant.label_bytes);
    for (std::size_t at = 0; at < kPlane; ++at) {
      for (std::size_t c = 0; c < 3; ++c) *out++ = planes[c * kPlane + at];
    }
  }
}

}  // namespace

bool holds_cifar(const fs::path& folder) {
  return any_exists(folder, cifar10()) || any_exists(folder, cifar100());
}

MemoryDataset read_cifar(const fs::path& folder, Split split) {
  const Variant ten = cifar10();
  const Variant variant = any_exists(folder, ten) ? ten : cifar100();
  MemoryDataset::Parts parts;
  parts.source = folder.string();
  parts.shape = {kSide, kSide, 3, true};
  parts.classes = class_names(folder, variant);
  for (const std::string& name : split == Split::train ? variant.train : variant.test) {
    append(folder / name, variant, parts);
  }
  return MemoryDataset(std::move(parts));
}

}  // namespace wbs::datasets
