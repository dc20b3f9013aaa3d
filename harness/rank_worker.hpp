// What every rank does during a sweep: drives a child process through the tasks that rank 0 sends,
// commits what it finished, and reports.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "harness/child_process.hpp"
#include "harness/committer.hpp"
#include "harness/records.hpp"
#include "harness/transport.hpp"

namespace wbs::harness {

/// What a rank must know to take part in a run.
struct WorkerStart {
  std::string directory;  ///< the campaign's
  int run = 0;
  std::vector<std::string> command;  ///< of the child
  double timeout_s = 0.0;            ///< per attempt; 0: none
};

/// Sends "hello", "need", "done", "bad_input", "fraction", "failed" and "bye" (README.md says what
/// they carry). No function throws Error: a failure is reported to rank 0, which ends the run on
/// every rank, so that none waits for another.
class RankWorker {
 public:
  explicit RankWorker(Transport& transport);
  ~RankWorker();

  /// Takes part in a run. On rank 0 `shared_journal` is the campaign's; elsewhere null: it opens
  /// its own.
  void start(const WorkerStart& start, JournalWriter* shared_journal);
  /// Takes "work" and "stop".
  void handle(const nlohmann::json& message);
  /// Moves everything along: never waits.
  void step();
  /// Between `start` and the "bye" that answers "stop".
  [[nodiscard]] bool active() const noexcept { return phase_ != Phase::idle; }
  /// Commits a record of rank 0's own making (a skipped task).
  void commit(AttemptRecord record);

  /// Adds the descriptors whose activity `step` waits for.
  void watch(std::vector<pollfd>& descriptors) const;

 private:
  using Clock = std::chrono::steady_clock;
  enum class Phase { idle, running, stopping, failed };

  struct Assignment {
    std::string key;
    int attempt = 0;
    std::string stage;
    Values parameters;
    int threads = 1;
    struct Input {
      std::string key;
      ArtifactPlace place;
    };
    std::map<std::string, Input> inputs;  ///< by stage
  };
  struct Running {
    Assignment assignment;
    std::string output_path;
    Clock::time_point started;
    std::uint64_t log_offset = 0;
  };

  void open_run(const WorkerStart& start, JournalWriter* shared_journal);
  void report_failure(int kind, const std::string& message);
  void guarded_step();
  void receive_from_child();
  void check_limits();
  void start_next();
  void ensure_child(int threads);
  [[nodiscard]] bool open_inputs(const Assignment& assignment, nlohmann::json& paths);
  void child_answered(const nlohmann::json& answer);
  void lose_child(Outcome outcome, const std::string& reason, bool transient);
  void finish(Outcome outcome, std::string reason, const nlohmann::json& answer, bool transient);
  void send_durable();
  void ask_for_work();
  void end_run();
  void send(const nlohmann::json& message);
  [[nodiscard]] double elapsed() const;

  Transport& transport_;
  Phase phase_ = Phase::idle;
  WorkerStart start_;
  std::string scratch_;
  std::string log_name_;
  std::unique_ptr<JournalWriter> own_journal_;
  JournalWriter* journal_ = nullptr;
  std::unique_ptr<Committer> committer_;
  std::unique_ptr<ChildProcess> child_;
  int child_threads_ = 0;
  std::deque<Assignment> queue_;
  std::optional<Running> running_;
  std::unordered_map<std::string, std::string> verified_;  ///< artifact digest -> path
  std::uint64_t outputs_ = 0;
  std::size_t last_batch_ = 0;
  bool asked_ = false;
  std::optional<Clock::time_point>
      kill_at_;  ///< when stopping: the end of the running task's grace
};

}  // namespace wbs::harness
