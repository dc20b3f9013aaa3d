// Which task runs where and when: pure bookkeeping, no messages and no clocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "harness/durations.hpp"
#include "harness/plan.hpp"
#include "harness/stage.hpp"

namespace wbs::harness {

/// What a rank told about the machine it runs on.
struct RankPlace {
  std::string node;
  int cores = 1;
  std::int64_t memory_bytes = 0;  ///< 0: unknown, no limit
};

/// Hands out tasks: those whose inputs have passed, longest expected path first, in batches when
/// they are small. Never runs an exclusive task beside anything else on its node; exclusive tasks
/// wait until no shared task is ready there.
class Scheduler {
 public:
  enum class State { blocked, ready, assigned, passed, ended };

  /// `resources` and `initial` (passed, ended, or blocked for "to do") are aligned to plan.tasks.
  Scheduler(const Plan& plan, std::vector<Resources> resources, const std::vector<State>& initial,
            DurationModel durations);

  /// Call once, before `take`. `threads` per rank; 0 divides each node's cores among its ranks.
  void set_ranks(const std::vector<RankPlace>& places, int threads);

  /// The next tasks for `rank`, in order; they are then `assigned`. Empty when there is nothing for
  /// it now.
  [[nodiscard]] std::vector<std::size_t> take(int rank);
  [[nodiscard]] int threads_for(std::size_t task, int rank) const;

  /// An assigned task passed; dependents may become ready.
  void pass(std::size_t task, double seconds);
  /// An assigned, blocked or ready task is over and did not pass. Returns the tasks that can
  /// therefore never run, now `ended` too, in plan order.
  std::vector<std::size_t> end(std::size_t task);
  /// An assigned task goes back: to be tried again, or because it never started.
  void give_back(std::size_t task);
  /// Some input of the task ended without passing: it can never run.
  [[nodiscard]] bool doomed(std::size_t task) const;
  /// A passed task has to run again (its artifact is lost). Dependents that wait go on waiting.
  void reopen(std::size_t task);

  [[nodiscard]] State state(std::size_t task) const { return states_[task]; }
  [[nodiscard]] std::size_t assigned() const noexcept { return assigned_; }
  [[nodiscard]] std::size_t unfinished() const noexcept { return unfinished_; }
  /// Expected seconds of work left, divided by the ranks.
  [[nodiscard]] double expected_left() const;

 private:
  using Ready = std::set<std::pair<double, std::size_t>>;  ///< (-expected path, task)

  struct Node {
    int cores = 1;
    std::int64_t memory_bytes = 0;
    std::vector<int> ranks;
    bool exclusive = false;
  };
  struct Rank {
    std::size_t node = 0;
    int threads = 1;
    std::size_t outstanding = 0;
    int cores = 0;  ///< claimed while tasks are outstanding
    std::int64_t memory_bytes = 0;
  };

  void settle(std::size_t task);  ///< blocked or ready, as its inputs have it
  void leave(std::size_t task);   ///< takes the task out of its ready set or off its rank
  void enter_ready(std::size_t task);
  void update_paths();
  [[nodiscard]] bool fits(std::size_t task, int rank) const;
  [[nodiscard]] bool node_idle(const Node& node) const;
  void assign(std::size_t task, int rank);
  [[nodiscard]] std::vector<std::size_t> take_shared(int rank);

  std::vector<std::vector<std::size_t>> inputs_;
  std::vector<std::vector<std::size_t>> dependents_;
  std::vector<Resources> resources_;
  std::vector<State> states_;
  std::vector<int> rank_of_;       ///< of an assigned task
  std::vector<double> path_;       ///< expected seconds of the longest path that starts at the task
  std::vector<double> queued_as_;  ///< key in the ready set
  DurationModel durations_;
  std::size_t next_update_ = 1;
  Ready shared_;
  Ready exclusive_;
  std::vector<Node> nodes_;
  std::vector<Rank> ranks_;
  std::size_t assigned_ = 0;
  std::size_t unfinished_ = 0;
};

}  // namespace wbs::harness
