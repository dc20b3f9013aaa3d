// The state of a campaign as its journals tell it: what resume, reports, rebuild and fsck start
// from.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "harness/journal.hpp"
#include "harness/records.hpp"

namespace wbs::harness {

/// What is known of a task from its attempts.
struct TaskHistory {
  std::optional<AttemptRecord> newest;  ///< by (run, attempt)
  int last_attempt = 0;                 ///< highest number given out, lost attempts included
  std::map<std::pair<int, int>, StartRecord> open_starts;  ///< started and never ended: lost
};

/// All journals of a campaign, applied. Independent of the order in which ranks wrote.
class Ledger {
 public:
  std::vector<RunRecord> runs;                         ///< ascending
  std::unordered_map<std::string, TaskHistory> tasks;  ///< by key
  std::vector<TaskRecord> definitions;                 ///< in order of first appearance
  std::vector<CaseRecord> cases;                       ///< likewise; all generations
  std::vector<DistrustRecord> distrusted;
  std::set<std::string> cleaned_packs;
  std::vector<JournalReport> reports;  ///< one per file

  [[nodiscard]] int generation() const noexcept;
  /// Valid bytes of all journals.
  [[nodiscard]] std::uint64_t bytes() const noexcept;
  [[nodiscard]] const TaskRecord* definition(const std::string& key) const;
  [[nodiscard]] const CaseRecord* find_case(int generation, const std::string& name) const;
  [[nodiscard]] const TaskHistory* history(const std::string& key) const;

  /// Names of the generation's cases, in the order of the newest plan that had them.
  [[nodiscard]] std::vector<std::string> case_order(int generation) const;
  /// Says that a plan listed these cases in this order.
  void set_case_order(int generation, const std::vector<std::string>& names);

  void add(const TaskRecord& record);
  void add(const CaseRecord& record);
  void add(AttemptRecord record);
  void add(const StartRecord& record);
  /// Marks the attempt untrusted; call it after the attempts are in.
  void add(const DistrustRecord& record);

 private:
  std::unordered_map<std::string, std::size_t> definition_index_;
  std::map<std::pair<int, std::string>, std::size_t> case_index_;
  std::map<int, std::vector<std::string>> case_orders_;
};

/// The run after all of `ledger`'s: its number, its start and the seals of the journals so far.
[[nodiscard]] RunRecord next_run(const Ledger& ledger);

/// "run-000003-rank-0002.journal".
[[nodiscard]] std::string journal_name(int run, int rank);

/// Reads every journal in `journal_directory`. With `keep_rows` false the attempts' detail rows are
/// dropped after `on_attempt` (may be empty) saw them, which keeps memory small. Damage is reported
/// in `Ledger::reports`. Throws Error(io) when a file cannot be read.
[[nodiscard]] Ledger read_ledger(
    const std::string& journal_directory, bool keep_rows = true,
    const std::function<void(const AttemptRecord& record)>& on_attempt = {});

}  // namespace wbs::harness
