#include "harness/store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <unordered_map>

#include "core/error.hpp"
#include "harness/values.hpp"

namespace wbs::harness {
namespace {

constexpr int kSchemaVersion = 1;

using SQLite::Statement;

void bind_value(Statement& statement, int position, const Value& value) {
  if (const bool* flag = std::get_if<bool>(&value)) {
    statement.bind(position, *flag ? 1 : 0);
  } else if (const std::int64_t* integer = std::get_if<std::int64_t>(&value)) {
    statement.bind(position, *integer);
  } else if (const double* number = std::get_if<double>(&value)) {
    statement.bind(position, *number);
  } else {
    statement.bind(position, std::get<std::string>(value));
  }
}

void bind_optional(Statement& statement, int position, const std::string& text) {
  if (text.empty()) {
    statement.bind(position);
  } else {
    statement.bind(position, text);
  }
}

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void run_once(Statement& statement) {
  statement.exec();
  statement.reset();
}

}  // namespace

struct Store::Impl {
  explicit Impl(const std::string& file)
      : path(file), database(file, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE) {}

  /// The prepared statement of `sql`, reset.
  Statement& prepared(const char* sql) {
    auto& slot = statements[sql];
    if (!slot) slot = std::make_unique<Statement>(database, sql);
    slot->reset();
    slot->clearBindings();
    return *slot;
  }
  void begin() {
    if (!transaction) transaction.emplace(database);
  }

