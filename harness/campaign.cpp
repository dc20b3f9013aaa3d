#include "harness/campaign.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "core/error.hpp"

namespace wbs::harness {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

/// Definitions per journal record: keeps records small.
constexpr std::size_t kListLength = 256;

/// Refuses a directory that holds something else than a campaign.
void check_is_campaign(const std::string& directory) {
  std::error_code error;
  if (!fs::exists(directory, error)) return;
  if (!fs::is_directory(directory, error)) {
    throw Error(ErrorKind::usage, fmt::format("{}: not a directory", directory));
  }
  if (fs::exists(directory + "/campaign.json", error) ||
      fs::exists(directory + "/journal", error) || fs::is_empty(directory, error)) {
    return;
  }
  throw Error(ErrorKind::usage,
              fmt::format("{}: holds files but no campaign; a new or empty directory, or one that "
                          "an earlier run made, is expected",
                          directory));
}

template <typename Record>
void append_list(JournalWriter& journal, const char* kind, const std::vector<Record>& records) {
  for (std::size_t begin = 0; begin < records.size(); begin += kListLength) {
    json list = json::array();
    const std::size_t end = std::min(records.size(), begin + kListLength);
    for (std::size_t at = begin; at < end; ++at) list.push_back(to_json(records[at]));
    journal.append(json{{"t", kind}, {"list", std::move(list)}}.dump());
  }
}

void remove_store(const std::string& path) {
  std::error_code ignored;
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(path + suffix, ignored);
}

}  // namespace

std::string journal_directory(const std::string& campaign) {
  return campaign + "/journal";
}
std::string packs_directory(const std::string& campaign) {
  return campaign + "/packs";
}
std::string store_path(const std::string& campaign) {
  return campaign + "/store.sqlite";
}

