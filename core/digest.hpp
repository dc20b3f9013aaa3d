// Digests: 128-bit xxHash (XXH3) as 32 lower-case hexadecimal digits. Keys and integrity, not
// security.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace wbs {

/// Digest of a byte string.
[[nodiscard]] std::string digest_of(std::string_view bytes);
[[nodiscard]] std::string digest_of(std::span<const std::byte> bytes);

/// Digest of a file's contents, read in blocks. Throws Error(io) naming the path.
[[nodiscard]] std::string digest_of_file(const std::string& path);

/// Digest of several parts. Each part is framed by its length, so ("ab","c") and ("a","bc") differ.
class Digester {
 public:
  Digester();
  ~Digester();
  Digester(Digester&&) noexcept;
  Digester& operator=(Digester&&) noexcept;

  Digester& add(std::string_view part);
  [[nodiscard]] std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// CRC32C (Castagnoli) of `bytes`, continued from `previous`: the journal's record check.
[[nodiscard]] std::uint32_t crc32c(std::span<const std::byte> bytes,
                                   std::uint32_t previous = 0) noexcept;

}  // namespace wbs
