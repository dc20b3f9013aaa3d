// A campaign's directory: who may write it, what it is, and what is already done in it.
//
//   journal/       the truth: one file per run and rank          packs/   artifacts
//   store.sqlite   derived from the journal                      logs/    what stages printed
//   campaign.json  identity, for people                          tables/  written by reports
//   lock           held while a run writes                       tmp/     of the current run
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "harness/journal.hpp"
#include "harness/ledger.hpp"
#include "harness/plan.hpp"
#include "harness/posix_file.hpp"
#include "harness/store.hpp"
#include "harness/sweep.hpp"

namespace wbs::harness {

/// Exclusive right to write a campaign's directory, on this machine and over NFS; ends with the
/// process, however it ends.
class CampaignLock {
 public:
  /// Throws Error(io) when the directory cannot be written, Error(usage) when another run holds it.
  explicit CampaignLock(const std::string& directory);

 private:
  PosixFile file_;
};

/// A campaign opened for a run.
class Campaign {
 public:
  /// Makes or opens `options.out`, checks its identity against `plan`, starts a run and a journal.
  /// Throws Error(usage) naming the parts that differ when the identity is another one.
  Campaign(const Plan& plan, const SweepOptions& options, int ranks);

  [[nodiscard]] const std::string& directory() const noexcept { return directory_; }
  [[nodiscard]] const RunRecord& run() const noexcept { return run_; }
  [[nodiscard]] Ledger& ledger() noexcept { return ledger_; }
  [[nodiscard]] JournalWriter& journal() noexcept { return *journal_; }
  [[nodiscard]] Store& store() noexcept { return *store_; }
  [[nodiscard]] const std::vector<std::string>& notices() const noexcept { return notices_; }

 private:
  void check_identity(const Plan& plan, bool accept_changes);
  void start_run(const Plan& plan, const SweepOptions& options, int ranks);
  void record_plan(const Plan& plan);
  void open_store();

  std::string directory_;
  std::unique_ptr<CampaignLock> lock_;
  Ledger ledger_;
  RunRecord run_;
  bool new_generation_ = false;
  int previous_run_ = 0;
  std::vector<TaskRecord> new_tasks_;
  std::vector<CaseRecord> new_cases_;
  std::unique_ptr<JournalWriter> journal_;
  std::unique_ptr<Store> store_;
  std::vector<std::string> notices_;
};

/// Fills `store` with everything in `journal_directory`; records that refer to lost ones are left
/// out.
void fill_store(Store& store, const Ledger& ledger, const std::string& journal_directory);

/// Subdirectories and files of a campaign.
[[nodiscard]] std::string journal_directory(const std::string& campaign);
[[nodiscard]] std::string packs_directory(const std::string& campaign);
[[nodiscard]] std::string store_path(const std::string& campaign);

}  // namespace wbs::harness
