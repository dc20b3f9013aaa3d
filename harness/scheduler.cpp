#include "harness/scheduler.hpp"

#include <algorithm>
#include <map>
#include <queue>
#include <string>

#include "core/error.hpp"

namespace wbs::harness {
namespace {

/// A batch should take about this long: long against a message (about 2 ms), short enough for an
/// even end.
constexpr double kBatchSeconds = 0.03;
constexpr std::size_t kMaxBatch = 64;
/// Ready tasks to look at for one that fits the node's free cores and memory.
constexpr int kScan = 64;

}  // namespace

Scheduler::Scheduler(const Plan& plan, std::vector<Resources> resources,
                     const std::vector<State>& initial, DurationModel durations)
    : inputs_(plan.tasks.size()),
      dependents_(plan.tasks.size()),
      resources_(std::move(resources)),
      states_(initial),
      rank_of_(plan.tasks.size(), -1),
      path_(plan.tasks.size(), 0.0),
      queued_as_(plan.tasks.size(), 0.0),
      durations_(std::move(durations)) {
  WBS_ASSERT(resources_.size() == plan.tasks.size() && states_.size() == plan.tasks.size());
  for (std::size_t task = 0; task < plan.tasks.size(); ++task) {
    inputs_[task] = plan.tasks[task].inputs;
    for (const std::size_t input : inputs_[task]) {
      WBS_ASSERT(input < task);
      dependents_[input].push_back(task);
    }
  }
  update_paths();
  for (std::size_t task = 0; task < states_.size(); ++task) {
    if (states_[task] == State::passed || states_[task] == State::ended) continue;
    ++unfinished_;
    states_[task] = State::blocked;
    settle(task);
  }
}

void Scheduler::set_ranks(const std::vector<RankPlace>& places, int threads) {
  std::map<std::string, std::size_t> numbers;
  for (const RankPlace& place : places) {
    const auto [entry, added] = numbers.emplace(place.node, nodes_.size());
    if (added) nodes_.push_back({place.cores, place.memory_bytes, {}, false});
    nodes_[entry->second].ranks.push_back(static_cast<int>(ranks_.size()));
    ranks_.push_back({entry->second, 1, 0, 0, 0});
  }
  for (Node& node : nodes_) {
    const int per_rank =
        threads > 0 ? threads : std::max(1, node.cores / static_cast<int>(node.ranks.size()));
    for (const int rank : node.ranks) ranks_[static_cast<std::size_t>(rank)].threads = per_rank;
    node.cores = std::max(node.cores, per_rank * static_cast<int>(node.ranks.size()));
  }
}

void Scheduler::update_paths() {
  for (std::size_t task = path_.size(); task-- > 0;) {
    double longest = 0.0;
    for (const std::size_t dependent : dependents_[task]) {
      longest = std::max(longest, path_[dependent]);
    }
    path_[task] = durations_.expect(task) + longest;
  }
  for (Ready* ready : {&shared_, &exclusive_}) {
    Ready updated;
    for (const auto& [key, task] : *ready) {
      queued_as_[task] = -path_[task];
      updated.emplace(queued_as_[task], task);
    }
    ready->swap(updated);
  }
}

void Scheduler::enter_ready(std::size_t task) {
  states_[task] = State::ready;
  queued_as_[task] = -path_[task];
  (resources_[task].exclusive ? exclusive_ : shared_).emplace(queued_as_[task], task);
}

void Scheduler::settle(std::size_t task) {
  const bool runnable =
      std::all_of(inputs_[task].begin(), inputs_[task].end(),
                  [&](std::size_t input) { return states_[input] == State::passed; });
  if (runnable) {
    enter_ready(task);
  } else {
    states_[task] = State::blocked;
  }
}

void Scheduler::leave(std::size_t task) {
  if (states_[task] == State::ready) {
    (resources_[task].exclusive ? exclusive_ : shared_).erase({queued_as_[task], task});
  }
  if (states_[task] == State::assigned) {
    Rank& rank = ranks_[static_cast<std::size_t>(rank_of_[task])];
    if (--rank.outstanding == 0) {
      rank.cores = 0;
      rank.memory_bytes = 0;
    }
    if (resources_[task].exclusive) nodes_[rank.node].exclusive = false;
    rank_of_[task] = -1;
    --assigned_;
  }
}

bool Scheduler::node_idle(const Node& node) const {
  return std::all_of(node.ranks.begin(), node.ranks.end(), [&](int rank) {
    return ranks_[static_cast<std::size_t>(rank)].outstanding == 0;
  });
}

int Scheduler::threads_for(std::size_t task, int rank) const {
  const Rank& runner = ranks_[static_cast<std::size_t>(rank)];
  return std::max(runner.threads, std::min(resources_[task].cores, nodes_[runner.node].cores));
}

bool Scheduler::fits(std::size_t task, int rank) const {
  const Node& node = nodes_[ranks_[static_cast<std::size_t>(rank)].node];
  int cores = threads_for(task, rank);
  std::int64_t memory = resources_[task].memory_bytes;
  bool others = false;
  for (const int other : node.ranks) {
    const Rank& busy = ranks_[static_cast<std::size_t>(other)];
    if (other == rank || busy.outstanding == 0) continue;
    others = true;
    cores += busy.cores;
    memory += busy.memory_bytes;
  }
  // Alone on its node a task may run whatever it declares.
  if (!others) return true;
  return cores <= node.cores && (node.memory_bytes == 0 || memory <= node.memory_bytes);
}

void Scheduler::assign(std::size_t task, int rank) {
  leave(task);
  states_[task] = State::assigned;
  rank_of_[task] = rank;
  ++assigned_;
  Rank& runner = ranks_[static_cast<std::size_t>(rank)];
  ++runner.outstanding;
  runner.cores = std::max(runner.cores, threads_for(task, rank));
  runner.memory_bytes = std::max(runner.memory_bytes, resources_[task].memory_bytes);
  if (resources_[task].exclusive) nodes_[runner.node].exclusive = true;
}

std::vector<std::size_t> Scheduler::take_shared(int rank) {
  std::vector<std::size_t> batch;
  const Rank& runner = ranks_[static_cast<std::size_t>(rank)];
  const std::size_t share =
      std::min(kMaxBatch, std::max<std::size_t>(1, shared_.size() / (2 * ranks_.size())));
  double expected = 0.0;
  int scanned = 0;
  for (auto entry = shared_.begin(); entry != shared_.end() && scanned < kScan; ++scanned) {
    const std::size_t task = entry->second;
    ++entry;  // `assign` erases the one before
    if (!fits(task, rank)) continue;
    // Only small tasks with the rank's usual threads share a batch; others go alone.
    const bool small = durations_.known(task) && durations_.expect(task) < kBatchSeconds &&
                       resources_[task].cores <= runner.threads;
    if (!small && (!batch.empty() || runner.outstanding > 0)) continue;
    assign(task, rank);
    batch.push_back(task);
    expected += durations_.expect(task);
    if (!small || batch.size() >= share || expected >= kBatchSeconds) break;
  }
  return batch;
}

std::vector<std::size_t> Scheduler::take(int rank) {
  const Rank& runner = ranks_[static_cast<std::size_t>(rank)];
  const Node& node = nodes_[runner.node];
  if (node.exclusive) return {};
  std::vector<std::size_t> batch = take_shared(rank);
  if (batch.empty() && !exclusive_.empty() && node_idle(node)) {
    const std::size_t task = exclusive_.begin()->second;
    assign(task, rank);
    batch.push_back(task);
  }
  return batch;
}

void Scheduler::pass(std::size_t task, double seconds) {
  leave(task);
  states_[task] = State::passed;
  --unfinished_;
  durations_.observe(task, seconds);
  for (const std::size_t dependent : dependents_[task]) {
    if (states_[dependent] == State::blocked) settle(dependent);
  }
  // At 1, 2, 4, 8, ... observations: cheap in total, and early ones change the picture most.
  if (durations_.observations() >= next_update_) {
    next_update_ = 2 * durations_.observations();
    update_paths();
  }
}

std::vector<std::size_t> Scheduler::end(std::size_t task) {
  leave(task);
  states_[task] = State::ended;
  --unfinished_;
  std::set<std::size_t> reached(dependents_[task].begin(), dependents_[task].end());
  std::vector<std::size_t> skipped;
  while (!reached.empty()) {
    const std::size_t next = *reached.begin();
    reached.erase(reached.begin());
    if (states_[next] != State::blocked && states_[next] != State::ready) continue;
    leave(next);
    states_[next] = State::ended;
    --unfinished_;
    skipped.push_back(next);
    reached.insert(dependents_[next].begin(), dependents_[next].end());
  }
  return skipped;
}

void Scheduler::give_back(std::size_t task) {
  WBS_ASSERT(states_[task] == State::assigned);
  leave(task);
  settle(task);
}

bool Scheduler::doomed(std::size_t task) const {
  return std::any_of(inputs_[task].begin(), inputs_[task].end(),
                     [&](std::size_t input) { return states_[input] == State::ended; });
}

void Scheduler::reopen(std::size_t task) {
  WBS_ASSERT(states_[task] == State::passed);
  ++unfinished_;
  settle(task);
  for (const std::size_t dependent : dependents_[task]) {
    if (states_[dependent] != State::ready) continue;
    leave(dependent);
    settle(dependent);
  }
}

double Scheduler::expected_left() const {
  double seconds = 0.0;
  for (std::size_t task = 0; task < states_.size(); ++task) {
    const State state = states_[task];
    if (state != State::passed && state != State::ended) seconds += durations_.expect(task);
  }
  return seconds / static_cast<double>(std::max<std::size_t>(1, ranks_.size()));
}

}  // namespace wbs::harness
