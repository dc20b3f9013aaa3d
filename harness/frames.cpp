#include "harness/frames.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/error.hpp"

namespace wbs::harness {
namespace {

constexpr std::uint32_t kMaxFrame = 1U << 30;

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

std::string pack_message(const nlohmann::json& message) {
  std::string bytes;
  nlohmann::json::to_msgpack(message, bytes);
  return bytes;
}

nlohmann::json unpack_message(std::string_view bytes) {
  try {
    return nlohmann::json::from_msgpack(bytes);
  } catch (const nlohmann::json::exception& problem) {
    throw Error(ErrorKind::internal, fmt::format("a message of {} bytes cannot be read ({})",
                                                 bytes.size(), problem.what()));
  }
}

bool send_frame(int fd, std::string_view payload) {
  const auto length = static_cast<std::uint32_t>(payload.size());
  std::string frame(sizeof length, '\0');
  std::memcpy(frame.data(), &length, sizeof length);
  frame += payload;
  return send_all(fd, frame);
}

bool FrameReader::receive(int fd, bool wait) {
  constexpr std::size_t kBlock = std::size_t{64} << 10;
  std::array<char, kBlock> block;
  int flags = wait ? 0 : MSG_DONTWAIT;
  for (;;) {
    const ssize_t count = ::recv(fd, block.data(), block.size(), flags);
    if (count > 0) {
      buffer_.append(block.data(), static_cast<std::size_t>(count));
      flags = MSG_DONTWAIT;
      if (static_cast<std::size_t>(count) < block.size()) return true;
      continue;
    }
    if (count == 0) return false;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EWOULDBLOCK;
  }
}

std::optional<std::string> FrameReader::next() {
  std::uint32_t length = 0;
  if (buffer_.size() - taken_ >= sizeof length) {
    std::memcpy(&length, buffer_.data() + taken_, sizeof length);
    if (length > kMaxFrame) {
      throw Error(ErrorKind::internal, fmt::format("a message claims {} bytes", length));
    }
    if (buffer_.size() - taken_ - sizeof length >= length) {
      std::string frame = buffer_.substr(taken_ + sizeof length, length);
      taken_ += sizeof length + length;
      return frame;
    }
  }
  buffer_.erase(0, taken_);
  taken_ = 0;
  return std::nullopt;
}

}  // namespace wbs::harness
