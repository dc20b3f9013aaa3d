#include "harness/committer.hpp"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/error.hpp"

namespace wbs::harness {
namespace {

/// Bytes of small artifacts in one segment: bounds the memory of a commit.
constexpr std::int64_t kSegmentBytes = std::int64_t{16} << 20;

/// Text that is not UTF-8 (from a stage's message) is stored with replacement characters.
std::string journal_text(const AttemptRecord& record) {
  return to_json(record).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Descriptor make_event() {
  Descriptor event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event.valid()) {
    throw Error(ErrorKind::io, fmt::format("no event descriptor ({})", std::strerror(errno)));
  }
  return event;
}

}  // namespace

Committer::Committer(JournalWriter& journal, std::string packs_directory, std::string pack_prefix)
    : journal_(journal),
      packs_directory_(std::move(packs_directory)),
      pack_prefix_(std::move(pack_prefix)),
      event_(make_event()) {
  // Signals are for the thread that runs the sweep.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { loop(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Committer::~Committer() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Committer::submit(FinishedAttempt attempt) {
  {
    const std::lock_guard lock(mutex_);
    queued_.push_back(std::move(attempt));
  }
  wake_.notify_one();
}

std::vector<FinishedAttempt> Committer::take_durable() {
  std::uint64_t count = 0;
  static_cast<void>(!::read(event_.get(), &count, sizeof count));
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
  return std::exchange(durable_, {});
}

bool Committer::drained() const {
  const std::lock_guard lock(mutex_);
  return failure_ == nullptr && queued_.empty() && durable_.empty() && !in_flight_;
}

std::vector<FinishedAttempt> Committer::next_group() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return ending_ || !queued_.empty(); });
  std::vector<FinishedAttempt> group;
  std::int64_t bytes = 0;
  while (!queued_.empty() && bytes < kSegmentBytes) {
    group.push_back(std::move(queued_.front()));
    queued_.pop_front();
    if (!group.back().output_path.empty()) {
      bytes += std::max<std::int64_t>(0, file_size_or_missing(group.back().output_path));
    }
  }
  in_flight_ = !group.empty();
  return group;
}

void Committer::commit(std::vector<FinishedAttempt>& group) {
  std::vector<ArtifactFile> files;
  std::vector<FinishedAttempt*> owners;
  for (FinishedAttempt& attempt : group) {
    if (attempt.output_path.empty()) continue;
    files.push_back({attempt.record.key, attempt.output_path, attempt.output_digest});
    owners.push_back(&attempt);
  }
  if (!files.empty()) {
    const std::string name = fmt::format("{}-{:06}", pack_prefix_, packs_++);
    std::vector<PackedArtifact> packed = write_pack(packs_directory_, name, files);
    for (std::size_t at = 0; at < packed.size(); ++at) {
      AttemptRecord& record = owners[at]->record;
      record.artifact = std::move(packed[at].place);
      if (!packed[at].problem.empty()) {
        record.outcome = Outcome::untrusted;
        record.reason = "the artifact was damaged while it was stored: " + packed[at].problem;
      }
    }
  }
  for (FinishedAttempt& attempt : group) {
    std::string text = journal_text(attempt.record);
    if (text.size() > kMaxJournalRecord) {
      attempt.record.outcome = Outcome::failed;
      attempt.record.reason = fmt::format("its metrics and rows take {} bytes, at most {} allowed",
                                          text.size(), kMaxJournalRecord);
      attempt.record.result = {};
      text = journal_text(attempt.record);
    }
    journal_.append(text);
  }
  journal_.sync();
}

void Committer::loop() {
  for (;;) {
    std::vector<FinishedAttempt> group = next_group();
    if (group.empty()) return;
    std::exception_ptr failure;
    try {
      commit(group);
    } catch (...) {
      failure = std::current_exception();
    }
    {
      const std::lock_guard lock(mutex_);
      in_flight_ = false;
      if (failure) {
        failure_ = failure;
      } else {
        std::move(group.begin(), group.end(), std::back_inserter(durable_));
      }
    }
    const std::uint64_t one = 1;
    static_cast<void>(!::write(event_.get(), &one, sizeof one));
    if (failure) return;
  }
}

}  // namespace wbs::harness
