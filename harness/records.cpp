#include "harness/records.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "harness/values.hpp"

namespace wbs::harness {

using nlohmann::json;

json to_json(const RunRecord& record) {
  return {{"t", "run"},
          {"run", record.run},
          {"generation", record.generation},
          {"ranks", record.ranks},
          {"experiment", record.experiment},
          {"identity", record.identity},
          {"identity_parts", record.identity_parts},
          {"started_at", record.started_at},
          {"sealed", record.sealed}};
}

RunRecord run_record(const json& source) {
  RunRecord record;
  source.at("run").get_to(record.run);
  source.at("generation").get_to(record.generation);
  source.at("ranks").get_to(record.ranks);
  source.at("experiment").get_to(record.experiment);
  source.at("identity").get_to(record.identity);
  source.at("identity_parts").get_to(record.identity_parts);
  source.at("started_at").get_to(record.started_at);
  source.at("sealed").get_to(record.sealed);
  return record;
}

json to_json(const TaskRecord& record) {
  json made = {{"key", record.key},
               {"stage", record.stage},
               {"parameters", to_json(record.parameters)},
               {"inputs", record.inputs}};
  if (!record.data_digests.empty()) made["data"] = record.data_digests;
  return made;
}

TaskRecord task_record(const json& source) {
  TaskRecord record;
  source.at("key").get_to(record.key);
  source.at("stage").get_to(record.stage);
  record.parameters = values_from_json(source.at("parameters"));
  source.at("inputs").get_to(record.inputs);
  if (const auto data = source.find("data"); data != source.end())
    data->get_to(record.data_digests);
  return record;
}

json to_json(const CaseRecord& record) {
  return {{"generation", record.generation},
          {"name", record.name},
          {"parameters", to_json(record.parameters)},
          {"tasks", record.tasks}};
}

CaseRecord case_record(const json& source) {
  CaseRecord record;
  source.at("generation").get_to(record.generation);
  source.at("name").get_to(record.name);
  record.parameters = values_from_json(source.at("parameters"));
  source.at("tasks").get_to(record.tasks);
  return record;
}

json to_json(const StartRecord& record) {
  return {{"t", "start"},
          {"key", record.key},
          {"run", record.run},
          {"attempt", record.attempt},
          {"rank", record.rank}};
}

StartRecord start_record(const json& source) {
  return {source.at("key").get<std::string>(), source.at("run").get<int>(),
          source.at("attempt").get<int>(), source.at("rank").get<int>()};
}

json to_json(const ArtifactPlace& place) {
  return {{"pack", place.pack},
          {"offset", place.offset},
          {"size", place.size},
          {"digest", place.digest}};
}

ArtifactPlace artifact_place(const json& source) {
  return {source.at("pack").get<std::string>(), source.at("offset").get<std::uint64_t>(),
          source.at("size").get<std::uint64_t>(), source.at("digest").get<std::string>()};
}

json to_json(const AttemptRecord& record) {
  json made = {{"t", "done"},
               {"key", record.key},
               {"run", record.run},
               {"attempt", record.attempt},
               {"rank", record.rank},
               {"outcome", to_string(record.outcome)},
               {"seconds", record.seconds},
               {"at", record.finished_at},
               {"result", to_json(record.result)}};
  if (!record.reason.empty()) made["reason"] = record.reason;
  if (!record.artifact.digest.empty()) made["artifact"] = to_json(record.artifact);
  if (!record.log.file.empty()) {
    made["log"] = {record.log.file, record.log.offset, record.log.size};
  }
  return made;
}

AttemptRecord attempt_record(const json& source) {
  AttemptRecord record;
  source.at("key").get_to(record.key);
  source.at("run").get_to(record.run);
  source.at("attempt").get_to(record.attempt);
  source.at("rank").get_to(record.rank);
  const auto outcome = parse_outcome(source.at("outcome").get<std::string>());
  if (!outcome) {
    throw Error(ErrorKind::input, fmt::format("unknown outcome {}", source.at("outcome").dump()));
  }
  record.outcome = *outcome;
  source.at("seconds").get_to(record.seconds);
  source.at("at").get_to(record.finished_at);
  record.result = stage_result_from_json(source.at("result"));
  record.reason = source.value("reason", "");
  if (const auto place = source.find("artifact"); place != source.end()) {
    record.artifact = artifact_place(*place);
  }
  if (const auto log = source.find("log"); log != source.end()) {
    record.log = {log->at(0).get<std::string>(), log->at(1).get<std::uint64_t>(),
                  log->at(2).get<std::uint64_t>()};
  }
  return record;
}

json to_json(const DistrustRecord& record) {
  return {{"t", "distrust"},
          {"key", record.key},
          {"run", record.run},
          {"attempt", record.attempt},
          {"reason", record.reason}};
}

DistrustRecord distrust_record(const json& source) {
  return {source.at("key").get<std::string>(), source.at("run").get<int>(),
          source.at("attempt").get<int>(), source.at("reason").get<std::string>()};
}

}  // namespace wbs::harness