  std::string path;
  SQLite::Database database;
  std::optional<SQLite::Transaction> transaction;
  std::unordered_map<const char*, std::unique_ptr<Statement>> statements;
  std::int64_t next_case = 1;
};

namespace {

/// Runs `action`; SQLite's exceptions become Error(io) that names the file.
template <typename Action>
auto guarded(const std::string& path, const Action& action) {
  try {
    return action();
  } catch (const SQLite::Exception& problem) {
    throw Error(ErrorKind::io, fmt::format("{}: {}", path, problem.what()));
  }
}

}  // namespace

Store::Store(const std::string& path) {
  guarded(path, [&] {
    impl_ = std::make_unique<Impl>(path);
    SQLite::Database& database = impl_->database;
    constexpr int kBusyMs = 5000;
    database.setBusyTimeout(kBusyMs);
    database.exec(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON");
    const int version = database.execAndGet("PRAGMA user_version").getInt();
    if (version == 0) {
      SQLite::Transaction transaction(database);
      database.exec(store_schema());
      database.exec(fmt::format("PRAGMA user_version = {}", kSchemaVersion));
      transaction.commit();
    } else if (version != kSchemaVersion) {
      throw Error(ErrorKind::io, fmt::format("{}: store of version {}, {} expected; `wbs rebuild` "
                                             "makes a new one from the journal",
                                             path, version, kSchemaVersion));
    }
    impl_->next_case =
        database.execAndGet("SELECT coalesce(max(case_id), 0) + 1 FROM cases").getInt64();
  });
}

Store::~Store() = default;

void Store::commit() {
  guarded(impl_->path, [&] {
    if (impl_->transaction) impl_->transaction->commit();
    impl_->transaction.reset();
  });
}

void Store::put(const RunRecord& record) {
  guarded(impl_->path, [&] {
    impl_->begin();
    Statement& run = impl_->prepared("INSERT OR REPLACE INTO runs VALUES(?, ?, ?, ?, ?, ?)");
    run.bind(1, record.run);
    run.bind(2, record.generation);
    run.bind(3, record.ranks);
    run.bind(4, record.identity);
    run.bind(5, nlohmann::json(record.identity_parts).dump());
    run.bind(6, record.started_at);
    run_once(run);
    Statement& campaign = impl_->prepared(
        "INSERT INTO campaign VALUES(1, ?1, ?2, ?3, 0, 0) ON CONFLICT(id) DO UPDATE SET "
        "experiment = ?1, generation = ?2, identity = ?3 WHERE generation <= ?2");
    campaign.bind(1, record.experiment);
    campaign.bind(2, record.generation);
    campaign.bind(3, record.identity);
    run_once(campaign);
  });
}

void Store::put(const TaskRecord& record) {
  guarded(impl_->path, [&] {
    impl_->begin();
    Statement& task = impl_->prepared(
        "INSERT INTO tasks VALUES(?1, ?2, ?3, ?4, 'planned', '', 0, 0, 0, NULL) "
        "ON CONFLICT(task_key) DO UPDATE SET stage = ?2, parameters = ?3, data_digests = ?4");
    task.bind(1, record.key);
    task.bind(2, record.stage);
    task.bind(3, to_json(record.parameters).dump());
    task.bind(4, nlohmann::json(record.data_digests).dump());
    run_once(task);
    for (const std::string& input : record.inputs) {
      Statement& line = impl_->prepared("INSERT OR IGNORE INTO task_inputs VALUES(?, ?)");
      line.bind(1, record.key);
      line.bind(2, input);
      run_once(line);
    }
  });
}

void Store::put(const CaseRecord& record) {
  guarded(impl_->path, [&] {
    impl_->begin();
    Values peers = record.parameters;
    peers.erase("pattern");
    std::int64_t id = impl_->next_case;
    Statement& known =
        impl_->prepared("SELECT case_id FROM cases WHERE generation = ? AND name = ?");
    known.bind(1, record.generation);
    known.bind(2, record.name);
    if (known.executeStep()) {
      id = known.getColumn(0).getInt64();
    } else {
      ++impl_->next_case;
    }
    known.reset();
    Statement& line = impl_->prepared(
        "INSERT INTO cases VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(case_id) DO UPDATE SET "
        "parameters = ?4, peers = ?5");
    line.bind(1, id);
    line.bind(2, record.generation);
    line.bind(3, record.name);
    line.bind(4, to_json(record.parameters).dump());
    line.bind(5, to_json(peers).dump());
    run_once(line);
    for (const char* sql : {"DELETE FROM case_parameters WHERE case_id = ?",
                            "DELETE FROM case_tasks WHERE case_id = ?"}) {
      Statement& clear = impl_->prepared(sql);
      clear.bind(1, id);
      run_once(clear);
    }
    for (const auto& [name, value] : record.parameters) {
      Statement& parameter = impl_->prepared("INSERT INTO case_parameters VALUES(?, ?, ?)");
      parameter.bind(1, id);
      parameter.bind(2, name);
      bind_value(parameter, 3, value);
      run_once(parameter);
    }
    for (std::size_t position = 0; position < record.tasks.size(); ++position) {
      Statement& task = impl_->prepared("INSERT INTO case_tasks VALUES(?, ?, ?)");
      task.bind(1, id);
      task.bind(2, static_cast<std::int64_t>(position));
      task.bind(3, record.tasks[position]);
      run_once(task);
    }
  });
}

namespace {

/// Replaces the details of the task's newest attempt.
template <typename Prepared>
void put_details(const AttemptRecord& record, const Prepared& prepared) {
  for (const char* sql :
       {"DELETE FROM metrics WHERE task_key = ?", "DELETE FROM rows WHERE task_key = ?",
        "DELETE FROM warnings WHERE task_key = ?"}) {
    Statement& clear = prepared(sql);
    clear.bind(1, record.key);
    run_once(clear);
  }
  for (const auto& [name, value] : record.result.metrics) {
    Statement& metric = prepared("INSERT INTO metrics VALUES(?, ?, ?)");
    metric.bind(1, record.key);
    metric.bind(2, name);
    bind_value(metric, 3, value);
    run_once(metric);
  }
  for (std::size_t row = 0; row < record.result.rows.size(); ++row) {
    for (const auto& [name, value] : record.result.rows[row]) {
      Statement& cell = prepared("INSERT INTO rows VALUES(?, ?, ?, ?)");
      cell.bind(1, record.key);
      cell.bind(2, static_cast<std::int64_t>(row));
      cell.bind(3, name);
      bind_value(cell, 4, value);
      run_once(cell);
    }
  }
  for (std::size_t at = 0; at < record.result.warnings.size(); ++at) {
    Statement& warning = prepared("INSERT INTO warnings VALUES(?, ?, ?)");
    warning.bind(1, record.key);
    warning.bind(2, static_cast<std::int64_t>(at));
    warning.bind(3, record.result.warnings[at]);
    run_once(warning);
  }
}

}  // namespace

void Store::put(const AttemptRecord& record) {
  guarded(impl_->path, [&] {
    impl_->begin();
    Statement& line = impl_->prepared(
        "INSERT OR REPLACE INTO attempts VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    line.bind(1, record.key);
    line.bind(2, record.run);
    line.bind(3, record.attempt);
    line.bind(4, record.rank);
    line.bind(5, std::string(to_string(record.outcome)));
    line.bind(6, record.reason);
    line.bind(7, record.seconds);
    line.bind(8, record.finished_at);
    bind_optional(line, 9, record.artifact.digest);
    if (!record.artifact.pack.empty()) {
      line.bind(10, record.artifact.pack);
      line.bind(11, static_cast<std::int64_t>(record.artifact.offset));
      line.bind(12, static_cast<std::int64_t>(record.artifact.size));
    }
    if (!record.log.file.empty()) {
      line.bind(13, record.log.file);
      line.bind(14, static_cast<std::int64_t>(record.log.offset));
      line.bind(15, static_cast<std::int64_t>(record.log.size));
    }
    run_once(line);
    Statement& task = impl_->prepared(
        "UPDATE tasks SET outcome = ?2, reason = ?3, run = ?4, attempt = ?5, seconds = ?6, "
        "artifact_digest = ?7 WHERE task_key = ?1 AND (run, attempt) <= (?4, ?5)");
    task.bind(1, record.key);
    task.bind(2, std::string(to_string(record.outcome)));
    task.bind(3, record.reason);
    task.bind(4, record.run);
    task.bind(5, record.attempt);
    task.bind(6, record.seconds);
    bind_optional(task, 7, record.artifact.digest);
    const bool newest = task.exec() > 0;
    task.reset();
    if (newest) {
      put_details(record, [&](const char* sql) -> Statement& { return impl_->prepared(sql); });
    }
  });
}

void Store::put(const StartRecord& record) {
  guarded(impl_->path, [&] {
    impl_->begin();
    Statement& line = impl_->prepared(
        "INSERT OR IGNORE INTO attempts VALUES(?, ?, ?, ?, 'running', '', 0, 0, NULL, NULL, NULL, "
        "NULL, NULL, NULL, NULL)");
    line.bind(1, record.key);
    line.bind(2, record.run);
    line.bind(3, record.attempt);
    line.bind(4, record.rank);
    run_once(line);
  });
}

void Store::put(const DistrustRecord& record) {
  guarded(impl_->path, [&] {
    impl_->begin();
    for (const char* table : {"attempts", "tasks"}) {
      Statement line(impl_->database,
                     fmt::format("UPDATE {} SET outcome = 'untrusted', reason = ?4 WHERE "
                                 "task_key = ?1 AND run = ?2 AND attempt = ?3",
                                 table));
      line.bind(1, record.key);
      line.bind(2, record.run);
      line.bind(3, record.attempt);
      line.bind(4, record.reason);
      line.exec();
    }
  });
}

void Store::remove_packs(const std::vector<std::string>& packs) {
  guarded(impl_->path, [&] {
    impl_->begin();
    for (const std::string& pack : packs) {
      Statement& line = impl_->prepared(
          "UPDATE attempts SET pack = NULL, pack_offset = NULL, pack_size = NULL WHERE pack = ?");
      line.bind(1, pack);
      run_once(line);
    }
  });
}

void Store::put_rest(const Ledger& ledger) {
  std::set<int> runs;
  for (const RunRecord& record : ledger.runs) runs.insert(record.run);
  for (const auto& [key, history] : ledger.tasks) {
    if (ledger.definition(key) == nullptr) continue;
    for (const auto& [number, start] : history.open_starts) {
      if (runs.contains(start.run)) put(start);
    }
  }
  for (const DistrustRecord& record : ledger.distrusted) put(record);
  remove_packs({ledger.cleaned_packs.begin(), ledger.cleaned_packs.end()});
}

Store::Clean Store::clean() {
  return guarded(impl_->path, [&] {
    Statement& line = impl_->prepared("SELECT clean_run, clean_bytes FROM campaign");
    Clean clean;
    if (line.executeStep()) {
      clean = {line.getColumn(0).getInt(),
               static_cast<std::uint64_t>(line.getColumn(1).getInt64())};
    }
    line.reset();
    return clean;
  });
}

void Store::set_clean(const Clean& clean) {
  guarded(impl_->path, [&] {
    impl_->begin();
    Statement& line = impl_->prepared("UPDATE campaign SET clean_run = ?, clean_bytes = ?");
    line.bind(1, clean.run);
    line.bind(2, static_cast<std::int64_t>(clean.bytes));
    run_once(line);
  });
}

std::string Store::dump() {
  return guarded(impl_->path, [&] {
    commit();
    constexpr std::array<const char*, 11> kTables = {
        "campaign",   "runs",     "tasks",   "task_inputs", "cases",   "case_parameters",
        "case_tasks", "attempts", "metrics", "rows",        "warnings"};
    std::string text;
    for (const char* table : kTables) {
      // Every table is in the order of its primary key.
      Statement all(impl_->database, fmt::format("SELECT * FROM {}", table));
      while (all.executeStep()) {
        text += table;
        for (int column = 0; column < all.getColumnCount(); ++column) {
          const SQLite::Column cell = all.getColumn(column);
          text += cell.isNull() ? "\tNULL" : "\t" + quoted(cell.getString());
        }
        text += '\n';
      }
    }
    return text;
  });
}

}  // namespace wbs::harness
