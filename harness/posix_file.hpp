// Files by descriptor, with errors that name the path: what the journal and the packs are built on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wbs::harness {

/// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { reset(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }
  int release() noexcept;
  void reset() noexcept;

 private:
  int fd_ = -1;
};

/// An open file that knows its path. Every function throws Error(io) "PATH: cannot ... (reason)".
class PosixFile {
 public:
  PosixFile() = default;
  /// Opens with open(2) `flags` (close-on-exec is added); new files are readable by everyone.
  PosixFile(std::string path, int flags);

  void write(std::string_view bytes);
  /// Durable on return: file contents and length.
  void sync();
  /// Reads exactly `into.size()` bytes at `offset`; a shorter file is an error.
  void read_at(std::uint64_t offset, std::span<char> into) const;
  [[nodiscard]] std::uint64_t size() const;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] bool open() const noexcept { return fd_.valid(); }
  void close() noexcept { fd_.reset(); }

 private:
  [[noreturn]] void fail(const char* action) const;

  std::string path_;
  Descriptor fd_;
};

/// The whole file. Throws Error(io) naming it.
[[nodiscard]] std::string read_file(const std::string& path);

/// `path` holds `contents`, all or nothing and durable: written beside it, synced, renamed.
void write_file_atomically(const std::string& path, std::string_view contents);

/// Renames and makes the new name durable.
void rename_durably(const std::string& from, const std::string& to);

/// Makes the names in `directory` durable.
void sync_directory(const std::string& directory);

/// Creates `directory` and its parents. Throws Error(io) naming it.
void make_directories(const std::string& directory);

/// Size of a regular file; -1 when there is none.
[[nodiscard]] std::int64_t file_size_or_missing(const std::string& path) noexcept;

/// Names (not paths) of the regular files in `directory` that end in `suffix`, sorted.
[[nodiscard]] std::vector<std::string> files_in(const std::string& directory,
                                                std::string_view suffix);

}  // namespace wbs::harness
