#include "harness/rank_worker.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/error.hpp"
#include "harness/ledger.hpp"
#include "harness/machine.hpp"
#include "harness/values.hpp"

namespace wbs::harness {
namespace {

using nlohmann::json;

/// Verified inputs that a rank keeps at hand.
constexpr std::size_t kMaxVerified = 256;

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

RankWorker::RankWorker(Transport& transport) : transport_(transport) {}

RankWorker::~RankWorker() {
  child_.reset();
  committer_.reset();
}

void RankWorker::send(const json& message) {
  transport_.send(0, pack_message(message));
}

double RankWorker::elapsed() const {
  return std::chrono::duration<double>(Clock::now() - running_->started).count();
}

void RankWorker::start(const WorkerStart& start, JournalWriter* shared_journal) {
  phase_ = Phase::running;
  try {
    open_run(start, shared_journal);
    send({{"m", "hello"},
          {"node", node_name()},
          {"cores", usable_cores()},
          {"memory", usable_memory()}});
  } catch (const Error& error) {
    report_failure(static_cast<int>(error.kind()), error.what());
  }
}

void RankWorker::open_run(const WorkerStart& start, JournalWriter* shared_journal) {
  start_ = start;
  queue_.clear();
  verified_.clear();
  asked_ = true;  // rank 0 knows that a rank that said hello wants work
  last_batch_ = 0;
  kill_at_.reset();
  const std::string name = fmt::format("run-{:06}-rank-{:04}", start.run, transport_.rank());
  scratch_ = start.directory + "/tmp/" + name;
  make_directories(scratch_);
  log_name_ = name + ".log";
  if (shared_journal == nullptr) {
    own_journal_ = std::make_unique<JournalWriter>(start.directory + "/journal/" +
                                                   journal_name(start.run, transport_.rank()));
    shared_journal = own_journal_.get();
  }
  journal_ = shared_journal;
  committer_ = std::make_unique<Committer>(*journal_, start.directory + "/packs", name);
}

void RankWorker::report_failure(int kind, const std::string& message) {
  phase_ = Phase::failed;
  running_.reset();
  queue_.clear();
  child_.reset();
  send({{"m", "failed"}, {"kind", kind}, {"message", message}});
  if (kill_at_) end_run();  // rank 0 has asked to stop already and waits for the bye
}

void RankWorker::handle(const json& message) {
  const std::string kind = message.at("m").get<std::string>();
  if (kind == "work" && phase_ == Phase::running) {
    for (const json& task : message.at("tasks")) {
      Assignment assignment{
          task.at("key").get<std::string>(),   task.at("attempt").get<int>(),
          task.at("stage").get<std::string>(), values_from_json(task.at("parameters")),
          task.at("threads").get<int>(),       {}};
      for (const auto& [stage, input] : task.at("inputs").items()) {
        assignment.inputs[stage] = {input.at("key").get<std::string>(), artifact_place(input)};
      }
      queue_.push_back(std::move(assignment));
    }
    last_batch_ = message.at("tasks").size();
    asked_ = false;
  } else if (kind == "stop" && phase_ != Phase::idle) {
    queue_.clear();
    const auto grace = std::chrono::duration<double>(message.at("grace").get<double>());
    kill_at_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(grace);
    if (phase_ == Phase::failed) {
      end_run();
    } else {
      phase_ = Phase::stopping;
    }
  }
}

void RankWorker::commit(AttemptRecord record) {
  if (committer_) committer_->submit({std::move(record), "", "", false});
}

void RankWorker::watch(std::vector<pollfd>& descriptors) const {
  if (child_ && running_) descriptors.push_back({child_->fd(), POLLIN, 0});
  if (committer_) descriptors.push_back({committer_->fd(), POLLIN, 0});
}

void RankWorker::step() {
  if (phase_ != Phase::running && phase_ != Phase::stopping) return;
  try {
    guarded_step();
  } catch (const Error& error) {
    report_failure(static_cast<int>(error.kind()), error.what());
  } catch (const std::exception& error) {
    report_failure(static_cast<int>(ErrorKind::internal), error.what());
  }
}

void RankWorker::guarded_step() {
  if (running_) receive_from_child();
  if (running_) check_limits();
  if (!running_ && phase_ == Phase::running) start_next();
  send_durable();
  if (phase_ == Phase::running) ask_for_work();
  if (phase_ == Phase::stopping && !running_ && committer_->drained()) end_run();
}

void RankWorker::receive_from_child() {
  while (running_) {
    const std::optional<json> message = child_->receive();
    if (!message) break;
    if (const auto fraction = message->find("p"); fraction != message->end()) {
      send({{"m", "fraction"}, {"key", running_->assignment.key}, {"fraction", *fraction}});
    } else {
      child_answered(*message);
    }
  }
  if (running_ && child_->gone()) {
    const std::string ending = child_->finish();
    lose_child(Outcome::failed, ending, true);
  }
}

void RankWorker::check_limits() {
  if (start_.timeout_s > 0 && elapsed() > start_.timeout_s) {
    lose_child(Outcome::timed_out,
               fmt::format("took longer than the time limit of {} s", start_.timeout_s), true);
  } else if (phase_ == Phase::stopping && kill_at_ && Clock::now() >= *kill_at_) {
    lose_child(Outcome::aborted, "the run was stopped", false);
  }
}

void RankWorker::lose_child(Outcome outcome, const std::string& reason, bool transient) {
  child_->finish();
  finish(outcome, reason, {{"seconds", elapsed()}}, transient);
  child_.reset();
}

void RankWorker::child_answered(const json& answer) {
  const auto outcome = parse_outcome(answer.at("outcome").get<std::string>());
  WBS_ASSERT(outcome.has_value());
  finish(*outcome, answer.at("reason").get<std::string>(), answer, false);
}

void RankWorker::finish(Outcome outcome, std::string reason, const json& answer, bool transient) {
  FinishedAttempt finished;
  AttemptRecord& record = finished.record;
  record.key = running_->assignment.key;
  record.run = start_.run;
  record.attempt = running_->assignment.attempt;
  record.rank = transport_.rank();
  record.outcome = outcome;
  record.reason = std::move(reason);
  record.seconds = answer.value("seconds", 0.0);
  record.finished_at = seconds_since_1970();
  if (const auto result = answer.find("result"); result != answer.end()) {
    record.result = stage_result_from_json(*result);
  }
  if (const std::uint64_t end = child_->log_size(); end > running_->log_offset) {
    record.log = {log_name_, running_->log_offset, end - running_->log_offset};
  }
  if (outcome == Outcome::passed && answer.contains("digest")) {
    finished.output_path = running_->output_path;
    finished.output_digest = answer.at("digest").get<std::string>();
  } else {
    ::unlink(running_->output_path.c_str());
  }
  finished.transient = transient;
  committer_->submit(std::move(finished));
  running_.reset();
}

void RankWorker::ensure_child(int threads) {
  if (child_ && child_threads_ == threads) return;
  child_.reset();
  child_ = std::make_unique<ChildProcess>(
      ChildOptions{start_.command, start_.directory + "/logs/" + log_name_, threads});
  child_threads_ = threads;
}

bool RankWorker::open_inputs(const Assignment& assignment, json& paths) {
  paths = json::object();
  if (verified_.size() >= kMaxVerified) {
    for (const auto& [digest, path] : verified_) {
      if (path.starts_with(scratch_)) ::unlink(path.c_str());
    }
    verified_.clear();
  }
  for (const auto& [stage, input] : assignment.inputs) {
    auto known = verified_.find(input.place.digest);
    if (known == verified_.end()) {
      try {
        known = verified_
                    .emplace(input.place.digest,
                             open_artifact(start_.directory + "/packs", input.place, scratch_))
                    .first;
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::input) throw;
        send({{"m", "bad_input"},
              {"key", assignment.key},
              {"input", input.key},
              {"digest", input.place.digest},
              {"reason", error.what()}});
        return false;
      }
    }
    paths[stage] = known->second;
  }
  return true;
}

void RankWorker::start_next() {
  while (!queue_.empty() && !running_) {
    Assignment assignment = std::move(queue_.front());
    queue_.pop_front();
    json paths;
    if (!open_inputs(assignment, paths)) continue;
    ensure_child(assignment.threads);
    Running next;
    next.output_path = fmt::format("{}/out-{}", scratch_, outputs_++);
    next.log_offset = child_->log_size();
    const json request = {{"stage", assignment.stage},
                          {"parameters", to_json(assignment.parameters)},
                          {"inputs", paths},
                          {"output", next.output_path},
                          {"keep", start_.directory + "/checkpoints"},
                          {"threads", assignment.threads}};
    journal_->append(
        to_json(StartRecord{assignment.key, start_.run, assignment.attempt, transport_.rank()})
            .dump());
    journal_->flush();
    next.started = Clock::now();
    next.assignment = std::move(assignment);
    running_ = std::move(next);
    // A child that cannot be reached is noticed as gone, with the reason, at the next receive.
    static_cast<void>(child_->send(request));
  }
}

void RankWorker::send_durable() {
  const std::vector<FinishedAttempt> durable = committer_->take_durable();
  if (durable.empty()) return;
  json records = json::array();
  json transient = json::array();
  for (const FinishedAttempt& attempt : durable) {
    records.push_back(to_json(attempt.record));
    transient.push_back(attempt.transient);
  }
  send({{"m", "done"}, {"records", std::move(records)}, {"transient", std::move(transient)}});
}

void RankWorker::ask_for_work() {
  if (asked_) return;
  const bool idle = !running_ && queue_.empty();
  // In a stream of small tasks, ask early: the answer arrives while the rest of the batch runs.
  const bool low = last_batch_ > 1 && queue_.size() <= last_batch_ / 2;
  if (!idle && !low) return;
  asked_ = true;
  send({{"m", "need"}});
}

void RankWorker::end_run() {
  child_.reset();
  committer_.reset();
  const std::uint64_t bytes = journal_ == nullptr ? 0 : journal_->size();
  journal_ = nullptr;
  own_journal_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(scratch_, ignored);
  phase_ = Phase::idle;
  send({{"m", "bye"}, {"journal_bytes", bytes}});
}

}  // namespace wbs::harness
