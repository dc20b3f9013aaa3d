#include "harness/coordinator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "core/error.hpp"
#include "harness/frames.hpp"
#include "harness/signals.hpp"
#include "harness/values.hpp"

namespace wbs::harness {
namespace {

using nlohmann::json;

/// A task that took its whole rank down this often is not started again by itself.
constexpr std::size_t kMaxLost = 3;

double now_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

TaskOutcome outcome_of(const AttemptRecord& record, bool reused) {
  TaskOutcome outcome;
  outcome.outcome = record.outcome;
  outcome.reason = record.reason;
  outcome.attempt = record.attempt;
  outcome.reused = reused;
  outcome.seconds = record.seconds;
  outcome.artifact_digest = record.artifact.digest;
  outcome.result = record.result;
  return outcome;
}

/// Outcomes that stand until someone asks for a retry.
bool kept_failure(Outcome outcome) {
  return outcome == Outcome::failed || outcome == Outcome::diverged ||
         outcome == Outcome::unsupported || outcome == Outcome::timed_out;
}

}  // namespace

Coordinator::Coordinator(const Plan& plan, const StageRegistry& registry,
                         const SweepOptions& options, Campaign& campaign, Transport& transport,
                         RankWorker& local)
    : plan_(plan),
      options_(options),
      campaign_(campaign),
      transport_(transport),
      local_(local),
      outcomes_(plan.tasks.size()),
      states_(plan.tasks.size()),
      initial_(plan.tasks.size(), Scheduler::State::blocked),
      ranks_(static_cast<std::size_t>(transport.size())),
      progress_(options.progress) {
  DurationModel durations;
  for (std::size_t task = 0; task < plan.tasks.size(); ++task) {
    index_.emplace(plan.tasks[task].key, task);
    durations.add(plan.tasks[task].stage, plan.tasks[task].parameters);
    const Stage* stage = registry.find(plan.tasks[task].stage);
    if (stage == nullptr) {
      throw Error(ErrorKind::internal,
                  fmt::format("the plan names a stage '{}' that is not registered",
                              plan.tasks[task].stage));
    }
    resources_.push_back(stage->resources(plan.tasks[task].parameters));
  }
  WBS_ASSERT(index_.size() == plan.tasks.size());
  take_history();
  for (std::size_t task = 0; task < plan.tasks.size(); ++task) {
    const TaskHistory* history = campaign.ledger().history(plan.tasks[task].key);
    if (history != nullptr && history->newest && history->newest->outcome == Outcome::passed) {
      durations.observe(task, history->newest->seconds);
    }
  }
  scheduler_.emplace(plan_, resources_, initial_, std::move(durations));
}

bool Coordinator::reusable(std::size_t task, const AttemptRecord& newest) const {
  if (newest.outcome != Outcome::passed) return false;
  return !(options_.remeasure && resources_[task].exclusive);
}

void Coordinator::take_history() {
  const Ledger& ledger = campaign_.ledger();
  const std::string packs = packs_directory(campaign_.directory());
  std::unordered_set<std::string> present;
  for (const char* suffix : {".pack", ".artifact"}) {
    for (std::string& name : files_in(packs, suffix)) present.insert(std::move(name));
  }
  for (std::size_t task = 0; task < plan_.tasks.size(); ++task) {
    const TaskHistory* history = ledger.history(plan_.tasks[task].key);
    if (history == nullptr) continue;
    states_[task].attempts = history->last_attempt;
    if (history->newest && reusable(task, *history->newest)) {
      initial_[task] = Scheduler::State::passed;
      outcomes_[task] = outcome_of(*history->newest, true);
      states_[task].artifact = history->newest->artifact;
      states_[task].artifact_run = history->newest->run;
      states_[task].artifact_attempt = history->newest->attempt;
    } else if (history->newest && kept_failure(history->newest->outcome) &&
               !options_.retry_failed) {
      initial_[task] = Scheduler::State::ended;
      outcomes_[task] = outcome_of(*history->newest, false);
    }
  }
  // A passed task whose artifact is gone must run again, but only for a dependent that runs.
  std::vector<bool> needed(plan_.tasks.size(), false);
  for (std::size_t task = plan_.tasks.size(); task-- > 0;) {
    const ArtifactPlace& place = states_[task].artifact;
    const bool lost = !place.digest.empty() && !present.contains(place.pack);
    if (initial_[task] == Scheduler::State::passed && lost && needed[task]) {
      initial_[task] = Scheduler::State::blocked;
      outcomes_[task] = {};
    }
    if (initial_[task] == Scheduler::State::blocked) {
      for (const std::size_t input : plan_.tasks[task].inputs) needed[input] = true;
    }
  }
}

void Coordinator::settle_kept_failures() {
  // What failed in earlier runs stands, and so does what therefore cannot run.
  for (std::size_t task = 0; task < plan_.tasks.size(); ++task) {
    if (scheduler_->state(task) == Scheduler::State::blocked && scheduler_->doomed(task)) {
      skip(scheduler_->end(task));
      skip_one(task);
    }
  }
  // A task that was running each time the run died is taken for the cause.
  for (std::size_t task = 0; task < plan_.tasks.size(); ++task) {
    const TaskHistory* history = campaign_.ledger().history(plan_.tasks[task].key);
    if (history == nullptr || options_.retry_failed || history->open_starts.size() < kMaxLost ||
        scheduler_->state(task) == Scheduler::State::passed ||
        scheduler_->state(task) == Scheduler::State::ended) {
      continue;
    }
    outcomes_[task].outcome = Outcome::failed;
    outcomes_[task].reason =
        fmt::format("the run died {} times while this was running; --retry-failed tries again",
                    history->open_starts.size());
    record_verdict(task);
    end_task(task);
  }
}

void Coordinator::send_all(const json& message) {
  const std::string bytes = pack_message(message);
  for (int rank = 0; rank < transport_.size(); ++rank) transport_.send(rank, bytes);
}

void Coordinator::begin() {
  const WorkerStart start{std::filesystem::absolute(campaign_.directory()).string(),
                          campaign_.run().run, options_.worker_command, options_.timeout_s};
  const std::string bytes = pack_message({{"m", "start"},
                                          {"directory", start.directory},
                                          {"run", start.run},
                                          {"command", start.command},
                                          {"timeout", start.timeout_s}});
  for (int rank = 1; rank < transport_.size(); ++rank) transport_.send(rank, bytes);
  local_.start(start, &campaign_.journal());
}

void Coordinator::handle(int from, const json& message) {
  const std::string kind = message.at("m").get<std::string>();
  RankState& rank = ranks_[static_cast<std::size_t>(from)];
  if (kind == "done") {
    take_results(message);
  } else if (kind == "need") {
    rank.hungry = true;
  } else if (kind == "hello") {
    greet(from, message);
  } else if (kind == "bad_input") {
    take_bad_input(message);
  } else if (kind == "signal") {
    stop(message.at("name").get<std::string>(),
         message.at("count") > 1 ? 0.0 : options_.stop_grace_s);
  } else if (kind == "failed") {
    fail(std::make_exception_ptr(Error(static_cast<ErrorKind>(message.at("kind").get<int>()),
                                       message.at("message").get<std::string>())));
  } else if (kind == "bye" && !rank.bye) {
    rank.bye = true;
    if (from != 0) journal_bytes_ += message.at("journal_bytes").get<std::uint64_t>();
    ++byes_;
  }
}

void Coordinator::greet(int from, const json& message) {
  RankState& rank = ranks_[static_cast<std::size_t>(from)];
  rank.hello = true;
  rank.hungry = true;
  rank.place = {message.at("node").get<std::string>(), message.at("cores").get<int>(),
                message.at("memory").get<std::int64_t>()};
  if (++greeted_ < ranks_.size()) return;
  std::vector<RankPlace> places;
  places.reserve(ranks_.size());
  for (const RankState& each : ranks_) places.push_back(each.place);
  scheduler_->set_ranks(places, options_.threads);
  settle_kept_failures();
}

void Coordinator::take_results(const json& message) {
  const json& records = message.at("records");
  for (std::size_t at = 0; at < records.size(); ++at) {
    take_result(attempt_record(records[at]), message.at("transient")[at].get<bool>());
  }
}

void Coordinator::take_result(const AttemptRecord& record, bool transient) {
  campaign_.store().put(record);
  ++unstored_;
  const auto found = index_.find(record.key);
  WBS_ASSERT(found != index_.end());
  const std::size_t task = found->second;
  // A verdict of this class comes back from the journal when it is long known.
  if (scheduler_->state(task) != Scheduler::State::assigned) return;
  TaskState& state = states_[task];
  if (transient && state.retries < options_.retries && !stopping_) {
    ++state.retries;
    scheduler_->give_back(task);
    return;
  }
  ++tasks_run_;
  outcomes_[task] = outcome_of(record, false);
  if (!options_.keep_rows) outcomes_[task].result.rows.clear();
  if (record.outcome == Outcome::passed) {
    state.artifact = record.artifact;
    state.artifact_run = record.run;
    state.artifact_attempt = record.attempt;
    scheduler_->pass(task, record.seconds);
  } else if (record.outcome == Outcome::aborted) {
    scheduler_->give_back(task);
  } else {
    end_task(task);
  }
}

void Coordinator::take_bad_input(const json& message) {
  const std::size_t consumer = index_.at(message.at("key").get<std::string>());
  const std::size_t producer = index_.at(message.at("input").get<std::string>());
  TaskState& state = states_[producer];
  // Several consumers may report the same artifact.
  if (scheduler_->state(producer) == Scheduler::State::passed &&
      state.artifact.digest == message.at("digest").get<std::string>()) {
    const DistrustRecord record{plan_.tasks[producer].key, state.artifact_run,
                                state.artifact_attempt, message.at("reason").get<std::string>()};
    campaign_.journal().append(to_json(record).dump());
    campaign_.store().put(record);
    outcomes_[producer].outcome = Outcome::untrusted;
    outcomes_[producer].reason = record.reason;
    scheduler_->reopen(producer);
    if (state.remade) {
      end_task(producer);
    } else {
      state.remade = true;
    }
  }
  scheduler_->give_back(consumer);
  if (scheduler_->doomed(consumer)) {
    skip(scheduler_->end(consumer));
    skip_one(consumer);
  }
}

void Coordinator::end_task(std::size_t task) {
  skip(scheduler_->end(task));
}

std::string Coordinator::skip_reason(std::size_t task) const {
  for (const std::size_t input : plan_.tasks[task].inputs) {
    if (scheduler_->state(input) != Scheduler::State::ended) continue;
    const TaskOutcome& cause = outcomes_[input];
    if (cause.outcome == Outcome::skipped) return cause.reason;
    return fmt::format("{} {}: {}", plan_.tasks[input].stage, to_string(cause.outcome),
                       cause.reason);
  }
  return "an input did not pass";
}

void Coordinator::skip(const std::vector<std::size_t>& tasks) {
  for (const std::size_t task : tasks) skip_one(task);
}

void Coordinator::skip_one(std::size_t task) {
  TaskOutcome& outcome = outcomes_[task];
  outcome = {};
  outcome.outcome = Outcome::skipped;
  outcome.reason = skip_reason(task);
  const TaskHistory* history = campaign_.ledger().history(plan_.tasks[task].key);
  outcome.attempt = states_[task].attempts;
  if (history != nullptr && history->newest && history->newest->outcome == Outcome::skipped &&
      history->newest->reason == outcome.reason) {
    return;  // recorded by an earlier run
  }
  record_verdict(task);
}

void Coordinator::record_verdict(std::size_t task) {
  outcomes_[task].attempt = ++states_[task].attempts;
  AttemptRecord record;
  record.key = plan_.tasks[task].key;
  record.run = campaign_.run().run;
  record.attempt = outcomes_[task].attempt;
  record.outcome = outcomes_[task].outcome;
  record.reason = outcomes_[task].reason;
  record.finished_at = now_since_1970();
  local_.commit(std::move(record));
}

void Coordinator::hand_out() {
  if (greeted_ < ranks_.size()) return;
  for (std::size_t rank = 0; rank < ranks_.size(); ++rank) {
    if (!ranks_[rank].hungry) continue;
    const std::vector<std::size_t> tasks = scheduler_->take(static_cast<int>(rank));
    if (tasks.empty()) continue;
    ranks_[rank].hungry = false;
    send_work(static_cast<int>(rank), tasks);
  }
}

void Coordinator::send_work(int rank, const std::vector<std::size_t>& tasks) {
  json list = json::array();
  for (const std::size_t task : tasks) {
    json inputs = json::object();
    for (const std::size_t input : plan_.tasks[task].inputs) {
      if (states_[input].artifact.digest.empty()) continue;
      json place = to_json(states_[input].artifact);
      place["key"] = plan_.tasks[input].key;
      inputs[plan_.tasks[input].stage] = std::move(place);
    }
    list.push_back({{"key", plan_.tasks[task].key},
                    {"attempt", ++states_[task].attempts},
                    {"stage", plan_.tasks[task].stage},
                    {"parameters", to_json(plan_.tasks[task].parameters)},
                    {"threads", scheduler_->threads_for(task, rank)},
                    {"inputs", std::move(inputs)}});
  }
  transport_.send(rank, pack_message({{"m", "work"}, {"tasks", std::move(list)}}));
}

void Coordinator::stop(const std::string& reason, double grace_s) {
  if (interrupted_.empty() && !stopping_) interrupted_ = reason;
  stopping_ = true;
  send_all({{"m", "stop"}, {"grace", grace_s}});
}

void Coordinator::fail(std::exception_ptr error) {
  if (!error_) error_ = std::move(error);
  stop("error", options_.stop_grace_s);
}

void Coordinator::step() {
  if (finished()) return;
  if (SignalWatch::count() > signals_seen_) {
    signals_seen_ = SignalWatch::count();
    stop(SignalWatch::name(SignalWatch::first()), signals_seen_ > 1 ? 0.0 : options_.stop_grace_s);
  }
  const double elapsed = std::chrono::duration<double>(Clock::now() - started_).count();
  if (!stopping_ && options_.deadline_s > 0 &&
      elapsed + options_.stop_grace_s >= options_.deadline_s) {
    stop("deadline", options_.stop_grace_s);
  }
  if (!stopping_) hand_out();
  if (!stopping_ && greeted_ == ranks_.size() && scheduler_->unfinished() == 0) {
    stop("", options_.stop_grace_s);
  }
  keep_store(false);
  show_progress(false);
}

void Coordinator::keep_store(bool now) {
  constexpr auto kPause = std::chrono::milliseconds(500);
  constexpr std::size_t kMany = 2000;
  if (error_ && !now) return;
  if (unstored_ == 0 && !now) return;
  if (!now && unstored_ < kMany && Clock::now() - last_store_ < kPause) return;
  campaign_.store().commit();
  unstored_ = 0;
  last_store_ = Clock::now();
}

void Coordinator::show_progress(bool now) {
  if (!now && !progress_.due()) return;
  ProgressState state;
  state.total = plan_.tasks.size();
  state.run = tasks_run_;
  for (const TaskOutcome& outcome : outcomes_) {
    if (outcome.outcome == Outcome::planned || outcome.outcome == Outcome::aborted) continue;
    ++state.done;
    if (outcome.outcome != Outcome::passed) ++state.failed;
  }
  state.expected_left_s = scheduler_->expected_left();
  if (now) {
    progress_.finish(state);
  } else {
    progress_.show(state);
  }
}

SweepSummary Coordinator::conclude() {
  WBS_ASSERT(finished());
  if (error_) std::rethrow_exception(error_);
  campaign_.journal().sync();
  campaign_.store().set_clean(
      {campaign_.run().run,
       campaign_.ledger().bytes() + campaign_.journal().size() + journal_bytes_});
  keep_store(true);
  show_progress(true);
  SweepSummary summary;
  summary.cases = plan_.cases.size();
  for (const Case& point : plan_.cases) {
    bool passed = true;
    bool failed = false;
    bool reused = true;
    for (const std::size_t task : point.tasks) {
      const Outcome outcome = outcomes_[task].outcome;
      passed = passed && outcome == Outcome::passed;
      failed = failed || (outcome != Outcome::passed && outcome != Outcome::planned &&
                          outcome != Outcome::aborted);
      reused = reused && outcomes_[task].reused;
    }
    summary.passed += passed ? 1 : 0;
    summary.failed += failed ? 1 : 0;
    summary.reused += passed && reused ? 1 : 0;
  }
  for (const TaskOutcome& outcome : outcomes_) summary.tasks_reused += outcome.reused ? 1 : 0;
  summary.tasks_run = tasks_run_;
  summary.outcomes = std::move(outcomes_);
  summary.seconds = std::chrono::duration<double>(Clock::now() - started_).count();
  summary.run = campaign_.run().run;
  summary.generation = campaign_.run().generation;
  summary.interrupted = scheduler_->unfinished() > 0 ? interrupted_ : "";
  summary.notices = campaign_.notices();
  if (!summary.interrupted.empty()) {
    summary.exit_code = kExitInterrupted;
  } else if (summary.failed > 0) {
    summary.exit_code = kExitCaseFailed;
  }
  return summary;
}

}  // namespace wbs::harness
