#include "apps/measure/bench_output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/columns.hpp"

namespace wbs::apps {
namespace {

using kernels::measure::Entry;
using nlohmann::json;

json entry_json(const Entry& entry, bool samples) {
  json item{{"name", entry.who.name},
            {"algorithm", entry.who.algorithm},
            {"implementation", entry.who.implementation},
            {"median_ms", entry.time.median_ms},
            {"minimum_ms", entry.time.minimum_ms},
            {"spread", entry.time.spread},
            {"n", entry.time.n},
            {"error_of_bound", entry.error},
            {"weight_bytes", entry.who.weight_bytes},
            {"activation_bytes", entry.who.activation_bytes}};
  if (!samples) return item;
  item["samples_ms"] = entry.milliseconds;
  json disturbed = json::array();
  for (std::size_t round = 0; round < entry.runs.size(); ++round) {
    const kernels::measure::TimedRun& run = entry.runs[round];
    if (run.disturbed) disturbed.push_back({{"round", round}, {"ms", run.milliseconds}});
  }
  item["disturbed"] = std::move(disturbed);
  return item;
}

json layer_json(const BenchRow& row, bool samples) {
  const auto& shape = row.layer.request.shape;
  json item{{"name", row.layer.request.name},
            {"shape", shape_text(shape)},
            {"count", row.layer.count},
            {"first", row.layer.first},
            {"macs", shape.macs()},
            {"density", row.result.density},
            {"algorithm", row.ours->who.algorithm},
            {"implementation", row.ours->who.implementation},
            {"ours_ms", row.ours->time.median_ms},
            {"peer_ms", nullptr},
            {"peer_algorithm", nullptr},
            {"speedup", nullptr},
            {"gops", row.useful_gops},
            {"fraction_of_peak", row.fraction_of_peak},
            {"bytes", row.ours->who.weight_bytes + row.ours->who.activation_bytes},
            {"bound_ms", row.bound.milliseconds},
            {"bound", row.bound.memory ? "memory" : "compute"},
            {"spread", row.ours->time.spread},
            {"n", row.ours->time.n},
            {"disturbed_runs", row.result.disturbed},
            {"points_checked", row.result.points_checked},
            {"weight_copies", row.result.weight_copies},
            {"activation_copies", row.result.activation_copies}};
  if (row.peer != nullptr) {
    item["peer_ms"] = row.peer->time.median_ms;
    item["peer_algorithm"] = row.peer->who.algorithm;
    item["peer_implementation"] = row.peer->who.implementation;
    item["peer_spread"] = row.peer->time.spread;
    item["speedup"] = row.speedup;
  }
  if (row.speedup_over_direct > 0.0) item["speedup_over_direct"] = row.speedup_over_direct;
  if (row.direct_fraction > 0.0) item["direct_fraction_of_peak"] = row.direct_fraction;
  json contestants = json::array();
  for (const Entry& entry : row.result.ours) contestants.push_back(entry_json(entry, samples));
  for (const Entry& entry : row.result.peers) contestants.push_back(entry_json(entry, samples));
  item["contestants"] = std::move(contestants);
  json refusals = json::array();
  for (const auto& refusal : row.result.refusals) {
    refusals.push_back({{"who", refusal.who}, {"reason", refusal.reason}});
  }
  item["refusals"] = std::move(refusals);
  return item;
}

json machine_json(const MachineFacts& machine) {
  return {{"cpu", machine.cpu},
          {"node", machine.node},
          {"cores", machine.cores},
          {"l2_bytes", machine.caches.l2},
          {"l3_bytes", machine.caches.l3},
          {"peak_gops", machine.peak.ops_per_s * 1e-9},
          {"peak_instruction", machine.peak.instruction},
          {"l3_gb_per_s", machine.l3_bytes_per_s * 1e-9},
          {"memory_gb_per_s", machine.memory_bytes_per_s * 1e-9}};
}

json network_json(const BenchReport& report) {
  if (!report.network) return {{"reason", report.no_network}};
  const NetworkTimes& times = *report.network;
  return {{"ours_ms", times.ours.median_ms},
          {"peer_ms", times.peer.median_ms},
          {"speedup", times.speedup},
          {"spread", times.ours.spread},
          {"peer_spread", times.peer.spread},
          {"n", times.ours.n},
          {"ours_peak_bytes", times.ours_peak_bytes},
          {"peer_peak_bytes", times.peer_peak_bytes},
          {"peer_layers_ms", times.peer_layers_ms},
          {"disturbed_runs", times.disturbed},
          {"difference", times.difference}};
}

std::vector<std::string> table_row(const BenchRow& row) {
  const Entry& ours = *row.ours;
  std::vector<std::string> cells{
      row.layer.request.name + (row.layer.first ? " *" : ""),
      std::to_string(row.layer.count),
      shape_text(row.layer.request.shape),
      fmt::format("{:.0f}%", 100.0 * (1.0 - row.result.density)),
      ours.who.algorithm,
      fmt::format("{:.4f}", ours.time.median_ms),
  };
  if (row.peer != nullptr) {
    cells.push_back(fmt::format("{:.4f}", row.peer->time.median_ms));
    cells.push_back(row.peer->who.algorithm);
    cells.push_back(fmt::format("{:.2f}", row.speedup));
  } else {
    cells.insert(cells.end(), {"-", "-", "-"});
  }
  cells.push_back(fmt::format("{:.1f}", 100.0 * row.fraction_of_peak));
  cells.push_back(fmt::format("{:.4f}", row.bound.milliseconds) + (row.bound.memory ? " m" : ""));
  cells.push_back(fmt::format("{:.1f}%", 100.0 * ours.time.spread));
  cells.push_back(std::to_string(ours.time.n));
  return cells;
}

/// A peer's matrix unit does eight times the products of a vector unit; the reader must know.
bool peer_uses_amx(const BenchReport& report) {
  return std::any_of(report.rows.begin(), report.rows.end(), [](const BenchRow& row) {
    return row.peer != nullptr && row.peer->who.implementation.find("amx") != std::string::npos;
  });
}

std::string footer(const BenchRequest& request, const BenchReport& report) {
  const MachineFacts& machine = report.machine;
  std::string text;
  if (report.geomean_speedup > 0.0) {
    text += fmt::format(
        "Geometric mean over the distinct convolutions except the first (*): {:.2f} times {}, "
        "direct {:.1f}% of peak on useful work\n",
        report.geomean_speedup,
        request.peer == "best" ? std::string("oneDNN's faster algorithm") : request.peer,
        100.0 * report.geomean_fraction);
  }
  if (report.network) {
    const NetworkTimes& times = *report.network;
    text += fmt::format(
        "Whole network: {:.3f} ms, dense oneDNN {:.3f} ms: {:.2f} times; {:.1f} MB against {:.1f} "
        "MB\n",
        times.ours.median_ms, times.peer.median_ms, times.speedup,
        static_cast<double>(times.ours_peak_bytes) * 1e-6,
        static_cast<double>(times.peer_peak_bytes) * 1e-6);
  } else {
    text += fmt::format("Whole network: {}\n", report.no_network);
  }
  text += fmt::format("{} with {}, {} masks, weights {}; {} thread{}, batch {}\n", request.network,
                      sparsity::to_string(request.pattern),
                      request.pruned     ? "the pruned file's"
                      : request.l2_masks ? "L2"
                                         : "uniform",
                      report.weights_source, request.threads, request.threads == 1 ? "" : "s",
                      request.batch);
  text += fmt::format(
      "{}: {:.1f} G{}/s by {}, L3 {:.0f} GB/s, memory {:.0f} GB/s\n", machine.cpu,
      machine.peak.ops_per_s * 1e-9, request.element == kernels::Element::u8 ? "OP" : "FLOP",
      machine.peak.instruction, machine.l3_bytes_per_s * 1e-9, machine.memory_bytes_per_s * 1e-9);
  if (peer_uses_amx(report)) {
    text +=
        "oneDNN ran AMX (matrix unit) kernels; wbs has none. ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16 "
        "in "
        "the environment keeps both on vectors.\n";
  }
  text +=
      "Times are medians; spread is the interquartile range over the median; 'm' marks a bound "
      "set by memory.\n";
  return text;
}

}  // namespace

json bench_json(const BenchRequest& request, const BenchReport& report, bool samples) {
  json layers = json::array();
  for (const BenchRow& row : report.rows) layers.push_back(layer_json(row, samples));
  const auto or_null = [](double value) { return value > 0.0 ? json(value) : json(nullptr); };
  return {{"network_name", request.network},
          {"type", kernels::to_string(request.element)},
          {"pattern", sparsity::to_string(request.pattern)},
          {"peer", request.peer},
          {"threads", request.threads},
          {"batch", request.batch},
          {"masks", request.pruned     ? "pruned"
                    : request.l2_masks ? "l2"
                                       : "uniform"},
          {"weights", report.weights_source},
          {"layers", std::move(layers)},
          {"geomean_speedup", or_null(report.geomean_speedup)},
          {"geomean_speedup_over_direct", or_null(report.geomean_over_direct)},
          {"geomean_direct_fraction_of_peak", or_null(report.geomean_fraction)},
          {"network", network_json(report)},
          {"machine", machine_json(report.machine)}};
}

std::string bench_text(const BenchRequest& request, const BenchReport& report) {
  std::vector<std::vector<std::string>> rows;
  for (const BenchRow& row : report.rows) rows.push_back(table_row(row));
  return aligned({"layer", "n", "shape", "zeros", "algorithm", "ours ms", "peer ms", "peer",
                  "speed-up", "% of peak", "bound ms", "spread", "runs"},
                 rows) +
         footer(request, report);
}

}  // namespace wbs::apps
