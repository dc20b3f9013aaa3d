#include "harness/journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>

#include "core/digest.hpp"
#include "core/error.hpp"

namespace wbs::harness {
namespace {

constexpr std::string_view kMagic = "WBSJRNL1";
constexpr std::size_t kRecordHead = 8;
constexpr std::size_t kFlushBytes = std::size_t{256} << 10;

std::array<char, 4> little_endian(std::uint32_t value) {
  return {static_cast<char>(value & 0xFFU), static_cast<char>((value >> 8) & 0xFFU),
          static_cast<char>((value >> 16) & 0xFFU), static_cast<char>((value >> 24) & 0xFFU)};
}

std::uint32_t from_little_endian(const char* bytes) {
  std::uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = (value << 8) | static_cast<unsigned char>(bytes[i]);
  return value;
}

/// The length is under the check too, so that a damaged length cannot pass with a lucky payload.
std::uint32_t record_check(std::string_view payload) {
  const auto length = little_endian(static_cast<std::uint32_t>(payload.size()));
  const std::uint32_t head = crc32c(std::as_bytes(std::span(length)));
  return crc32c(std::as_bytes(std::span(payload.data(), payload.size())), head);
}

/// True when some complete, valid record starts after `from`: then the damage at `from` is not the
/// torn end of the file but lies in its middle.
bool valid_record_follows(std::string_view file, std::size_t from) {
  constexpr int kMaxChecks = 1000;  // bounds the time on a file made to be slow
  int checks = 0;
  for (std::size_t at = from; at + kRecordHead <= file.size() && checks < kMaxChecks; ++at) {
    const std::uint32_t length = from_little_endian(file.data() + at);
    if (length == 0 || length > file.size() - at - kRecordHead) continue;
    // Payloads are JSON objects; this rejects nearly every false start before the costly check.
    if (file[at + kRecordHead] != '{' || file[at + kRecordHead + length - 1] != '}') continue;
    ++checks;
    if (record_check(file.substr(at + kRecordHead, length)) ==
        from_little_endian(file.data() + at + 4)) {
      return true;
    }
  }
  return false;
}

void report_damage(JournalReport& report, std::string_view file, std::string_view what) {
  report.corrupt = valid_record_follows(file, report.valid_bytes + 1);
  report.torn = !report.corrupt;
  report.problem =
      report.corrupt
          ? fmt::format(
                "{}: {} at byte {}, with valid records after it; the {} records before "
                "it are used, the rest is not",
                report.path, what, report.valid_bytes, report.records)
          : fmt::format(
                "{}: the last record is incomplete ({} at byte {}); the {} before it are used",
                report.path, what, report.valid_bytes, report.records);
}

}  // namespace

JournalWriter::JournalWriter(const std::string& path)
    : file_(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND) {
  file_.write(kMagic);
  file_.sync();
  sync_directory(std::filesystem::path(path).parent_path().string());
  size_ = kMagic.size();
}

void JournalWriter::append(std::string_view payload) {
  WBS_ASSERT(!payload.empty() && payload.size() <= kMaxJournalRecord);
  const auto length = little_endian(static_cast<std::uint32_t>(payload.size()));
  const auto check = little_endian(record_check(payload));
  const std::lock_guard lock(mutex_);
  buffer_.append(length.data(), length.size());
  buffer_.append(check.data(), check.size());
  buffer_.append(payload);
  size_ += kRecordHead + payload.size();
  dirty_ = true;
  if (buffer_.size() >= kFlushBytes) flush_locked();
}

void JournalWriter::flush_locked() {
  if (buffer_.empty()) return;
  if (broken_) throw Error(ErrorKind::io, file_.path() + ": an earlier write has failed");
  broken_ = true;
  file_.write(buffer_);
  broken_ = false;
  buffer_.clear();
}

void JournalWriter::flush() {
  const std::lock_guard lock(mutex_);
  flush_locked();
}

void JournalWriter::sync() {
  const std::lock_guard one_at_a_time(sync_mutex_);
  {
    const std::lock_guard lock(mutex_);
    if (!dirty_) return;
    flush_locked();
    dirty_ = false;
  }
  file_.sync();
}

std::uint64_t JournalWriter::size() const {
  const std::lock_guard lock(mutex_);
  return size_;
}

JournalReport read_journal(const std::string& path,
                           const std::function<void(std::string_view payload)>& accept,
                           std::uint64_t limit) {
  JournalReport report;
  report.path = path;
  const std::string contents = read_file(path);
  report.file_bytes = contents.size();
  const std::string_view file =
      std::string_view(contents).substr(0, std::min<std::uint64_t>(limit, contents.size()));
  if (file.substr(0, kMagic.size()) != kMagic) {
    report.torn = kMagic.starts_with(file);
    report.corrupt = !report.torn;
    report.problem = report.torn
                         ? fmt::format("{}: the file is cut within its header", path)
                         : fmt::format("{}: not a journal of version {}", path, kMagic.back());
    return report;
  }
  report.valid_bytes = kMagic.size();
  while (report.valid_bytes < file.size()) {
    const std::string_view rest = file.substr(report.valid_bytes);
    if (rest.size() < kRecordHead) {
      report_damage(report, file, "a cut record head");
      break;
    }
    // Reads the four bytes of a head that was checked above.
    // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage)
    const std::uint32_t length = from_little_endian(rest.data());
    if (length == 0 || length > kMaxJournalRecord || length > rest.size() - kRecordHead) {
      report_damage(report, file, fmt::format("a record length of {}", length));
      break;
    }
    const std::string_view payload = rest.substr(kRecordHead, length);
    if (record_check(payload) != from_little_endian(rest.data() + 4)) {
      report_damage(report, file, "a wrong checksum");
      break;
    }
    accept(payload);
    ++report.records;
    report.valid_bytes += kRecordHead + length;
  }
  return report;
}

std::optional<std::string> first_journal_record(const std::string& path) {
  const PosixFile file(path, O_RDONLY);
  const std::uint64_t size = file.size();
  std::array<char, kMagic.size() + kRecordHead> head{};
  if (size < head.size()) return std::nullopt;
  file.read_at(0, head);
  const std::uint32_t length = from_little_endian(&head[kMagic.size()]);
  if (length == 0 || length > kMaxJournalRecord || length > size - head.size()) return std::nullopt;
  std::string payload(length, '\0');
  file.read_at(head.size(), payload);
  if (record_check(payload) != from_little_endian(&head[kMagic.size() + 4])) {
    return std::nullopt;
  }
  return payload;
}

}  // namespace wbs::harness
