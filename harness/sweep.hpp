// Running a plan: on this process alone or on all ranks of an MPI job, with the same results.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "harness/outcome.hpp"
#include "harness/plan.hpp"
#include "harness/stage.hpp"
#include "harness/transport.hpp"

namespace wbs::harness {

/// Exit codes of a sweep beside those of ErrorKind (core/error.hpp).
inline constexpr int kExitPassed = 0;
inline constexpr int kExitCaseFailed = 1;    ///< some case failed, diverged or timed out
inline constexpr int kExitInterrupted = 75;  ///< stopped by a signal or the deadline: run again

struct SweepOptions {
  std::string out;                          ///< the campaign's directory; made when missing
  std::vector<std::string> worker_command;  ///< absolute path of a program that calls worker_main
  int threads = 0;                          ///< per rank; 0: the node's cores divided by its ranks
  double timeout_s = 0.0;                   ///< per attempt; 0: none
  double deadline_s = 0.0;                  ///< stop this long after the start; 0: none
  double stop_grace_s = 2.0;                ///< how long running tasks may go on after a stop
  int retries = 1;                          ///< further tries after a crash or time-out
  bool retry_failed = false;    ///< try again what failed, timed out or diverged in earlier runs
  bool accept_changes = false;  ///< go on in a directory of another identity, as a new generation
  bool remeasure = false;       ///< run exclusive (measuring) stages again
  bool progress = true;         ///< to stderr: one live line on a terminal, plain lines otherwise
  bool keep_rows = true;        ///< hand detail rows back in the outcomes (they are stored anyway)
  std::map<std::string, std::string>
      documents;  ///< file name -> contents, written to the directory
};

struct SweepSummary {
  std::vector<TaskOutcome> outcomes;  ///< aligned to Plan::tasks
  std::size_t cases = 0;
  std::size_t passed = 0;  ///< cases of which every task passed
  std::size_t failed = 0;  ///< cases with a task that ended otherwise
  std::size_t reused = 0;  ///< passed cases of which every task was reused
  std::size_t tasks_run = 0;
  std::size_t tasks_reused = 0;
  double seconds = 0.0;
  int run = 0;
  int generation = 0;
  std::string interrupted;  ///< "SIGTERM", "deadline"; empty when it ran to the end
  std::vector<std::string>
      notices;  ///< about the directory: torn journals that were read, and so on
  int exit_code = kExitPassed;
};

/// Runs what is not done yet of `plan` in `options.out`, on all ranks of `transport`; the other
/// ranks must be in `with_ranks`. Call on rank 0. Throws Error, after every rank has stopped, when
/// the run cannot go on (usage: the directory holds another campaign; io: it cannot be written);
/// what had finished stays there.
[[nodiscard]] SweepSummary run_sweep(const Plan& plan, const StageRegistry& registry,
                                     const SweepOptions& options, Transport& transport);

/// Calls `body` on rank 0 while the other ranks serve the sweeps it runs. Returns body's exit code
/// on rank 0 and 0 on the others: mpirun reports the one that is not 0, and would kill ranks that
/// are still busy when another ended with an error. Whatever leaves `body`, an exception too, the
/// other ranks are released first.
[[nodiscard]] int with_ranks(Transport& transport, const std::function<int()>& body);

}  // namespace wbs::harness
