// What the journal's records say. Each is one JSON object whose "t" names its kind; the same forms
// travel between ranks.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "harness/outcome.hpp"
#include "harness/pack.hpp"
#include "harness/stage.hpp"

namespace wbs::harness {

/// Where in logs/ an attempt's output is.
struct LogSpan {
  std::string file;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/// First record of rank 0's file: the start of a run. `sealed` gives the bytes of every earlier
/// file that count; what a stray process of an earlier run appends later is ignored.
struct RunRecord {
  int run = 0;
  int generation = 1;
  int ranks = 1;
  std::string experiment;
  std::string identity;
  std::map<std::string, std::string> identity_parts;
  double started_at = 0.0;  ///< seconds since 1970
  std::map<std::string, std::uint64_t> sealed;
};

/// A task's definition: Task with keys in place of positions.
struct TaskRecord {
  std::string key;
  std::string stage;
  Values parameters;
  std::map<std::string, std::string> data_digests;
  std::vector<std::string> inputs;
  friend bool operator==(const TaskRecord&, const TaskRecord&) = default;
};

/// A case's definition in a generation.
struct CaseRecord {
  int generation = 1;
  std::string name;
  Values parameters;
  std::vector<std::string> tasks;
  friend bool operator==(const CaseRecord&, const CaseRecord&) = default;
};

/// A task was started: without an AttemptRecord of the same number, the attempt was lost.
struct StartRecord {
  std::string key;
  int run = 0;
  int attempt = 0;
  int rank = 0;
};

/// How an attempt ended.
struct AttemptRecord {
  std::string key;
  int run = 0;
  int attempt = 0;
  int rank = 0;
  Outcome outcome = Outcome::planned;
  std::string reason;
  double seconds = 0.0;
  double finished_at = 0.0;  ///< seconds since 1970
  ArtifactPlace artifact;    ///< empty digest: none
  LogSpan log;               ///< empty file: the stage printed nothing
  StageResult result;
};

/// The artifact of an attempt did not verify when it was to be used.
struct DistrustRecord {
  std::string key;
  int run = 0;
  int attempt = 0;
  std::string reason;
};

[[nodiscard]] nlohmann::json to_json(const RunRecord& record);
[[nodiscard]] nlohmann::json to_json(const TaskRecord& record);
[[nodiscard]] nlohmann::json to_json(const CaseRecord& record);
[[nodiscard]] nlohmann::json to_json(const StartRecord& record);
[[nodiscard]] nlohmann::json to_json(const AttemptRecord& record);
[[nodiscard]] nlohmann::json to_json(const DistrustRecord& record);
[[nodiscard]] nlohmann::json to_json(const ArtifactPlace& place);

/// Inverses. Throw nlohmann::json::exception or Error(input) on any other form.
[[nodiscard]] RunRecord run_record(const nlohmann::json& json);
[[nodiscard]] TaskRecord task_record(const nlohmann::json& json);
[[nodiscard]] CaseRecord case_record(const nlohmann::json& json);
[[nodiscard]] StartRecord start_record(const nlohmann::json& json);
[[nodiscard]] AttemptRecord attempt_record(const nlohmann::json& json);
[[nodiscard]] DistrustRecord distrust_record(const nlohmann::json& json);
[[nodiscard]] ArtifactPlace artifact_place(const nlohmann::json& json);

}  // namespace wbs::harness
