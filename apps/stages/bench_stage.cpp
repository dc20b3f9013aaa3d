#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "apps/measure/bench.hpp"
#include "apps/network_source.hpp"
#include "apps/stages/checks.hpp"
#include "apps/stages/model_parameters.hpp"
#include "apps/stages/parameters.hpp"
#include "apps/stages/stages.hpp"
#include "core/digest.hpp"
#include "core/error.hpp"
#include "harness/hdf5_file.hpp"
#include "harness/machine.hpp"

namespace wbs::apps {
namespace {

using harness::ValueType;

BenchRequest request_of(const harness::Values& parameters) {
  BenchRequest request;
  request.network = text(parameters, "network");
  request.input = text(parameters, "input");
  request.element =
      value_or_throw(kernels::parse_element(text(parameters, "type")), ErrorKind::usage);
  request.pattern =
      value_or_throw(sparsity::parse_pattern(text(parameters, "pattern")), ErrorKind::usage);
  request.peer = text(parameters, "peer");
  request.algorithm = text(parameters, "algorithm");
  request.force_impl = text(parameters, "force_impl");
  request.threads = static_cast<int>(parameter<std::int64_t>(parameters, "threads"));
  request.batch = parameter<std::int64_t>(parameters, "batch");
  request.l2_masks = text(parameters, "mask") == "l2";
  request.weights = text(parameters, "weights");
  request.seed = parameter<std::int64_t>(parameters, "seed");
  request.seconds = parameter<double>(parameters, "layer_seconds");
  request.whole_network = parameter<bool>(parameters, "whole_network");
  return request;
}

harness::Values layer_row(const BenchRow& row) {
  harness::Values values{
      {"layer", row.layer.request.name},
      {"shape", shape_text(row.layer.request.shape)},
      {"count", std::int64_t{row.layer.count}},
      {"first", row.layer.first},
      {"density", row.result.density},
      {"algorithm", row.ours->who.algorithm},
      {"implementation", row.ours->who.implementation},
      {"ours_ms", row.ours->time.median_ms},
      {"spread", row.ours->time.spread},
      {"n", std::int64_t{row.ours->time.n}},
      {"gops", row.useful_gops},
      {"fraction_of_peak", row.fraction_of_peak},
      {"bytes", row.ours->who.weight_bytes + row.ours->who.activation_bytes},
      {"bound_ms", row.bound.milliseconds},
      {"bound", std::string(row.bound.memory ? "memory" : "compute")},
  };
  if (row.peer != nullptr) {
    values["peer_ms"] = row.peer->time.median_ms;
    values["peer_algorithm"] = row.peer->who.algorithm;
    values["peer_implementation"] = row.peer->who.implementation;
    values["peer_spread"] = row.peer->time.spread;
    values["speedup"] = row.speedup;
  }
  return values;
}

/// The layer that gained least; null when no layer has a peer.
const BenchRow* worst_row(const BenchReport& report) {
  const BenchRow* worst = nullptr;
  for (const BenchRow& row : report.rows) {
    if (row.layer.first || row.peer == nullptr) continue;
    if (worst == nullptr || row.speedup < worst->speedup) worst = &row;
  }
  return worst;
}

harness::StageResult result_of(const BenchReport& report) {
  harness::StageResult result;
  for (const BenchRow& row : report.rows) result.rows.push_back(layer_row(row));
  result.metrics = {
      {"layers", static_cast<std::int64_t>(report.rows.size())},
      {"cpu", report.machine.cpu},
      {"peak_gops", report.machine.peak.ops_per_s * 1e-9},
      {"peak_instruction", std::string(report.machine.peak.instruction)},
      {"memory_gb_per_s", report.machine.memory_bytes_per_s * 1e-9},
      {"weights_source", report.weights_source},
  };
  if (const BenchRow* worst = worst_row(report)) {
    result.metrics["geomean_speedup"] = report.geomean_speedup;
    if (report.geomean_over_direct > 0.0) {
      result.metrics["geomean_speedup_over_direct"] = report.geomean_over_direct;
    }
    if (report.geomean_fraction > 0.0) {
      result.metrics["direct_fraction_of_peak"] = report.geomean_fraction;
    }
    result.metrics["worst_speedup"] = worst->speedup;
    result.metrics["worst_layer"] = worst->layer.request.name;
  }
  if (report.network) {
    result.metrics["network_ms"] = report.network->ours.median_ms;
    result.metrics["network_peer_ms"] = report.network->peer.median_ms;
    result.metrics["network_speedup"] = report.network->speedup;
    result.metrics["network_peak_bytes"] = report.network->ours_peak_bytes;
    result.metrics["network_peer_peak_bytes"] = report.network->peer_peak_bytes;
  }
  return result;
}

class BenchStage final : public harness::Stage {
 public:
  [[nodiscard]] std::string_view name() const override { return "bench"; }
  [[nodiscard]] int version() const override { return 1; }

