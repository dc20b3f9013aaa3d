#include "harness/maintenance.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "core/error.hpp"
#include "harness/campaign.hpp"
#include "harness/ledger.hpp"
#include "harness/pack.hpp"
#include "harness/store.hpp"

namespace wbs::harness {
namespace {

namespace fs = std::filesystem;

Ledger open_ledger(const std::string& directory, bool keep_rows) {
  if (!fs::is_directory(journal_directory(directory))) {
    throw Error(ErrorKind::input,
                fmt::format("{}: no campaign (a directory with journal/ is expected)", directory));
  }
  Ledger ledger = read_ledger(journal_directory(directory), keep_rows);
  if (ledger.runs.empty()) {
    throw Error(ErrorKind::input,
                fmt::format("{}: no run can be read from its journals", directory));
  }
  return ledger;
}

/// Cases of the newest generation, in plan order.
std::vector<const CaseRecord*> current_cases(const Ledger& ledger) {
  std::vector<const CaseRecord*> cases;
  for (const std::string& name : ledger.case_order(ledger.generation())) {
    cases.push_back(ledger.find_case(ledger.generation(), name));
  }
  return cases;
}

TaskOutcome newest_outcome(const TaskHistory* history) {
  TaskOutcome outcome;
  if (history == nullptr) return outcome;
  if (!history->newest) {
    if (!history->open_starts.empty()) outcome.outcome = Outcome::running;
    return outcome;
  }
  outcome.outcome = history->newest->outcome;
  outcome.reason = history->newest->reason;
  outcome.attempt = history->newest->attempt;
  outcome.reused = true;
  outcome.seconds = history->newest->seconds;
  outcome.artifact_digest = history->newest->artifact.digest;
  outcome.result = history->newest->result;
  return outcome;
}

void check_journals(const Ledger& ledger, FsckReport& report) {
  for (const JournalReport& journal : ledger.reports) {
    ++report.journals;
    report.records += journal.records;
    if (journal.corrupt) report.errors.push_back(journal.problem);
    if (journal.torn) report.notes.push_back(journal.problem);
  }
}

/// Checks every pack; the places (pack, offset) that hold what their index says.
std::set<std::pair<std::string, std::uint64_t>> check_packs(const std::string& packs,
                                                            FsckReport& report) {
  std::set<std::pair<std::string, std::uint64_t>> sound;
  for (const char* suffix : {".pack", ".artifact"}) {
    for (const std::string& pack : files_in(packs, suffix)) {
      ++report.packs;
      try {
        for (const PackEntry& entry : read_pack_index(packs, pack)) {
          ++report.artifacts;
          try {
            check_artifact(packs, entry.place);
            sound.emplace(pack, entry.place.offset);
          } catch (const Error& error) {
            report.errors.emplace_back(error.what());
          }
        }
      } catch (const Error& error) {
        report.errors.emplace_back(error.what());
      }
    }
  }
  return sound;
}

std::string first_difference(const std::string& expected, const std::string& found) {
  const auto [left, right] =
      std::mismatch(expected.begin(), expected.end(), found.begin(), found.end());
  const auto line_of = [](const std::string& text, std::string::const_iterator at) {
    const auto position = static_cast<std::size_t>(at - text.begin());
    const std::size_t before = position == 0 ? std::string::npos : text.rfind('\n', position - 1);
    const std::size_t begin = before == std::string::npos ? 0 : before + 1;
    const std::string line = text.substr(begin, text.find('\n', position) - begin);
    return line.empty() ? std::string("(nothing)") : line;
  };
  return fmt::format("journal: {}; store: {}", line_of(expected, left), line_of(found, right));
}

void check_store(const std::string& directory, const Ledger& ledger, FsckReport& report) {
  const std::string path = store_path(directory);
  if (file_size_or_missing(path) < 0) {
    report.errors.push_back(fmt::format("{}: missing; `wbs rebuild` makes it again", path));
    return;
  }
  try {
    Store store(path);
    if (store.clean().run != ledger.runs.back().run) {
      report.notes.push_back(fmt::format(
          "{}: the last run did not end in order; the next one makes the store again", path));
      return;
    }
    Store expected(":memory:");
    fill_store(expected, ledger, journal_directory(directory));
    expected.set_clean(store.clean());
    const std::string should = expected.dump();
    const std::string is = store.dump();
    if (should != is) {
      report.errors.push_back(
          fmt::format("{}: differs from the journals ({}); `wbs rebuild` makes "
                      "it again",
                      path, first_difference(should, is)));
    }
  } catch (const Error& error) {
    report.errors.emplace_back(error.what());
  }
}

/// Packs that clean may remove: no artifact in them is the newest of a current task.
std::vector<std::string> dead_packs(const std::string& directory, const Ledger& ledger) {
  std::unordered_set<std::string> live;
  for (const CaseRecord* point : current_cases(ledger)) {
    for (const std::string& key : point->tasks) {
      const TaskHistory* history = ledger.history(key);
      if (history != nullptr && history->newest && !history->newest->artifact.digest.empty()) {
        live.insert(history->newest->artifact.pack);
      }
    }
  }
  std::vector<std::string> dead;
  for (const char* suffix : {".pack", ".artifact"}) {
    for (std::string& pack : files_in(packs_directory(directory), suffix)) {
      if (!live.contains(pack)) dead.push_back(std::move(pack));
    }
  }
  return dead;
}

/// Journals that `packs` are gone, as a run of its own, before they go.
void record_cleaning(const std::string& directory, const Ledger& ledger,
                     const std::vector<std::string>& packs) {
  RunRecord run = next_run(ledger);
  run.generation = ledger.generation();
  run.ranks = 0;  // a run that runs nothing
  run.experiment = ledger.runs.back().experiment;
  run.identity = ledger.runs.back().identity;
  run.identity_parts = ledger.runs.back().identity_parts;
  JournalWriter journal(journal_directory(directory) + "/" + journal_name(run.run, 0));
  journal.append(to_json(run).dump());
  journal.append(nlohmann::json{{"t", "cleaned"}, {"packs", packs}}.dump());
  journal.sync();
}

const CaseRecord& find_case_by_part(const Ledger& ledger, const std::string& name,
                                    const std::string& directory) {
  std::vector<const CaseRecord*> found;
  for (const CaseRecord* point : current_cases(ledger)) {
    if (point->name == name) return *point;
    if (point->name.find(name) != std::string::npos) found.push_back(point);
  }
  if (found.size() == 1) return *found.front();
  constexpr std::size_t kShown = 5;
  if (found.empty()) {
    found = current_cases(ledger);
  }
  std::string message = fmt::format(
      "{}: '{}' is not the name of one case; there are {}:", directory, name, found.size());
  for (std::size_t at = 0; at < std::min(kShown, found.size()); ++at) {
    message += "\n  " + found[at]->name;
  }
  if (found.size() > kShown) message += "\n  ...";
  throw Error(ErrorKind::usage, message);
}

std::string log_text(const std::string& directory, const LogSpan& log) {
  if (log.file.empty()) return "(printed nothing)\n";
  try {
    const PosixFile file(directory + "/logs/" + log.file, O_RDONLY);
    std::string text(log.size, '\0');
    file.read_at(log.offset, text);
    if (!text.ends_with('\n')) text += '\n';
    return text;
  } catch (const Error& error) {
    return fmt::format("({})\n", error.what());
  }
}

}  // namespace

LoadedCampaign load_campaign(const std::string& directory) {
  const Ledger ledger = open_ledger(directory, true);
  LoadedCampaign loaded;
  const RunRecord& last = ledger.runs.back();
  loaded.generation = last.generation;
  loaded.runs = static_cast<int>(ledger.runs.size());
  loaded.plan.experiment = last.experiment;
  loaded.plan.identity = last.identity;
  loaded.plan.identity_parts = last.identity_parts;
  for (const JournalReport& report : ledger.reports) {
    if (report.corrupt) loaded.notices.push_back(report.problem);
  }
  std::unordered_map<std::string, std::size_t> numbers;
  const auto add = [&](const auto& self, const std::string& key) -> std::size_t {
    if (const auto known = numbers.find(key); known != numbers.end()) return known->second;
    Task task;
    task.key = key;
    if (const TaskRecord* record = ledger.definition(key)) {
      task.stage = record->stage;
      task.parameters = record->parameters;
      task.data_digests = record->data_digests;
      for (const std::string& input : record->inputs) task.inputs.push_back(self(self, input));
    }
    loaded.plan.tasks.push_back(std::move(task));
    loaded.outcomes.push_back(newest_outcome(ledger.history(key)));
    return numbers[key] = loaded.plan.tasks.size() - 1;
  };
  for (const CaseRecord* record : current_cases(ledger)) {
    Case point{record->name, record->parameters, {}};
    for (const std::string& key : record->tasks) point.tasks.push_back(add(add, key));
    loaded.plan.cases.push_back(std::move(point));
  }
  return loaded;
}

FsckReport fsck(const std::string& directory) {
  const Ledger ledger = open_ledger(directory, false);
  const CampaignLock lock(directory);
  FsckReport report;
  check_journals(ledger, report);
  const auto sound = check_packs(packs_directory(directory), report);
  for (const TaskRecord& task : ledger.definitions) {
    const TaskHistory* history = ledger.history(task.key);
    if (history == nullptr || !history->newest) continue;
    const ArtifactPlace& place = history->newest->artifact;
    if (history->newest->outcome != Outcome::passed || place.digest.empty() ||
        ledger.cleaned_packs.contains(place.pack) || sound.contains({place.pack, place.offset})) {
      continue;
    }
    report.errors.push_back(fmt::format("{}/{}: holds no sound artifact of {} task {}",
                                        packs_directory(directory), place.pack, task.stage,
                                        task.key));
  }
  check_store(directory, ledger, report);
  return report;
}

void rebuild_store(const std::string& directory) {
  const Ledger ledger = open_ledger(directory, false);
  const CampaignLock lock(directory);
  const std::string path = store_path(directory);
  const std::string fresh = path + ".new";
  const auto remove = [](const std::string& file) {
    std::error_code ignored;
    fs::remove(file, ignored);
  };
  for (const char* suffix : {"", "-wal", "-shm"}) remove(fresh + suffix);
  {
    Store store(fresh);
    fill_store(store, ledger, journal_directory(directory));
    store.set_clean({ledger.runs.back().run, ledger.bytes()});
    store.commit();
  }
  for (const char* suffix : {"-wal", "-shm"}) remove(path + suffix);
  rename_durably(fresh, path);
}

CleanReport clean(const std::string& directory, bool dry_run) {
  const CampaignLock lock(directory);
  const Ledger ledger = open_ledger(directory, false);
  CleanReport report;
  const std::vector<std::string> packs = dead_packs(directory, ledger);
  const auto take = [&](const std::string& relative) {
    const std::int64_t size = file_size_or_missing(directory + "/" + relative);
    if (size < 0) return;
    report.files.push_back(relative);
    report.bytes += static_cast<std::uint64_t>(size);
  };
  for (const std::string& pack : packs) {
    take("packs/" + pack);
    take("packs/" + pack + ".index");
  }
  for (const std::string& name : files_in(packs_directory(directory), ".new")) {
    take("packs/" + name);
  }
  std::error_code ignored;
  for (fs::recursive_directory_iterator entry(directory + "/tmp", ignored), end; entry != end;
       entry.increment(ignored)) {
    if (entry->is_regular_file(ignored)) {
      take(fs::relative(entry->path(), directory, ignored).string());
    }
  }
  if (dry_run || report.files.empty()) return report;
  const Store::Clean before{ledger.runs.back().run, ledger.bytes()};
  if (!packs.empty()) record_cleaning(directory, ledger, packs);
  for (const std::string& file : report.files) fs::remove(fs::path(directory) / file, ignored);
  fs::remove_all(directory + "/tmp", ignored);
  if (packs.empty()) return report;
  Store store(store_path(directory));
  if (store.clean() == before) {
    const Ledger now = read_ledger(journal_directory(directory), false);
    store.put(now.runs.back());
    store.remove_packs(packs);
    store.set_clean({now.runs.back().run, now.bytes()});
    store.commit();
  }
  return report;
}

std::string case_logs(const std::string& directory, const std::string& case_name) {
  std::vector<AttemptRecord> attempts;
  std::unordered_set<std::string> wanted;
  const Ledger ledger = open_ledger(directory, false);
  const CaseRecord& point = find_case_by_part(ledger, case_name, directory);
  wanted.insert(point.tasks.begin(), point.tasks.end());
  static_cast<void>(
      read_ledger(journal_directory(directory), false, [&](const AttemptRecord& record) {
        if (wanted.contains(record.key)) attempts.push_back(record);
      }));
  std::string text;
  for (const std::string& key : point.tasks) {
    const TaskRecord* task = ledger.definition(key);
    for (const AttemptRecord& attempt : attempts) {
      if (attempt.key != key) continue;
      text += fmt::format("== {}, attempt {} (run {}, rank {}): {} after {:.3g} s{}{}\n",
                          task == nullptr ? key : task->stage, attempt.attempt, attempt.run,
                          attempt.rank, to_string(attempt.outcome), attempt.seconds,
                          attempt.reason.empty() ? "" : ": ", attempt.reason);
      text += log_text(directory, attempt.log);
    }
  }
  if (text.empty()) text = "(no attempt has ended yet)\n";
  return text;
}

}  // namespace wbs::harness
