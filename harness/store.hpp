// The SQLite store: what analysts query. Derived from the journal; only rank 0 writes it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "harness/ledger.hpp"
#include "harness/records.hpp"

namespace wbs::harness {

/// Tables campaign, runs, cases, case_parameters, case_tasks, tasks, task_inputs, attempts,
/// metrics, rows, warnings and views case_metrics and speedups (store_schema.cpp is their
/// reference). Writes gather in a transaction until `commit`. Every function throws Error(io)
/// naming the file. Adding the same records in any order gives the same content.
class Store {
 public:
  /// Opens or creates `path`; ":memory:" works. An existing file of another schema version is
  /// refused.
  explicit Store(const std::string& path);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  void put(const RunRecord& record);
  void put(const TaskRecord& record);
  void put(const CaseRecord& record);
  /// Replaces what is known of the task when the attempt is its newest.
  void put(const AttemptRecord& record);
  void put(const StartRecord& record);
  void put(const DistrustRecord& record);
  void remove_packs(const std::vector<std::string>& packs);
  /// Everything of `ledger` but its attempts: those are `put` as they are read.
  void put_rest(const Ledger& ledger);

  void commit();
  /// How far the store is known to agree with the journals.
  struct Clean {
    int run = 0;              ///< the last run that ended in order; 0: none
    std::uint64_t bytes = 0;  ///< of all journals at that time
    friend bool operator==(const Clean&, const Clean&) = default;
  };
  [[nodiscard]] Clean clean();
  void set_clean(const Clean& clean);

  /// Every table's content as text in key order: equal stores have equal dumps.
  [[nodiscard]] std::string dump();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// SQL that creates the tables and views.
[[nodiscard]] const char* store_schema() noexcept;

}  // namespace wbs::harness
