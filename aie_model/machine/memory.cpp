#include "aie_model/machine/memory.hpp"

#include <algorithm>
#include <cstring>

namespace wbs::aie {
namespace {

constexpr std::uint32_t kClockMask = (1U << Memory::kClockBits) - 1;

std::uint32_t actor_of(std::uint32_t access) {
  return access >> Memory::kClockBits;
}

std::uint32_t self_of(const Accessor& who) {
  return who.actor << Memory::kClockBits | who.clock[who.actor];
}

// Whether an access happened before everything that `who` does now.
bool ordered(std::uint32_t access, const Accessor& who) {
  return (access & kClockMask) <= who.clock[actor_of(access)];
}

}  // namespace

Memory::Memory(std::uint64_t size_bytes)
    : bytes_(size_bytes),
      written_((size_bytes + 3) / 4),
      cells_((size_bytes + 3) / 4),
      page_step_((size_bytes / 4 + kPageWords) / kPageWords) {}

Memory::Memory(std::span<const std::uint8_t> read_only) : read_only_(read_only) {}

void Memory::open_page(std::uint64_t word, const Accessor& who) {
  const std::uint64_t page = word / kPageWords;
  if (page_step_[page] == who.step) return;
  page_step_[page] = who.step;
  const std::uint64_t first = page * kPageWords;
  const std::uint64_t last = std::min<std::uint64_t>(first + kPageWords, cells_.size());
  for (std::uint64_t i = first; i < last; ++i) {
    if (cells_[i].second == kCrowd) crowds_.erase(i);
    cells_[i] = {};
  }
}

template <typename NotePage>
std::optional<Conflict> Memory::note_pages(WordRun run, const Accessor& who, NotePage note) {
  const std::uint64_t length = run.stride == 1 ? run.count : 1;
  for (std::uint64_t done = 0; done < run.count; done += length) {
    std::uint64_t first = run.first;
    if (run.stride != 1) first += done * static_cast<std::uint64_t>(run.stride);
    const std::uint64_t end = first + length;
    while (first < end) {
      const std::uint64_t last = std::min(end, (first / kPageWords + 1) * kPageWords);
      open_page(first, who);
      if (auto conflict = note(first, last)) return conflict;
      first = last;
    }
  }
  return std::nullopt;
}

std::optional<Conflict> Memory::note_read(WordRun run, const Accessor& who) {
  if (!writable()) return std::nullopt;
  return note_pages(run, who, [&](std::uint64_t first, std::uint64_t last) {
    return read_page(first, last, who);
  });
}

std::optional<Conflict> Memory::note_write(WordRun run, const Accessor& who) {
  return note_pages(run, who, [&](std::uint64_t first, std::uint64_t last) {
    return write_page(first, last, who);
  });
}

std::optional<Conflict> Memory::read_page(std::uint64_t first, std::uint64_t last,
                                          const Accessor& who) {
  const void* hole = std::memchr(written_.data() + first, 0, last - first);
  if (hole != nullptr) {
    const auto word =
        static_cast<std::uint64_t>(static_cast<const std::uint8_t*>(hole) - written_.data());
    return Conflict{.kind = Conflict::Kind::uninitialised, .word = word};
  }
  const std::uint32_t self = self_of(who);
  std::uint32_t known_write = 0;  // accesses that were found to be ordered
  std::uint32_t known_reader = 0;
  for (std::uint64_t word = first; word < last; ++word) {
    Cell& cell = cells_[word];
    if (cell.write != known_write) {
      if (!ordered(cell.write, who)) {
        return Conflict{.word = word, .other = actor_of(cell.write), .other_wrote = true};
      }
      known_write = cell.write;
    }
    if (cell.reader == self) continue;
    if (cell.second == 0 && (cell.reader == known_reader || ordered(cell.reader, who))) {
      known_reader = cell.reader;
      cell.reader = self;
    } else {
      add_reader(word, self, who);
    }
  }
  return std::nullopt;
}

void Memory::add_reader(std::uint64_t word, std::uint32_t self, const Accessor& who) {
  Cell& cell = cells_[word];
  if (ordered(cell.reader, who)) {
    cell.reader = self;
    return;
  }
  if (cell.second != kCrowd) {
    if (ordered(cell.second, who)) {
      cell.second = self;
      return;
    }
    crowds_[word] = {cell.second, self};
    cell.second = kCrowd;
    return;
  }
  std::vector<std::uint32_t>& crowd = crowds_[word];
  for (std::uint32_t& reader : crowd) {
    if (!ordered(reader, who)) continue;
    reader = self;
    return;
  }
  crowd.push_back(self);
}

std::optional<Conflict> Memory::check_readers(std::uint64_t word, const Accessor& who) const {
  const Cell& cell = cells_[word];
  if (!ordered(cell.reader, who)) return Conflict{.word = word, .other = actor_of(cell.reader)};
  if (cell.second != kCrowd) {
    if (ordered(cell.second, who)) return std::nullopt;
    return Conflict{.word = word, .other = actor_of(cell.second)};
  }
  for (const std::uint32_t reader : crowds_.at(word)) {
    if (!ordered(reader, who)) return Conflict{.word = word, .other = actor_of(reader)};
  }
  return std::nullopt;
}

std::optional<Conflict> Memory::write_page(std::uint64_t first, std::uint64_t last,
                                           const Accessor& who) {
  const std::uint32_t self = self_of(who);
  std::uint32_t known_write = 0;
  std::uint32_t known_reader = 0;
  for (std::uint64_t word = first; word < last; ++word) {
    Cell& cell = cells_[word];
    if (cell.write != known_write) {
      if (!ordered(cell.write, who)) {
        return Conflict{.word = word, .other = actor_of(cell.write), .other_wrote = true};
      }
      known_write = cell.write;
    }
    if (cell.reader != known_reader || cell.second != 0) {
      if (auto conflict = check_readers(word, who)) return conflict;
      known_reader = cell.reader;
      if (cell.second == kCrowd) crowds_.erase(word);
    }
    cell = {.write = self};
  }
  std::memset(written_.data() + first, 1, last - first);
  return std::nullopt;
}

std::optional<std::uint64_t> Memory::first_unwritten(std::uint64_t words) const {
  if (!writable()) return std::nullopt;
  const auto end = written_.begin() +
                   static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(words, written_.size()));
  const auto hole = std::find(written_.begin(), end, std::uint8_t{0});
  if (hole == end) return std::nullopt;
  return static_cast<std::uint64_t>(hole - written_.begin());
}

}  // namespace wbs::aie
