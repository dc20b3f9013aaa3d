// The journal: append-only files of checked records, one per rank and run. It is the truth of a
// campaign; everything else can be derived from it.
//
// File: 8 bytes "WBSJRNL" + version digit, then records. Record: length (u32), CRC32C of length and
// payload (u32), payload. Integers are little-endian; the payload is opaque here (JSON text).
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "harness/posix_file.hpp"

namespace wbs::harness {

/// Largest payload; a longer length field can only be damage.
inline constexpr std::uint32_t kMaxJournalRecord = 64U << 20;

/// Writes one journal file. Records are durable only after `sync` returned: acknowledge a result to
/// no one before that. Thread-safe; an append does not wait for another thread's fsync.
class JournalWriter {
 public:
  /// Creates the file, which must not exist (its name is the claim on a run), durably.
  explicit JournalWriter(const std::string& path);

  /// The record is in the file, at the latest with the next `sync`. Throws Error(io).
  void append(std::string_view payload);
  /// Hands buffered records to the operating system: they survive this process, not the machine.
  void flush();
  /// One fsync covers every record appended so far. Cheap when there is nothing new.
  void sync();
  /// Bytes in the file, buffered ones included.
  [[nodiscard]] std::uint64_t size() const;

 private:
  void flush_locked();

  mutable std::mutex mutex_;
  std::mutex sync_mutex_;  ///< taken before mutex_: `sync` returns only when the bytes are down
  bool broken_ = false;    ///< a write failed: what follows would come after a torn record
  PosixFile file_;
  std::string buffer_;
  std::uint64_t size_ = 0;
  bool dirty_ = false;
};

/// How the reading of a journal file ended.
struct JournalReport {
  std::string path;
  std::uint64_t records = 0;
  std::uint64_t valid_bytes = 0;  ///< up to here every record checked out
  std::uint64_t file_bytes = 0;
  bool torn = false;     ///< the tail is incomplete, as after a crash: not an error
  bool corrupt = false;  ///< damage before the tail; the records before it were delivered
  std::string problem;   ///< sentence with path and byte offset; empty when all is well
};

/// Calls `accept` with each valid record of the file in order, until the end, `limit` bytes (a
/// record must end within them) or the first damage. A file cut anywhere loses only its last record
/// and is reported `torn`. Throws Error(io) only when the file cannot be read at all.
JournalReport read_journal(const std::string& path,
                           const std::function<void(std::string_view payload)>& accept,
                           std::uint64_t limit = UINT64_MAX);

/// The first record, when it is complete and valid. Throws Error(io) when the file cannot be read.
[[nodiscard]] std::optional<std::string> first_journal_record(const std::string& path);

}  // namespace wbs::harness
