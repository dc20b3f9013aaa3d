// Rank 0's part of a sweep: hands out tasks, takes results, keeps the store, decides when it is
// over.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "harness/campaign.hpp"
#include "harness/progress.hpp"
#include "harness/rank_worker.hpp"
#include "harness/scheduler.hpp"
#include "harness/sweep.hpp"

namespace wbs::harness {

class Coordinator {
 public:
  /// `local` is rank 0's own worker. All references must outlive this.
  Coordinator(const Plan& plan, const StageRegistry& registry, const SweepOptions& options,
              Campaign& campaign, Transport& transport, RankWorker& local);

  /// Invites the ranks to the run.
  void begin();
  /// Takes a message of a rank. Throws Error when the store cannot be written.
  void handle(int from, const nlohmann::json& message);
  /// Hands out work, writes the store now and then, watches signals and the deadline.
  void step();
  /// Every rank has said "bye".
  [[nodiscard]] bool finished() const noexcept { return byes_ == ranks_.size(); }

  /// No more work is handed out; running tasks have `grace_s` to end.
  void stop(const std::string& reason, double grace_s);
  /// As `stop`; `error` will be rethrown by `conclude`. Only the first error counts.
  void fail(std::exception_ptr error);

  /// Call when `finished`: marks the store complete and sums up, or throws what `fail` was given.
  [[nodiscard]] SweepSummary conclude();

 private:
  using Clock = std::chrono::steady_clock;
  struct TaskState {
    int attempts = 0;     ///< given out so far, in all runs
    int retries = 0;      ///< used in this run
    bool remade = false;  ///< ran again because its artifact was damaged
    ArtifactPlace artifact;
    int artifact_run = 0;
    int artifact_attempt = 0;
  };
  struct RankState {
    bool hello = false;
    bool hungry = false;
    bool bye = false;
    RankPlace place;
  };

  void take_history();
  [[nodiscard]] bool reusable(std::size_t task, const AttemptRecord& newest) const;
  void settle_kept_failures();
  void greet(int from, const nlohmann::json& message);
  void take_results(const nlohmann::json& message);
  void take_result(const AttemptRecord& record, bool transient);
  void take_bad_input(const nlohmann::json& message);
  void end_task(std::size_t task);
  void skip(const std::vector<std::size_t>& tasks);
  void skip_one(std::size_t task);
  void record_verdict(std::size_t task);
  [[nodiscard]] std::string skip_reason(std::size_t task) const;
  void hand_out();
  void send_work(int rank, const std::vector<std::size_t>& tasks);
  void keep_store(bool now);
  void show_progress(bool now);
  void send_all(const nlohmann::json& message);

  const Plan& plan_;
  const SweepOptions& options_;
  Campaign& campaign_;
  Transport& transport_;
  RankWorker& local_;
  std::unordered_map<std::string, std::size_t> index_;
  std::vector<TaskOutcome> outcomes_;
  std::vector<TaskState> states_;
  std::vector<Scheduler::State> initial_;
  std::vector<Resources> resources_;
  std::vector<RankState> ranks_;
  std::optional<Scheduler> scheduler_;
  std::size_t greeted_ = 0;
  std::size_t byes_ = 0;
  std::uint64_t journal_bytes_ = 0;  ///< written by the other ranks in this run
  bool stopping_ = false;
  int signals_seen_ = 0;
  std::string interrupted_;
  std::exception_ptr error_;
  Clock::time_point started_ = Clock::now();
  Clock::time_point last_store_ = Clock::now();
  std::size_t unstored_ = 0;
  std::size_t tasks_run_ = 0;
  Progress progress_;
};

}  // namespace wbs::harness
