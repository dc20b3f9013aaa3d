#include "datasets/archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <array>
#include <memory>

#include "core/error.hpp"

namespace wbs::datasets {
namespace {

struct CloseArchive {
  void operator()(archive* handle) const noexcept { (void)archive_read_free(handle); }
};
using Handle = std::unique_ptr<archive, CloseArchive>;

std::string why(archive* handle) {
  const char* text = archive_error_string(handle);
  return text == nullptr ? "damaged" : text;
}

Handle open_archive(const std::string& path) {
  Handle handle(archive_read_new());
  if (handle == nullptr) throw Error(ErrorKind::io, fmt::format("{}: out of memory", path));
  (void)archive_read_support_filter_gzip(handle.get());
  (void)archive_read_support_format_tar(handle.get());
  constexpr std::size_t kReadBytes = std::size_t{1} << 20U;
  if (archive_read_open_filename(handle.get(), path.c_str(), kReadBytes) != ARCHIVE_OK) {
    throw Error(ErrorKind::input, fmt::format("{}: {}", path, why(handle.get())));
  }
  return handle;
}

/// The size in the header is not believed: a damaged one must not cost gigabytes.
std::string read_member(archive* handle, const std::string& place, std::int64_t limit_bytes) {
  std::string bytes;
  std::array<char, std::size_t{1} << 16U> part{};
  while (true) {
    const la_ssize_t got = archive_read_data(handle, part.data(), part.size());
    if (got == 0) return bytes;
    if (got < 0) throw Error(ErrorKind::input, fmt::format("{}: {}", place, why(handle)));
    if (static_cast<std::int64_t>(bytes.size()) + got > limit_bytes) {
      throw Error(ErrorKind::unsupported,
                  fmt::format("{}: the archive's images are too large to be kept in memory: unpack "
                              "it and name the folder",
                              place));
    }
    bytes.append(part.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

void for_each_member(const std::string& path, std::int64_t limit_bytes,
                     const std::function<bool(std::string_view)>& wanted,
                     const std::function<void(std::string_view, std::string)>& use) {
  const Handle handle = open_archive(path);
  std::string place = path;
  archive_entry* entry = nullptr;
  while (true) {
    const int status = archive_read_next_header(handle.get(), &entry);
    if (status == ARCHIVE_EOF) return;
    // A warning is about names or attributes that this locale cannot express: no damage.
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) {
      throw Error(ErrorKind::input, fmt::format("{}: {}", place, why(handle.get())));
    }
    const char* raw = archive_entry_pathname(entry);
    if (raw == nullptr || archive_entry_filetype(entry) != AE_IFREG) continue;
    std::string name = raw;
    if (name.starts_with("./")) name.erase(0, 2);
    if (!wanted(name)) continue;
    place = fmt::format("{}: {}", path, name);
    std::string bytes = read_member(handle.get(), place, limit_bytes);
    limit_bytes -= static_cast<std::int64_t>(bytes.size());
    use(name, std::move(bytes));
  }
}

}  // namespace wbs::datasets
