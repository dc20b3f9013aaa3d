#include "harness/store.hpp"

namespace wbs::harness {

const char* store_schema() noexcept {
  return R"sql(
-- One row: what this directory is.
CREATE TABLE campaign(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  experiment TEXT NOT NULL,
  generation INTEGER NOT NULL,   -- raised by --accept-changes; views show the newest
  identity TEXT NOT NULL,
  clean_run INTEGER NOT NULL,    -- last run that ended in order
  clean_bytes INTEGER NOT NULL   -- journal bytes of which this store holds everything
) STRICT;

CREATE TABLE runs(
  run INTEGER PRIMARY KEY,
  generation INTEGER NOT NULL,
  ranks INTEGER NOT NULL,
  identity TEXT NOT NULL,
  identity_parts TEXT NOT NULL,  -- JSON object
  started_at REAL NOT NULL       -- seconds since 1970
) STRICT;

CREATE TABLE tasks(
  task_key TEXT PRIMARY KEY,
  stage TEXT NOT NULL,
  parameters TEXT NOT NULL,      -- JSON object
  data_digests TEXT NOT NULL,    -- JSON object: file parameter -> digest
  outcome TEXT NOT NULL,         -- of the newest attempt; 'planned' when there is none
  reason TEXT NOT NULL,
  run INTEGER NOT NULL,          -- newest attempt: (run, attempt)
  attempt INTEGER NOT NULL,
  seconds REAL NOT NULL,
  artifact_digest TEXT           -- NULL: no artifact
) STRICT, WITHOUT ROWID;

CREATE TABLE task_inputs(
  task_key TEXT NOT NULL REFERENCES tasks(task_key),
  input_key TEXT NOT NULL REFERENCES tasks(task_key),
  PRIMARY KEY (task_key, input_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE cases(
  case_id INTEGER PRIMARY KEY,   -- in order of first appearance
  generation INTEGER NOT NULL,
  name TEXT NOT NULL,
  parameters TEXT NOT NULL,      -- JSON object
  peers TEXT NOT NULL,           -- parameters without the pattern: cases that differ only there agree
  UNIQUE (generation, name)
) STRICT;
CREATE INDEX cases_by_peers ON cases(generation, peers);

CREATE TABLE case_parameters(
  case_id INTEGER NOT NULL REFERENCES cases(case_id),
  name TEXT NOT NULL,
  value ANY NOT NULL,
  PRIMARY KEY (case_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE case_tasks(
  case_id INTEGER NOT NULL REFERENCES cases(case_id),
  position INTEGER NOT NULL,     -- stage order
  task_key TEXT NOT NULL REFERENCES tasks(task_key),
  PRIMARY KEY (case_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX case_tasks_by_task ON case_tasks(task_key);

CREATE TABLE attempts(
  task_key TEXT NOT NULL REFERENCES tasks(task_key),
  run INTEGER NOT NULL REFERENCES runs(run),
  attempt INTEGER NOT NULL,
  rank INTEGER NOT NULL,
  outcome TEXT NOT NULL,         -- 'running': started, never ended
  reason TEXT NOT NULL,
  seconds REAL NOT NULL,
  finished_at REAL NOT NULL,     -- seconds since 1970; 0 for 'running'
  artifact_digest TEXT,
  pack TEXT,                     -- file in packs/; NULL: none, or cleaned away
  pack_offset INTEGER,
  pack_size INTEGER,
  log_file TEXT,                 -- file in logs/; NULL: printed nothing
  log_offset INTEGER,
  log_size INTEGER,
  PRIMARY KEY (task_key, run, attempt)
) STRICT, WITHOUT ROWID;

-- Of the newest attempt of each task.
CREATE TABLE metrics(
  task_key TEXT NOT NULL REFERENCES tasks(task_key),
  name TEXT NOT NULL,
  value ANY NOT NULL,
  PRIMARY KEY (task_key, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE rows(
  task_key TEXT NOT NULL REFERENCES tasks(task_key),
  row INTEGER NOT NULL,
  name TEXT NOT NULL,
  value ANY NOT NULL,
  PRIMARY KEY (task_key, row, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE warnings(
  task_key TEXT NOT NULL REFERENCES tasks(task_key),
  position INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (task_key, position)
) STRICT, WITHOUT ROWID;

-- Every metric of every case of the newest generation, one row each.
CREATE VIEW case_metrics AS
SELECT c.case_id, c.name AS case_name, c.peers, t.stage, t.task_key, t.outcome, t.run, t.attempt,
       t.artifact_digest, m.name AS metric, m.value
FROM cases c
JOIN campaign ON campaign.generation = c.generation
JOIN case_tasks ct ON ct.case_id = c.case_id
JOIN tasks t ON t.task_key = ct.task_key
JOIN metrics m ON m.task_key = t.task_key;

-- Metrics that are times or cycles, against the dense case with the same other parameters.
-- speedup > 1: faster than dense. Only passed tasks take part.
CREATE VIEW speedups AS
SELECT s.case_id, s.case_name, p.value AS pattern, s.stage, s.metric, s.value,
       d.case_id AS dense_case_id, d.value AS dense_value,
       CAST(d.value AS REAL) / s.value AS speedup
FROM case_metrics s
JOIN case_parameters p ON p.case_id = s.case_id AND p.name = 'pattern'
JOIN case_metrics d ON d.peers = s.peers AND d.stage = s.stage AND d.metric = s.metric
JOIN case_parameters dp ON dp.case_id = d.case_id AND dp.name = 'pattern' AND dp.value = 'dense'
WHERE s.outcome = 'passed' AND d.outcome = 'passed'
  AND typeof(s.value) IN ('integer', 'real') AND typeof(d.value) IN ('integer', 'real')
  AND s.value > 0
  AND (s.metric GLOB '*_s' OR s.metric GLOB '*_ms' OR s.metric GLOB '*_us' OR s.metric GLOB '*_ns'
       OR s.metric GLOB '*cycles');
)sql";
}

}  // namespace wbs::harness
