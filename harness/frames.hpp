// Framed JSON messages over a stream socket: between a rank and its child process.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace wbs::harness {

/// MessagePack: compact, and keeps integers, numbers and NaN apart.
[[nodiscard]] std::string pack_message(const nlohmann::json& message);
/// Throws Error(internal) on anything that pack_message did not write.
[[nodiscard]] nlohmann::json unpack_message(std::string_view bytes);

/// Sends one frame (length u32, payload). False when the other side is gone.
[[nodiscard]] bool send_frame(int fd, std::string_view payload);

/// Takes frames off a socket.
class FrameReader {
 public:
  /// Reads what is there; with `wait` blocks for the first byte. False at the end of the stream.
  [[nodiscard]] bool receive(int fd, bool wait);
  /// The next complete frame, when there is one. Throws Error(internal) on an absurd length.
  [[nodiscard]] std::optional<std::string> next();

 private:
  std::string buffer_;
  std::size_t taken_ = 0;
};

}  // namespace wbs::harness
