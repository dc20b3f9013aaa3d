// A memory with its bytes and, for every 32-bit word, who touched it last.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

namespace wbs::aie {

/// Who accesses: an actor of the step, its vector clock, and the step (from 1).
struct Accessor {
  std::uint32_t actor = 0;
  const std::uint32_t* clock = nullptr;
  std::uint32_t step = 1;
};

/// `count` words, `stride` words apart.
struct WordRun {
  std::uint64_t first = 0;
  std::int64_t stride = 1;
  std::uint64_t count = 0;
};

/// What is wrong with an access.
struct Conflict {
  enum class Kind : std::uint8_t { uninitialised, race };
  Kind kind = Kind::race;
  std::uint64_t word = 0;
  std::uint32_t other = 0;   ///< race: the actor of the earlier access
  bool other_wrote = false;  ///< race: that access was a write
};

/// Bytes of a tile or of a DDR buffer. Read-only ones (weights, input) are views without
/// bookkeeping; they count as written before the program began.
class Memory {
 public:
  /// Most actors of one step, and most points of an actor's clock.
  static constexpr std::uint32_t kActorBits = 12, kClockBits = 20;

  Memory() = default;
  explicit Memory(std::uint64_t size_bytes);                 ///< never written
  explicit Memory(std::span<const std::uint8_t> read_only);  ///< outlives the memory

  [[nodiscard]] bool writable() const { return read_only_.empty(); }
  [[nodiscard]] std::uint64_t size_bytes() const {
    return writable() ? bytes_.size() : read_only_.size();
  }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const {
    return writable() ? std::span<const std::uint8_t>(bytes_) : read_only_;
  }
  [[nodiscard]] std::span<std::uint8_t> writable_bytes() { return bytes_; }

  /// Records that `who` reads or writes these words, all inside the memory. The first word that
  /// was never written, or whose last write (a write: or read) is not ordered before, if any.
  [[nodiscard]] std::optional<Conflict> note_read(WordRun run, const Accessor& who);
  [[nodiscard]] std::optional<Conflict> note_write(WordRun run, const Accessor& who);

  /// The first word of [0, words) that was never written, if any.
  [[nodiscard]] std::optional<std::uint64_t> first_unwritten(std::uint64_t words) const;

 private:
  // Accesses since the step began, each actor << kClockBits | clock; 0: none. `more` in `second`
  // says that the readers are in `crowds_`.
  struct Cell {
    std::uint32_t write = 0, reader = 0, second = 0;
  };
  static constexpr std::uint64_t kPageWords = 256;
  static constexpr std::uint32_t kCrowd = 0xFFFFFFFFU;

  /// `note` for each part of the run that lies in one page; the first conflict.
  template <typename NotePage>
  [[nodiscard]] std::optional<Conflict> note_pages(WordRun run, const Accessor& who, NotePage note);
  std::optional<Conflict> read_page(std::uint64_t first, std::uint64_t last, const Accessor& who);
  std::optional<Conflict> write_page(std::uint64_t first, std::uint64_t last, const Accessor& who);
  void add_reader(std::uint64_t word, std::uint32_t self, const Accessor& who);
  [[nodiscard]] std::optional<Conflict> check_readers(std::uint64_t word,
                                                      const Accessor& who) const;
  void open_page(std::uint64_t word, const Accessor& who);

  std::vector<std::uint8_t> bytes_;
  std::span<const std::uint8_t> read_only_;
  std::vector<std::uint8_t> written_;  // by word
  std::vector<Cell> cells_;            // by word; those of a page are of its step
  std::vector<std::uint32_t> page_step_;
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> crowds_;  // third readers and on
};

}  // namespace wbs::aie