  [[nodiscard]] std::vector<harness::ParameterSpec> parameters() const override {
    std::vector<harness::ParameterSpec> specs = network_parameters();
    specs.insert(
        specs.end(),
        {
            {"type", ValueType::text, std::string("fp32"), "fp32, bf16 or int8"},
            {"peer", ValueType::text, std::string("best"),
             "dense side: onednn, onednn-winograd, openblas, libxsmm, or best"},
            {"algorithm", ValueType::text, std::string("auto"),
             "ours: direct, winograd2, winograd4, or auto: the fastest per layer"},
            {"force_impl", ValueType::text, std::string(), "an entry of wbs list kernels"},
            {"threads", ValueType::integer, std::int64_t{1}, "of both sides"},
            {"batch", ValueType::integer, std::int64_t{1}, "images per run"},
            {"mask", ValueType::text, std::string("uniform"),
             "without a prune stage: uniform (seeded) or l2 (by the weights' blocks)"},
            {"weights", ValueType::text, std::string(),
             "as of prune; without a prune stage and with mask l2"},
            {"seed", ValueType::integer, std::int64_t{1}, "of masks, weights and activations"},
            {"layer_seconds", ValueType::number, 0.25, "timing per layer"},
            {"whole_network", ValueType::boolean, true, "measure the whole network too"},
        });
    return specs;
  }

  /// With a prune stage its masked weights are measured.
  [[nodiscard]] std::vector<std::string> inputs() const override { return {"prune", "train"}; }

  [[nodiscard]] harness::Resources resources(const harness::Values& parameters) const override {
    const auto threads = static_cast<int>(parameter<std::int64_t>(parameters, "threads"));
    return {.cores = std::max(1, threads), .memory_bytes = 0, .exclusive = true};
  }

  [[nodiscard]] std::vector<std::string> validate(
      const harness::Values& parameters,
      std::map<std::string, std::string>& data_digests) const override {
    std::vector<std::string> problems =
        check_network_and_pattern(parameters, data_digests, /*linear_too=*/false);
    const std::string& mask = text(parameters, "mask");
    if (mask != "uniform" && mask != "l2") {
      problems.push_back(fmt::format("mask '{}' is unknown: expected uniform or l2", mask));
    }
    if (const auto type = kernels::parse_element(text(parameters, "type")); !type) {
      problems.push_back(type.error());
    }
    if (!problems.empty()) return problems;
    try {
      problems = check_request(request_of(parameters));
      const std::string file =
          weights_file({text(parameters, "network"), text(parameters, "weights"),
                        parameter<std::int64_t>(parameters, "seed")});
      if (!file.empty()) data_digests["weights"] = digest_of_file(file);
    } catch (const Error& error) {
      problems.emplace_back(error.what());
    }
    // A time is true of the machine that it was measured on.
    data_digests["machine"] = digest_of(fmt::format("{}, {}, {} cores", harness::node_name(),
                                                    harness::cpu_model(), harness::usable_cores()));
    return problems;
  }

  [[nodiscard]] harness::StageResult run(const harness::StageRun& run) const override {
    BenchRequest request = request_of(run.parameters);
    if (const auto pruned = masked_input(run.inputs); pruned != run.inputs.end()) {
      const auto file =
          std::make_shared<harness::Hdf5File>(harness::Hdf5File::open(pruned->second));
      request.weights.clear();
      request.pruned = [file](const std::string& node) -> std::optional<Tensor> {
        const std::string object = "/" + node + "/weight";
        if (!file->has(object)) return std::nullopt;
        return file->read(object);
      };
    }
    const BenchReport report =
        run_bench(request, [&run](std::size_t done, std::size_t total, const std::string&) {
          if (run.progress && total > 0) {
            run.progress(static_cast<double>(done) / static_cast<double>(total));
          }
        });
    return result_of(report);
  }
};

}  // namespace

std::unique_ptr<harness::Stage> make_bench_stage() {
  return std::make_unique<BenchStage>();
}

}  // namespace wbs::apps
