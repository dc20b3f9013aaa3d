// Counter-based random numbers: the same (seed, stream, position) gives the same bits everywhere.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace wbs {

/// Philox4x32-10 of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011): ten
/// rounds over a 128-bit counter with a 64-bit key. Pure function; passes the paper's test vectors.
[[nodiscard]] std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                      std::array<std::uint32_t, 2> key) noexcept;

/// A stream of random numbers. Two streams of one seed are independent; position is explicit, so a
/// stream can be saved, resumed and skipped at no cost. Distributions are our own because the
/// standard's are implementation-defined.
class Rng {
 public:
  explicit Rng(std::uint64_t seed, std::uint64_t stream = 0) noexcept;

  [[nodiscard]] std::uint32_t next_u32() noexcept;
  [[nodiscard]] std::uint64_t next_u64() noexcept;

  /// Uniform in [0, 1), 53 random bits.
  [[nodiscard]] double uniform() noexcept;
  /// Uniform integer in [0, bound), unbiased (Lemire's method). Requires bound > 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) noexcept;
  /// Standard normal; four words. Keeps no second value back, so position() is the whole state.
  [[nodiscard]] double normal() noexcept;
  [[nodiscard]] bool bernoulli(double probability) noexcept { return uniform() < probability; }

  /// Fills `values` with mean + deviation * standard normal, one word per value, starting at the
  /// next multiple of four words and ending at one: 4 ns per value or less. The bits depend on no
  /// libm and no instruction set (core/normal.hpp).
  void fill_normal(std::span<float> values, float mean, float deviation) noexcept;

  /// Fisher-Yates shuffle of `items`.
  template <typename T>
  void shuffle(std::span<T> items) noexcept {
    for (std::size_t last = items.size(); last > 1; --last) {
      const auto pick = static_cast<std::size_t>(below(last));
      T moved = items[last - 1];
      items[last - 1] = items[pick];
      items[pick] = moved;
    }
  }

  /// Number of 32-bit words drawn so far; `seek` makes it the position of the next one.
  [[nodiscard]] std::uint64_t position() const noexcept;
  void seek(std::uint64_t position) noexcept;

 private:
  std::array<std::uint32_t, 2> key_;
  std::uint64_t stream_;
  std::uint64_t block_ = 0;  // counter of the next Philox block
  std::array<std::uint32_t, 4> words_{};
  unsigned used_ = 4;  // words of words_ already handed out
};

/// The stream number of a name (for example a node's), so that adding a node changes no other's
/// values.
[[nodiscard]] std::uint64_t stream_of(const char* name, std::size_t length) noexcept;

}  // namespace wbs
