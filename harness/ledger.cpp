#include "harness/ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "harness/posix_file.hpp"

namespace wbs::harness {
namespace {

constexpr std::string_view kSuffix = ".journal";

/// Applies one record's JSON to `ledger`. Unknown kinds are skipped: a newer program wrote them.
void apply(const nlohmann::json& record, Ledger& ledger, bool keep_rows,
           const std::function<void(const AttemptRecord&)>& on_attempt) {
  const std::string kind = record.at("t").get<std::string>();
  if (kind == "done") {
    AttemptRecord attempt = attempt_record(record);
    if (on_attempt) on_attempt(attempt);
    if (!keep_rows) attempt.result.rows.clear();
    ledger.add(std::move(attempt));
  } else if (kind == "start") {
    ledger.add(start_record(record));
  } else if (kind == "run") {
    ledger.runs.push_back(run_record(record));
  } else if (kind == "tasks") {
    for (const auto& entry : record.at("list")) ledger.add(task_record(entry));
  } else if (kind == "cases") {
    for (const auto& entry : record.at("list")) ledger.add(case_record(entry));
  } else if (kind == "order") {
    ledger.set_case_order(record.at("generation").get<int>(),
                          record.at("cases").get<std::vector<std::string>>());
  } else if (kind == "distrust") {
    ledger.distrusted.push_back(distrust_record(record));
  } else if (kind == "cleaned") {
    for (const auto& pack : record.at("packs")) ledger.cleaned_packs.insert(pack);
  }
}

/// Reads one file into `ledger`, up to `limit` bytes.
void read_file_into(const std::string& directory, const std::string& name, std::uint64_t limit,
                    Ledger& ledger, bool keep_rows,
                    const std::function<void(const AttemptRecord&)>& on_attempt) {
  std::string unreadable;
  JournalReport report = read_journal(
      directory + "/" + name,
      [&](std::string_view payload) {
        try {
          apply(nlohmann::json::parse(payload), ledger, keep_rows, on_attempt);
        } catch (const nlohmann::json::exception& problem) {
          if (unreadable.empty()) unreadable = problem.what();
        } catch (const Error& problem) {
          if (unreadable.empty()) unreadable = problem.what();
        }
      },
      limit);
  if (!unreadable.empty() && report.problem.empty()) {
    report.corrupt = true;
    report.problem = fmt::format("{}: a record cannot be understood ({})", report.path, unreadable);
  }
  ledger.reports.push_back(std::move(report));
}

/// The bytes of each file that count: as sealed by the first run that came after it.
std::map<std::string, std::uint64_t> read_seals(const std::string& directory,
                                                const std::vector<std::string>& names) {
  std::map<std::string, std::uint64_t> seals;
  for (const std::string& name : names) {
    if (name.find("-rank-0000.") == std::string::npos) continue;
    const auto first = first_journal_record(fmt::format("{}/{}", directory, name));
    if (!first) continue;
    const auto record = nlohmann::json::parse(*first, nullptr, false);
    if (record.is_discarded() || record.value("t", "") != "run") continue;
    for (const auto& [file, bytes] : record.at("sealed").items()) {
      seals.emplace(file, bytes.get<std::uint64_t>());  // the earliest run's seal stays
    }
  }
  return seals;
}

}  // namespace

int Ledger::generation() const noexcept {
  return runs.empty() ? 0 : runs.back().generation;
}

std::uint64_t Ledger::bytes() const noexcept {
  std::uint64_t sum = 0;
  for (const JournalReport& report : reports) sum += report.valid_bytes;
  return sum;
}

const TaskRecord* Ledger::definition(const std::string& key) const {
  const auto found = definition_index_.find(key);
  return found == definition_index_.end() ? nullptr : &definitions[found->second];
}

const CaseRecord* Ledger::find_case(int generation, const std::string& name) const {
  const auto found = case_index_.find({generation, name});
  return found == case_index_.end() ? nullptr : &cases[found->second];
}

const TaskHistory* Ledger::history(const std::string& key) const {
  const auto found = tasks.find(key);
  return found == tasks.end() ? nullptr : &found->second;
}

std::vector<std::string> Ledger::case_order(int generation) const {
  const auto found = case_orders_.find(generation);
  return found == case_orders_.end() ? std::vector<std::string>{} : found->second;
}

void Ledger::set_case_order(int generation, const std::vector<std::string>& names) {
  std::vector<std::string>& order = case_orders_[generation];
  const std::set<std::string> listed(names.begin(), names.end());
  std::vector<std::string> changed;
  for (const std::string& name : names) {
    if (find_case(generation, name) != nullptr) changed.push_back(name);
  }
  for (std::string& name : order) {
    if (!listed.contains(name)) changed.push_back(std::move(name));
  }
  order = std::move(changed);
}

void Ledger::add(const TaskRecord& record) {
  const auto [entry, added] = definition_index_.emplace(record.key, definitions.size());
  if (added) {
    definitions.push_back(record);
  } else {
    definitions[entry->second] = record;
  }
}

void Ledger::add(const CaseRecord& record) {
  const auto [entry, added] =
      case_index_.emplace(std::pair(record.generation, record.name), cases.size());
  if (added) {
    case_orders_[record.generation].push_back(record.name);
    cases.push_back(record);
  } else {
    cases[entry->second] = record;
  }
}

void Ledger::add(AttemptRecord record) {
  TaskHistory& history = tasks[record.key];
  history.last_attempt = std::max(history.last_attempt, record.attempt);
  history.open_starts.erase({record.run, record.attempt});
  if (!history.newest || std::pair(history.newest->run, history.newest->attempt) <=
                             std::pair(record.run, record.attempt)) {
    history.newest = std::move(record);
  }
}

void Ledger::add(const StartRecord& record) {
  TaskHistory& history = tasks[record.key];
  history.last_attempt = std::max(history.last_attempt, record.attempt);
  history.open_starts[{record.run, record.attempt}] = record;
}

void Ledger::add(const DistrustRecord& record) {
  TaskHistory& history = tasks[record.key];
  if (history.newest && history.newest->run == record.run &&
      history.newest->attempt == record.attempt) {
    history.newest->outcome = Outcome::untrusted;
    history.newest->reason = record.reason;
  }
}

RunRecord next_run(const Ledger& ledger) {
  RunRecord next;
  int last = ledger.runs.empty() ? 0 : ledger.runs.back().run;
  for (const JournalReport& report : ledger.reports) {
    const std::string name = std::filesystem::path(report.path).filename().string();
    int number = 0;  // a file whose first record is lost still has its number
    if (std::sscanf(name.c_str(), "run-%d-", &number) == 1) last = std::max(last, number);
    next.sealed[name] = report.valid_bytes;
  }
  next.run = last + 1;
  next.started_at =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  return next;
}

std::string journal_name(int run, int rank) {
  return fmt::format("run-{:06}-rank-{:04}{}", run, rank, kSuffix);
}

Ledger read_ledger(const std::string& journal_directory, bool keep_rows,
                   const std::function<void(const AttemptRecord& record)>& on_attempt) {
  Ledger ledger;
  // Sorted by name: by run, then by rank.
  const std::vector<std::string> names = files_in(journal_directory, kSuffix);
  const std::map<std::string, std::uint64_t> seals = read_seals(journal_directory, names);
  for (const std::string& name : names) {
    const auto seal = seals.find(name);
    read_file_into(journal_directory, name, seal == seals.end() ? UINT64_MAX : seal->second, ledger,
                   keep_rows, on_attempt);
  }
  const std::vector<DistrustRecord> distrusted = ledger.distrusted;
  for (const DistrustRecord& record : distrusted) ledger.add(record);
  return ledger;
}

}  // namespace wbs::harness
