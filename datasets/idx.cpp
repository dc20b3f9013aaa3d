#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "datasets/files.hpp"

namespace wbs::datasets {
namespace fs = std::filesystem;
namespace {

constexpr std::uint32_t kImagesMagic = 0x00000803;  // unsigned bytes, three dimensions
constexpr std::uint32_t kLabelsMagic = 0x00000801;  // unsigned bytes, one dimension
constexpr std::int64_t kLargestBytes = std::int64_t{1} << 30;

/// A plain or gzip file read from its begin.
class IdxFile {
 public:
  explicit IdxFile(const fs::path& path)
      : path_(path.string()), file_(::gzopen(path_.c_str(), "rb")) {
    if (file_ == nullptr) {
      const int why = errno;
      const ErrorKind kind = why == ENOENT ? ErrorKind::input : ErrorKind::io;
      throw Error(kind, fmt::format("{}: cannot be opened: {}", path_,
                                    std::generic_category().message(why)));
    }
    constexpr unsigned kBufferBytes = 1U << 17U;
    (void)::gzbuffer(file_.get(), kBufferBytes);
  }

  void read(std::span<std::uint8_t> bytes, const char* what) {
    while (!bytes.empty()) {
      const auto part = static_cast<unsigned>(std::min<std::size_t>(bytes.size(), 1U << 20U));
      const int got = ::gzread(file_.get(), bytes.data(), part);
      if (got <= 0) throw truncated_or_damaged(got, what);
      bytes = bytes.subspan(static_cast<std::size_t>(got));
    }
  }

  std::uint32_t read_number(const char* what) {
    std::array<std::uint8_t, 4> bytes{};
    read(bytes, what);
    std::uint32_t number = 0;
    for (const std::uint8_t byte : bytes) number = number << 8U | byte;
    return number;
  }

  /// Throws unless everything was read; also checks gzip's checksum, which comes last.
  void expect_end() {
    std::uint8_t byte = 0;
    const int got = ::gzread(file_.get(), &byte, 1);
    int code = Z_OK;
    (void)::gzerror(file_.get(), &code);
    if (got < 0 || (got == 0 && code != Z_OK && code != Z_STREAM_END)) {
      throw truncated_or_damaged(got, "its end");
    }
    if (got > 0) {
      throw Error(ErrorKind::input, fmt::format("{}: is longer than its header says", path_));
    }
  }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  struct Close {
    void operator()(gzFile_s* file) const noexcept { (void)::gzclose(file); }
  };

