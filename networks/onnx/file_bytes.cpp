#include "networks/onnx/file_bytes.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>

#include "core/error.hpp"

namespace wbs::networks::onnx_io {
namespace {

constexpr std::size_t kAlwaysAllowed = std::size_t{64} << 20;
constexpr std::size_t kMaxRatio = 200;

/// A file descriptor that is closed on every way out.
class Descriptor {
 public:
  explicit Descriptor(int value) noexcept : value_(value) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const noexcept { return value_; }
  int close() noexcept {
    const int result = value_ >= 0 ? ::close(value_) : 0;
    value_ = -1;
    return result;
  }

 private:
  int value_;
};

[[noreturn]] void throw_system(ErrorKind kind, const std::string& path, const char* what) {
  throw Error(kind, fmt::format("{}: {}: {}", path, what, std::strerror(errno)));
}

/// An inflate state that is freed on every way out.
class Inflater {
 public:
  explicit Inflater(const std::string& label) {
    if (inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK) {
      throw Error(ErrorKind::internal, label + ": zlib does not start");
    }
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  z_stream& stream() noexcept { return stream_; }

 private:
  z_stream stream_{};
};

/// The size that the last gzip member claims; a hint only, so it is capped.
std::size_t claimed_size(std::string_view bytes, std::size_t cap) {
  if (bytes.size() < 18) return 0;
  std::array<unsigned char, 4> tail{};
  std::memcpy(tail.data(), bytes.data() + bytes.size() - 4, 4);
  const std::size_t claim = tail[0] | (std::size_t{tail[1]} << 8) | (std::size_t{tail[2]} << 16) |
                            (std::size_t{tail[3]} << 24);
  return std::min({claim, cap, bytes.size() * 20});
}

}  // namespace

std::string read_file(const std::string& path, std::size_t max_bytes) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw_system(ErrorKind::input, path, "cannot be opened");
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) throw_system(ErrorKind::input, path, "cannot be read");
  if (!S_ISREG(status.st_mode)) throw Error(ErrorKind::input, path + ": not a regular file");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > max_bytes) {
    throw Error(ErrorKind::input,
                fmt::format("{}: {} bytes; at most {} are read", path, size, max_bytes));
  }
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(file.get(), bytes.data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_system(ErrorKind::input, path, "cannot be read");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

bool is_gzip(std::string_view bytes) noexcept {
  return bytes.size() >= 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b';
}

std::string gunzip(std::string_view bytes, std::size_t max_bytes, const std::string& label) {
  const std::size_t ratio_cap = bytes.size() > std::numeric_limits<std::size_t>::max() / kMaxRatio
                                    ? max_bytes
                                    : std::max(kAlwaysAllowed, bytes.size() * kMaxRatio);
  const std::size_t cap = std::min(max_bytes, ratio_cap);
  Inflater inflater(label);
  z_stream& stream = inflater.stream();
  std::string output(std::max<std::size_t>(claimed_size(bytes, cap), 4096), '\0');
  std::size_t consumed = 0;
  std::size_t produced = 0;
  while (true) {
    constexpr std::size_t kChunk = std::size_t{1} << 30;  // zlib counts in unsigned int
    const std::size_t offered = std::min(bytes.size() - consumed, kChunk);
    const std::size_t room = std::min(output.size() - produced, kChunk);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data() + consumed));
    stream.avail_in = static_cast<uInt>(offered);
    stream.next_out = reinterpret_cast<Bytef*>(output.data() + produced);
    stream.avail_out = static_cast<uInt>(room);
    const int status = inflate(&stream, Z_NO_FLUSH);
    consumed += offered - stream.avail_in;
    produced += room - stream.avail_out;
    if (status == Z_STREAM_END) {
      if (consumed == bytes.size()) break;
      if (!is_gzip(bytes.substr(consumed)) || inflateReset(&stream) != Z_OK) {
        throw Error(ErrorKind::input,
                    fmt::format("{}: {} bytes that are not gzip follow the gzip stream", label,
                                bytes.size() - consumed));
      }
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      throw Error(ErrorKind::input,
                  fmt::format("{}: damaged gzip stream at byte {}: {}", label, consumed,
                              stream.msg != nullptr ? stream.msg : "inflate failed"));
    } else if (consumed == bytes.size() && produced < output.size()) {
      throw Error(ErrorKind::input,
                  fmt::format("{}: the gzip stream is truncated after {} bytes", label, consumed));
    }
    if (produced == output.size()) {
      if (produced >= cap) {
        throw Error(ErrorKind::input,
                    fmt::format("{}: inflates to more than {} bytes from {}; refused", label, cap,
                                bytes.size()));
      }
      output.resize(std::min(cap, output.size() * 2));
    }
  }
  output.resize(produced);
  return output;
}

void write_file_atomically(const std::string& path, std::string_view bytes) {
  const std::string temporary = fmt::format("{}.{}.tmp", path, ::getpid());
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.get() < 0) throw_system(ErrorKind::io, path, "cannot be written");
  const auto give_up = [&](const char* what) {
    const int reason = errno;
    ::unlink(temporary.c_str());
    errno = reason;
    throw_system(ErrorKind::io, path, what);
  };
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t put = ::write(file.get(), bytes.data() + done, bytes.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) give_up("cannot be written");
    done += static_cast<std::size_t>(put);
  }
  if (::fsync(file.get()) != 0 || file.close() != 0) give_up("cannot be written");
  if (std::rename(temporary.c_str(), path.c_str()) != 0) give_up("cannot be renamed into place");
}

}  // namespace wbs::networks::onnx_io
