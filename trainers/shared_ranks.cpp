#include "trainers/shared_ranks.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <thread>
#include <utility>

#include "core/error.hpp"

namespace wbs::trainers {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kHeaderBytes = 4096;
constexpr std::size_t kSlotValues = std::size_t{1} << 18;  // per rank: larger sums go in parts
constexpr int kSpins = 2000;
constexpr auto kNap = std::chrono::microseconds(50);
constexpr auto kLookEvery = std::chrono::milliseconds(200);  // whether the others live

/// At the beginning of the file. Lock-free atomics work between processes.
struct Header {
  std::atomic<std::uint32_t> joined;
  std::atomic<std::uint32_t> arrived;
  std::atomic<std::uint32_t> meetings;
};
static_assert(std::atomic<std::uint32_t>::is_always_lock_free && sizeof(Header) <= kHeaderBytes);

[[noreturn]] void fail(const char* what, const std::string& path) {
  throw Error(ErrorKind::io, fmt::format("cannot {} '{}': {}", what, path, std::strerror(errno)));
}

/// A lock on one byte of the file: the system gives it back when the process ends.
struct flock byte_lock(int rank) {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = rank;
  lock.l_len = 1;
  return lock;
}

/// An open file, mapped: given back whatever happens.
struct MappedFile {
  MappedFile() = default;
  ~MappedFile() {
    if (memory != nullptr) ::munmap(memory, size_bytes);
    if (descriptor >= 0) ::close(descriptor);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  int descriptor = -1;
  void* memory = nullptr;
  std::size_t size_bytes = 0;
};

class SharedRank final : public Ranks {
 public:
  SharedRank(const std::string& path, int rank, int size, double patience_seconds)
      : rank_(rank), size_(size) {
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double>(patience_seconds));
    file_.size_bytes = kHeaderBytes + static_cast<std::size_t>(size) * kSlotValues * sizeof(float);
    rank == 0 ? create(path) : open_existing(path, end);
    struct flock own = byte_lock(rank);
    if (::fcntl(file_.descriptor, F_OFD_SETLK, &own) != 0) fail("lock", path);
    void* const memory =
        ::mmap(nullptr, file_.size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_.descriptor, 0);
    if (memory == MAP_FAILED) fail("map", path);
    file_.memory = memory;
    header().joined.fetch_add(1);
    while (header().joined.load() < static_cast<std::uint32_t>(size)) {
      if (Clock::now() > end) {
        throw Error(ErrorKind::io, fmt::format("only {} of {} ranks came to '{}'",
                                               header().joined.load(), size, path));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    meet();
    if (rank == 0) ::unlink(path.c_str());
  }

  [[nodiscard]] int rank() const noexcept override { return rank_; }
  [[nodiscard]] int size() const noexcept override { return size_; }

  void sum(std::span<float> values) override {
    while (!values.empty()) {
      const std::span<float> part = values.first(std::min(values.size(), kSlotValues));
      std::copy(part.begin(), part.end(), slot(rank_));
      meet();
      std::copy_n(slot(0), part.size(), part.begin());
      for (int other = 1; other < size_; ++other) {
        const float* terms = slot(other);
        for (std::size_t i = 0; i < part.size(); ++i) part[i] += terms[i];
      }
      meet();  // everybody has read
      values = values.subspan(part.size());
    }
  }

 private:
  Header& header() { return *static_cast<Header*>(file_.memory); }
  float* slot(int rank) {
    auto* const first =
        reinterpret_cast<float*>(static_cast<std::byte*>(file_.memory) + kHeaderBytes);
    return first + static_cast<std::size_t>(rank) * kSlotValues;
  }

  // Under another name first: who sees the name sees the whole file.
  void create(const std::string& path) {
    const std::string partial = path + ".partial";
    file_.descriptor = ::open(partial.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file_.descriptor < 0 ||
        ::ftruncate(file_.descriptor, static_cast<off_t>(file_.size_bytes)) != 0) {
      fail("create", path);
    }
    if (::rename(partial.c_str(), path.c_str()) != 0) fail("create", path);
  }
  void open_existing(const std::string& path, Clock::time_point end) {
    while ((file_.descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC)) < 0) {
      if (errno != ENOENT || Clock::now() > end) fail("open", path);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    struct stat status{};
    if (::fstat(file_.descriptor, &status) != 0 ||
        status.st_size != static_cast<off_t>(file_.size_bytes)) {
      throw Error(ErrorKind::usage,
                  fmt::format("'{}' is the meeting of another number of ranks", path));
    }
  }

  /// Throws when another rank is gone without having come to meeting number `meeting`.
  void check_others(std::uint32_t meeting) {
    for (int other = 0; other < size_; ++other) {
      if (other == rank_) continue;
      struct flock lock = byte_lock(other);
      if (::fcntl(file_.descriptor, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_UNLCK &&
          header().meetings.load() == meeting) {
        throw Error(ErrorKind::io, fmt::format("rank {} of {} is gone", other, size_));
      }
    }
  }

  /// Returns when all ranks have come here.
  void meet() {
    const std::uint32_t meeting = header().meetings.load();
    if (header().arrived.fetch_add(1) + 1 == static_cast<std::uint32_t>(size_)) {
      header().arrived.store(0);
      header().meetings.fetch_add(1);
      return;
    }
    auto look = Clock::now() + kLookEvery;
    for (int spins = 0; header().meetings.load() == meeting; ++spins) {
      if (spins < kSpins) continue;
      std::this_thread::sleep_for(kNap);
      if (Clock::now() < look) continue;
      check_others(meeting);
      look = Clock::now() + kLookEvery;
    }
  }

  int rank_;
  int size_;
  MappedFile file_;
};

}  // namespace

std::unique_ptr<Ranks> shared_ranks(const std::string& path, int rank, int size,
                                    double patience_seconds) {
  return std::make_unique<SharedRank>(path, rank, size, patience_seconds);
}

}  // namespace wbs::trainers
