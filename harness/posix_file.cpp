#include "harness/posix_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "core/error.hpp"

namespace wbs::harness {
namespace {

[[noreturn]] void io_failure(const std::string& path, const char* action) {
  throw Error(ErrorKind::io, fmt::format("{}: cannot {} ({})", path, action, std::strerror(errno)));
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

int Descriptor::release() noexcept {
  return std::exchange(fd_, -1);
}

void Descriptor::reset() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

PosixFile::PosixFile(std::string path, int flags) : path_(std::move(path)) {
  constexpr mode_t kEveryoneReads = 0644;
  fd_ = Descriptor(::open(path_.c_str(), flags | O_CLOEXEC, kEveryoneReads));
  if (!fd_.valid()) fail((flags & O_ACCMODE) == O_RDONLY ? "be opened" : "be created or written");
}

void PosixFile::fail(const char* action) const {
  io_failure(path_, action);
}

void PosixFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd_.get(), bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      fail("be written");
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void PosixFile::sync() {
  if (::fsync(fd_.get()) != 0) fail("be made durable");
}

void PosixFile::read_at(std::uint64_t offset, std::span<char> into) const {
  while (!into.empty()) {
    const ssize_t count = ::pread(fd_.get(), into.data(), into.size(), static_cast<off_t>(offset));
    if (count < 0) {
      if (errno == EINTR) continue;
      fail("be read");
    }
    if (count == 0) {
      throw Error(ErrorKind::io,
                  fmt::format("{}: ends at byte {}, {} more expected", path_, offset, into.size()));
    }
    offset += static_cast<std::uint64_t>(count);
    into = into.subspan(static_cast<std::size_t>(count));
  }
}

std::uint64_t PosixFile::size() const {
  struct stat status{};
  if (::fstat(fd_.get(), &status) != 0) fail("be examined");
  return static_cast<std::uint64_t>(status.st_size);
}

std::string read_file(const std::string& path) {
  const PosixFile file(path, O_RDONLY);
  std::string contents(file.size(), '\0');
  file.read_at(0, contents);
  return contents;
}

void write_file_atomically(const std::string& path, std::string_view contents) {
  const std::string temporary = path + ".new";
  PosixFile file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
  try {
    file.write(contents);
    file.sync();
  } catch (const Error&) {
    ::unlink(temporary.c_str());
    throw;
  }
  rename_durably(temporary, path);
}

void rename_durably(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    throw Error(ErrorKind::io,
                fmt::format("{}: cannot be renamed to {} ({})", from, to, std::strerror(errno)));
  }
  sync_directory(std::filesystem::path(to).parent_path().string());
}

void sync_directory(const std::string& directory) {
  PosixFile opened(directory.empty() ? "." : directory, O_RDONLY | O_DIRECTORY);
  opened.sync();
}

void make_directories(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    throw Error(ErrorKind::io, fmt::format("{}: cannot be created as a directory ({})", directory,
                                           error.message()));
  }
}

std::int64_t file_size_or_missing(const std::string& path) noexcept {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return -1;
  return status.st_size;
}

std::vector<std::string> files_in(const std::string& directory, std::string_view suffix) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.ends_with(suffix) && entry->is_regular_file(error)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace wbs::harness