  [[nodiscard]] Error truncated_or_damaged(int got, const char* what) const {
    int code = Z_OK;
    const char* why = ::gzerror(file_.get(), &code);
    if (got < 0 && code != Z_BUF_ERROR) {
      return Error(ErrorKind::input, fmt::format("{}: damaged: {}", path_, why));
    }
    return Error(ErrorKind::input, fmt::format("{}: truncated: ends before {}", path_, what));
  }

  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
};

void expect_magic(IdxFile& file, std::uint32_t expected, const char* what) {
  const std::uint32_t magic = file.read_number("its magic number");
  if (magic != expected) {
    throw Error(ErrorKind::input,
                fmt::format("{}: the magic number is 0x{:08x}, not 0x{:08x} of IDX {}", file.path(),
                            magic, expected, what));
  }
}

/// Reads `count` items of `size` bytes; the header is not believed before the bytes are there.
std::vector<std::uint8_t> read_items(IdxFile& file, std::int64_t count, std::int64_t size,
                                     const char* what) {
  if (count > kLargestBytes / std::max<std::int64_t>(size, 1)) {
    throw Error(ErrorKind::unsupported,
                fmt::format("{}: {} items of {} bytes are too many", file.path(), count, size));
  }
  const auto total = static_cast<std::size_t>(count * size);
  std::vector<std::uint8_t> bytes;
  while (bytes.size() < total) {
    const std::size_t begin = bytes.size();
    constexpr std::size_t kPart = std::size_t{16} << 20U;
    bytes.resize(std::min(total, begin + kPart));
    file.read(std::span(bytes).subspan(begin), what);
  }
  file.expect_end();
  return bytes;
}

std::vector<std::uint8_t> read_labels(const fs::path& path) {
  IdxFile file(path);
  expect_magic(file, kLabelsMagic, "labels");
  const std::int64_t count = file.read_number("its number of labels");
  return read_items(file, count, 1, "its last label");
}

MemoryDataset::Parts read_images(const fs::path& path) {
  IdxFile file(path);
  expect_magic(file, kImagesMagic, "images");
  const std::int64_t count = file.read_number("its number of images");
  const std::int64_t height = file.read_number("the height of its images");
  const std::int64_t width = file.read_number("the width of its images");
  constexpr std::int64_t kLargestSide = 4096;
  if (height < 1 || width < 1 || height > kLargestSide || width > kLargestSide) {
    throw Error(ErrorKind::input, fmt::format("{}: images of {} x {} pixels are not read",
                                              file.path(), width, height));
  }
  MemoryDataset::Parts parts;
  parts.source = file.path();
  parts.shape = {height, width, 1, true};
  parts.pixels = read_items(file, count, height * width, "its last image");
  return parts;
}

/// The files of `folder` whose name, without .gz, ends in one of the split's names for `what`.
std::vector<fs::path> find(const fs::path& folder, Split split, const std::string& what) {
  std::vector<fs::path> found;
  std::error_code code;
  for (fs::directory_iterator entry(folder, code); !code && entry != fs::directory_iterator();
       entry.increment(code)) {
    std::error_code status;
    if (!entry->is_regular_file(status)) continue;
    std::string name = entry->path().filename().string();
    if (name.ends_with(".gz")) name.resize(name.size() - 3);
    for (const char* part : {"train", "t10k", "test"}) {
      if ((std::string_view(part) == "train") != (split == Split::train)) continue;
      for (const char dash : {'-', '.'}) {
        if (name.ends_with(
                fmt::format("{}-{}{}{}", part, what.substr(0, 6), dash, what.substr(7)))) {
          found.push_back(entry->path());
        }
      }
    }
  }
  if (code) {
    throw Error(ErrorKind::io,
                fmt::format("{}: cannot be listed: {}", folder.string(), code.message()));
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace

std::optional<IdxPair> find_idx(const fs::path& folder, Split split) {
  const std::vector<fs::path> images = find(folder, split, "images-idx3-ubyte");
  const std::vector<fs::path> labels = find(folder, split, "labels-idx1-ubyte");
  if (images.empty() && labels.empty()) return std::nullopt;
  if (images.empty() || labels.empty()) {
    const char* start = split == Split::train ? "train" : "t10k";
    throw Error(ErrorKind::input,
                fmt::format("{}: {}-{}[.gz] is missing, {} is there", folder.string(), start,
                            images.empty() ? "images-idx3-ubyte" : "labels-idx1-ubyte",
                            (images.empty() ? labels : images).front().filename().string()));
  }
  if (images.size() > 1 || labels.size() > 1) {
    const std::vector<fs::path>& many = images.size() > 1 ? images : labels;
    throw Error(
        ErrorKind::input,
        fmt::format("{}: {} and {} are both there: which one is the {} split?", folder.string(),
                    many[0].filename().string(), many[1].filename().string(), to_string(split)));
  }
  return IdxPair{images.front(), labels.front()};
}

std::int64_t idx_classes(const fs::path& labels) {
  const std::vector<std::uint8_t> values = read_labels(labels);
  return values.empty() ? 0 : std::int64_t{*std::ranges::max_element(values)} + 1;
}

MemoryDataset read_idx(const IdxPair& pair, std::int64_t classes) {
  MemoryDataset::Parts parts = read_images(pair.images);
  parts.labels = read_labels(pair.labels);
  const auto one = static_cast<std::size_t>(parts.shape.height * parts.shape.width);
  const std::size_t images = parts.pixels.size() / one;
  if (images != parts.labels.size()) {
    throw Error(ErrorKind::input,
                fmt::format("{}: holds {} labels for {} images in {}", pair.labels.string(),
                            parts.labels.size(), images, pair.images.filename().string()));
  }
  if (classes == 0 && !parts.labels.empty()) {
    classes = std::int64_t{*std::ranges::max_element(parts.labels)} + 1;
  }
  for (std::int64_t i = 0; i < classes; ++i) parts.classes.push_back(fmt::format("{}", i));
  for (std::size_t i = 0; i < images; ++i) {
    if (parts.labels[i] < classes) continue;
    throw Error(ErrorKind::input,
                fmt::format("{}: label {} of image {} is out of range: there are {} classes",
                            pair.labels.string(), parts.labels[i], i, classes));
  }
  return MemoryDataset(std::move(parts));
}

}  // namespace wbs::datasets
