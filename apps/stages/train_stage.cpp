#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "apps/network_source.hpp"
#include "apps/pruned_file.hpp"
#include "apps/stages/parameters.hpp"
#include "apps/stages/stages.hpp"
#include "apps/training/train_parameters.hpp"
#include "apps/training/trained_network.hpp"
#include "core/error.hpp"

namespace wbs::apps {
namespace {

using nlohmann::json;

/// Training by wbs-train: of the dense network alone, or of what it becomes under a pattern.
class TrainStage final : public harness::Stage {
 public:
  explicit TrainStage(bool dense) : dense_(dense) {}

  [[nodiscard]] std::string_view name() const override { return dense_ ? "pretrain" : "train"; }
  [[nodiscard]] int version() const override { return 1; }

  [[nodiscard]] std::vector<harness::ParameterSpec> parameters() const override {
    return dense_ ? pretrain_parameters() : train_parameters();
  }

  [[nodiscard]] std::vector<std::string> inputs() const override {
    return dense_ ? std::vector<std::string>{} : std::vector<std::string>{"pretrain"};
  }

  [[nodiscard]] harness::Resources resources(const harness::Values& parameters) const override {
    const auto threads = parameter<std::int64_t>(parameters, "train_threads");
    return {.cores = static_cast<int>(std::max<std::int64_t>(ranks(parameters) * threads, 1)),
            .memory_bytes = 0,
            .exclusive = false};
  }

  [[nodiscard]] std::vector<std::string> validate(
      const harness::Values& parameters,
      std::map<std::string, std::string>& data_digests) const override {
    std::vector<std::string> problems;
    if (const std::string reason = train_refusal(); !reason.empty()) problems.push_back(reason);
    if (ranks(parameters) < 1 || ranks(parameters) > 64) {
      problems.emplace_back("ranks_per_case: 1 to 64");
    }
    try {
      const auto more = check_train_request(request(parameters), data_digests);
      problems.insert(problems.end(), more.begin(), more.end());
    } catch (const Error& error) {
      problems.emplace_back(error.what());
    }
    return problems;
  }

  [[nodiscard]] harness::StageResult run(const harness::StageRun& run) const override;

 private:
  static std::int64_t ranks(const harness::Values& parameters) {
    return parameter<std::int64_t>(parameters, "ranks_per_case");
  }
  [[nodiscard]] json request(const harness::Values& parameters) const {
    return dense_ ? pretrain_request(parameters) : train_request(parameters);
  }
  [[nodiscard]] networks::Weights start(const harness::StageRun& run) const;

  bool dense_;
};

networks::Weights TrainStage::start(const harness::StageRun& run) const {
  if (dense_) return {};
  const std::string& file = text(run.parameters, "weights");
  if (!file.empty()) {
    const std::string& network = text(run.parameters, "network");
    return load_weights(load_graph(network, text(run.parameters, "input")), {network, file, 1})
        .values;
  }
  const auto pretrained = run.inputs.find("pretrain");
  return pretrained == run.inputs.end() ? networks::Weights{}
                                        : read_stored_tensors(pretrained->second);
}

/// One row per epoch.
harness::Values epoch_row(const json& event) {
  harness::Values row;
  for (const char* name : {"epoch", "loss", "train_accuracy", "accuracy", "learning_rate",
                           "mask_changes_per_step", "achieved_sparsity"}) {
    if (!event.contains(name) || event[name].is_null()) continue;
    if (event[name].is_number_integer()) {
      row[name] = event[name].get<std::int64_t>();
    } else {
      row[name] = event[name].get<double>();
    }
  }
  return row;
}

harness::StageResult stage_result(const json& result) {
  harness::StageResult stage;
  // A loss that is no number makes the outcome `diverged`.
  const bool diverged = result.at("outcome") == "diverged";
  stage.metrics["loss"] =
      diverged ? std::numeric_limits<double>::quiet_NaN() : result.at("loss").get<double>();
  for (const char* name :
       {"accuracy", "accuracy_as_is", "achieved_sparsity", "step_ms", "seconds"}) {
    if (result.contains(name) && result[name].is_number()) {
      stage.metrics[name] = result[name].get<double>();
    }
  }
  for (const char* name : {"dense", "ff", "bp", "wu", "share"}) {
    stage.metrics[std::string("macs_") + name] = result.at("macs").at(name).get<double>();
  }
  for (const char* name : {"steps", "epochs"}) {
    stage.metrics[name] = result.at(name).get<std::int64_t>();
  }
  for (const char* name : {"weights_digest", "data", "device"}) {
    if (result.contains(name) && result[name].is_string()) {
      stage.metrics[name] = result[name].get<std::string>();
    }
  }
  if (result.contains("reason")) stage.warnings.push_back(result["reason"].get<std::string>());
  return stage;
}

harness::StageResult TrainStage::run(const harness::StageRun& run) const {
  std::vector<harness::Values> rows;
  std::vector<std::string> messages;
  TrainJob job;
  job.request = request(run.parameters);
  job.start = start(run);
  job.teach = !dense_ && parameter<double>(run.parameters, "distill_weight") > 0.0;
  job.ranks = static_cast<int>(ranks(run.parameters));
  job.scratch = run.output_path;
  job.checkpoint_folder = run.keep_directory;
  job.on_event = [&](const json& event) {
    if (event["event"] == "message") messages.push_back(event.value("text", std::string()));
    if (event["event"] != "epoch") return;
    rows.push_back(epoch_row(event));
    if (run.progress) {
      run.progress(event["epoch"].get<double>() / event["epochs"].get<double>());
    }
  };
  const TrainedNetwork network = run_train_job(job);
  if (network.result.at("outcome") == "aborted") {
    throw Error(ErrorKind::io, "training was stopped; the same command continues it");
  }
  harness::StageResult result = stage_result(network.result);
  result.rows = std::move(rows);
  result.warnings.insert(result.warnings.end(), messages.begin(), messages.end());
  if (network.result.at("outcome") == "passed") write_trained_file(run.output_path, network);
  return result;
}

}  // namespace

std::unique_ptr<harness::Stage> make_pretrain_stage() {
  return std::make_unique<TrainStage>(true);
}
std::unique_ptr<harness::Stage> make_train_stage() {
  return std::make_unique<TrainStage>(false);
}

}  // namespace wbs::apps