CampaignLock::CampaignLock(const std::string& directory)
    : file_(directory + "/lock", O_RDWR | O_CREAT) {
  if (::flock(file_.fd(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      throw Error(ErrorKind::io,
                  fmt::format("{}: cannot be locked ({})", file_.path(), std::strerror(errno)));
    }
    std::string holder(std::min<std::uint64_t>(file_.size(), 200), '\0');
    file_.read_at(0, holder);
    throw Error(ErrorKind::usage,
                fmt::format("{}: another run is writing here ({})", directory, holder));
  }
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  if (::ftruncate(file_.fd(), 0) == 0) {
    file_.write(fmt::format("process {} on {}", ::getpid(), host.data()));
  }
}

Campaign::Campaign(const Plan& plan, const SweepOptions& options, int ranks)
    : directory_(options.out) {
  check_is_campaign(directory_);
  for (const char* part : {"", "/journal", "/packs", "/logs", "/tables"}) {
    make_directories(directory_ + part);
  }
  lock_ = std::make_unique<CampaignLock>(directory_);
  ledger_ = read_ledger(journal_directory(directory_), options.keep_rows);
  for (const JournalReport& report : ledger_.reports) {
    if (report.corrupt) notices_.push_back(report.problem);
  }
  check_identity(plan, options.accept_changes);
  start_run(plan, options, ranks);
  open_store();
}

void Campaign::check_identity(const Plan& plan, bool accept_changes) {
  if (ledger_.runs.empty()) return;
  const RunRecord& last = ledger_.runs.back();
  if (last.identity == plan.identity) return;
  if (accept_changes) {
    new_generation_ = true;
    return;
  }
  std::string differences;
  std::map<std::string, std::string> all = last.identity_parts;
  all.insert(plan.identity_parts.begin(), plan.identity_parts.end());
  for (const auto& [name, ignored] : all) {
    const auto was = last.identity_parts.find(name);
    const auto is = plan.identity_parts.find(name);
    const std::string before = was == last.identity_parts.end() ? "(absent)" : was->second;
    const std::string now = is == plan.identity_parts.end() ? "(absent)" : is->second;
    if (before != now) differences += fmt::format("\n  {}: was {}, now {}", name, before, now);
  }
  throw Error(ErrorKind::usage,
              fmt::format("{}: holds a campaign of another identity. These parts differ:{}\n"
                          "--accept-changes goes on here as a new generation; --out names another "
                          "directory",
                          directory_, differences.empty() ? "\n  (none by name)" : differences));
}

void Campaign::start_run(const Plan& plan, const SweepOptions& options, int ranks) {
  const RunRecord* last = ledger_.runs.empty() ? nullptr : &ledger_.runs.back();
  previous_run_ = last == nullptr ? 0 : last->run;
  run_ = next_run(ledger_);
  run_.generation = (last == nullptr ? 1 : last->generation) + (new_generation_ ? 1 : 0);
  run_.ranks = ranks;
  run_.experiment = plan.experiment;
  run_.identity = plan.identity;
  run_.identity_parts = plan.identity_parts;
  std::error_code ignored;
  fs::remove_all(directory_ + "/tmp", ignored);  // of runs that died: we hold the lock
  make_directories(directory_ + "/tmp");
  journal_ = std::make_unique<JournalWriter>(journal_directory(directory_) + "/" +
                                             journal_name(run_.run, 0));
  journal_->append(to_json(run_).dump());
  record_plan(plan);
  journal_->sync();
  ledger_.runs.push_back(run_);
  for (const auto& [name, contents] : options.documents) {
    write_file_atomically(directory_ + "/" + name, contents);
  }
  json described = to_json(run_);
  described.erase("sealed");
  described.erase("t");
  described["format"] = 1;
  write_file_atomically(directory_ + "/campaign.json", described.dump(2) + "\n");
}

void Campaign::record_plan(const Plan& plan) {
  for (const Task& task : plan.tasks) {
    TaskRecord record{task.key, task.stage, task.parameters, task.data_digests, {}};
    for (const std::size_t input : task.inputs) record.inputs.push_back(plan.tasks[input].key);
    if (ledger_.definition(task.key) == nullptr) {
      ledger_.add(record);
      new_tasks_.push_back(std::move(record));
    }
  }
  for (const Case& point : plan.cases) {
    CaseRecord record{run_.generation, point.name, point.parameters, {}};
    for (const std::size_t task : point.tasks) record.tasks.push_back(plan.tasks[task].key);
    const CaseRecord* known = ledger_.find_case(run_.generation, point.name);
    if (known == nullptr || !(*known == record)) {
      ledger_.add(record);
      new_cases_.push_back(std::move(record));
    }
  }
  append_list(*journal_, "tasks", new_tasks_);
  append_list(*journal_, "cases", new_cases_);
  std::vector<std::string> names;
  names.reserve(plan.cases.size());
  for (const Case& point : plan.cases) names.push_back(point.name);
  const std::vector<std::string> before = ledger_.case_order(run_.generation);
  ledger_.set_case_order(run_.generation, names);
  if (ledger_.case_order(run_.generation) != before) {
    journal_->append(
        json{{"t", "order"}, {"generation", run_.generation}, {"cases", names}}.dump());
  }
}

void Campaign::open_store() {
  const std::string path = store_path(directory_);
  try {
    store_ = std::make_unique<Store>(path);
    if (!(store_->clean() == Store::Clean{previous_run_, ledger_.bytes()})) store_.reset();
  } catch (const Error&) {
    store_.reset();  // damaged, or of another version: it is derived, so it is made again
  }
  if (!store_) {
    remove_store(path);
    store_ = std::make_unique<Store>(path);
    fill_store(*store_, ledger_, journal_directory(directory_));
  } else {
    store_->put(run_);
    for (const TaskRecord& record : new_tasks_) store_->put(record);
    for (const CaseRecord& record : new_cases_) store_->put(record);
  }
  store_->commit();
}

void fill_store(Store& store, const Ledger& ledger, const std::string& journal_directory) {
  std::unordered_set<int> runs;
  for (const RunRecord& record : ledger.runs) {
    store.put(record);
    runs.insert(record.run);
  }
  const auto defined = [&](const std::string& key) { return ledger.definition(key) != nullptr; };
  for (const TaskRecord& record : ledger.definitions) {
    TaskRecord complete = record;
    std::erase_if(complete.inputs, [&](const std::string& key) { return !defined(key); });
    store.put(complete);
  }
  for (const CaseRecord& record : ledger.cases) {
    CaseRecord complete = record;
    std::erase_if(complete.tasks, [&](const std::string& key) { return !defined(key); });
    store.put(complete);
  }
  static_cast<void>(read_ledger(journal_directory, false, [&](const AttemptRecord& record) {
    if (defined(record.key) && runs.contains(record.run)) store.put(record);
  }));
  store.put_rest(ledger);
}

}  // namespace wbs::harness
