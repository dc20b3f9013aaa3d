// Group commit: finished attempts become durable in a thread of their own, many per fsync.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "harness/journal.hpp"
#include "harness/pack.hpp"
#include "harness/posix_file.hpp"
#include "harness/records.hpp"

namespace wbs::harness {

/// An attempt that ended, not durable yet.
struct FinishedAttempt {
  AttemptRecord record;
  std::string output_path;    ///< the stage's output file; empty when there is none
  std::string output_digest;  ///< as computed by the child
  bool transient = false;     ///< it may well pass when tried again: a crash, a time-out
};

/// Takes finished attempts and gives them back once pack and journal hold them durably. While one
/// fsync runs, the next group gathers.
class Committer {
 public:
  /// `journal` must outlive this. Packs are named `pack_prefix`-N.
  Committer(JournalWriter& journal, std::string packs_directory, std::string pack_prefix);
  /// Commits what is queued, then ends the thread. Errors at this point are lost: call `drained`
  /// first.
  ~Committer();
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  void submit(FinishedAttempt attempt);
  /// What has become durable since the last call. Rethrows the error that ended the thread, if any.
  [[nodiscard]] std::vector<FinishedAttempt> take_durable();
  /// Nothing is queued, in flight or waiting to be taken.
  [[nodiscard]] bool drained() const;
  /// Readable when `take_durable` has something to say.
  [[nodiscard]] int fd() const noexcept { return event_.get(); }

 private:
  void loop();
  void commit(std::vector<FinishedAttempt>& group);
  [[nodiscard]] std::vector<FinishedAttempt> next_group();

  JournalWriter& journal_;
  std::string packs_directory_;
  std::string pack_prefix_;
  int packs_ = 0;
  Descriptor event_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<FinishedAttempt> queued_;
  std::vector<FinishedAttempt> durable_;
  std::exception_ptr failure_;
  bool in_flight_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace wbs::harness
