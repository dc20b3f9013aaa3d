#include "apps/measure/bench.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "apps/measure/network_bench.hpp"
#include "apps/network_source.hpp"
#include "core/error.hpp"
#include "core/statistics.hpp"
#include "harness/machine.hpp"
#include "kernels/peers/peers.hpp"

namespace wbs::apps {
namespace {

using kernels::Element;
using kernels::measure::Entry;
using kernels::measure::LayerResult;

constexpr std::array<const char*, 3> kAlgorithms{"direct", "winograd2", "winograd4"};

bool takes_winograd(const kernels::measure::LayerRequest& request) {
  const kernels::ConvShape& s = request.shape;
  return request.element == Element::f32 && s.kernel == std::array<std::int64_t, 2>{3, 3} &&
         s.stride == std::array<std::int64_t, 2>{1, 1} && s.groups == 1;
}

std::vector<std::string> algorithms_for(const BenchRequest& request, const DistinctLayer& layer) {
  if (!takes_winograd(layer.request)) return {"direct"};
  if (request.algorithm == "auto") return {kAlgorithms.begin(), kAlgorithms.end()};
  return {request.algorithm};
}

std::vector<std::string> peers_for(const BenchRequest& request, const DistinctLayer& layer) {
  if (request.peer != "best") return {request.peer};
  if (!takes_winograd(layer.request)) return {"onednn"};
  return {"onednn", "onednn-winograd"};
}

MachineFacts measure_machine(const BenchRequest& request) {
  MachineFacts facts;
  facts.cpu = harness::cpu_model();
  facts.node = harness::node_name();
  facts.cores = harness::usable_cores();
  facts.caches = kernels::cache_sizes();
  facts.peak = kernels::measure_peak(request.element, request.threads);
  facts.l3_bytes_per_s = kernels::measure_read_bandwidth(facts.caches.l3 / 2);
  constexpr std::int64_t kLargest = std::int64_t{512} << 20;
  facts.memory_bytes_per_s =
      kernels::measure_read_bandwidth(std::min(kLargest, 4 * facts.caches.l3));
  return facts;
}

/// Reading takes the weights from memory when those of the network do not stay in the L3 cache,
/// and activations from the L3 cache.
kernels::measure::Bound bound_of(const Entry& ours, const LayerResult& result, double operations,
                                 const MachineFacts& machine) {
  const auto weights = static_cast<double>(ours.who.weight_bytes);
  const auto activations = static_cast<double>(ours.who.activation_bytes);
  const bool far = ours.who.weight_bytes * result.weight_copies > machine.caches.l3;
  const double seconds = weights / (far ? machine.memory_bytes_per_s : machine.l3_bytes_per_s) +
                         activations / machine.l3_bytes_per_s;
  return kernels::measure::roofline(operations, machine.peak.ops_per_s, weights + activations,
                                    (weights + activations) / seconds);
}

void derive(BenchRow& row, const MachineFacts& machine) {
  row.ours = LayerResult::fastest(row.result.ours);
  row.peer = LayerResult::fastest(row.result.peers);
  if (row.peer != nullptr) row.speedup = row.peer->time.median_ms / row.ours->time.median_ms;
  for (const Entry& entry : row.result.peers) {
    if (entry.who.name != "onednn") continue;
    row.speedup_over_direct = entry.time.median_ms / row.ours->time.median_ms;
  }
  const double operations =
      2.0 * static_cast<double>(row.layer.request.shape.macs()) * row.result.density;
  const double per_s = operations / (row.ours->time.median_ms * 1e-3);
  row.useful_gops = per_s * 1e-9;
  row.fraction_of_peak = per_s / machine.peak.ops_per_s;
  for (const Entry& entry : row.result.ours) {
    if (entry.who.algorithm != "direct") continue;
    row.direct_fraction = operations / (entry.time.median_ms * 1e-3) / machine.peak.ops_per_s;
  }
  row.bound = bound_of(*row.ours, row.result, operations, machine);
}

/// The pattern that `layer` gets.
sparsity::Pattern pattern_for(const BenchRequest& request, const DistinctLayer& layer) {
  return layer.pruned ? request.pattern : sparsity::Pattern(sparsity::DensePattern{});
}

class Bench {
 public:
  explicit Bench(const BenchRequest& request)
      : request_(request), graph_(load_graph(request.network, request.input)) {
    if (!request.weights.empty() || request.l2_masks) {
      loaded_ = &load_weights(graph_, {request.network, request.weights, request.seed});
    }
    for (const networks::Node& node : graph_.nodes) {
      const auto weight = node.weight_shapes.find("weight");
      if (weight != node.weight_shapes.end()) weights_ += element_count(weight->second);
    }
  }

  [[nodiscard]] std::string weights_source() const {
    return loaded_ != nullptr ? loaded_->source : fmt::format("seeded (seed {})", request_.seed);
  }

  BenchRow measure(const DistinctLayer& layer, const MachineFacts& machine) const {
    kernels::measure::LayerRequest request = layer.request;
    request.seed = static_cast<std::uint64_t>(request_.seed);
    kernels::measure::MaskChoice mask;
    mask.pattern = pattern_for(request_, layer);
    mask.uniform = !request_.l2_masks;
    std::optional<Tensor> pruned;
    if (request_.pruned) pruned = request_.pruned(layer.request.name);
    if (pruned) {
      mask.weights = &*pruned;
      mask.given = true;
    } else if (loaded_ != nullptr) {
      mask.weights = &loaded_->values.at(networks::weight_key(graph_.nodes[layer.node], "weight"));
    }
    const auto problem = kernels::measure::make_problem(request, mask);
    kernels::measure::LayerOptions options;
    options.algorithms = algorithms_for(request_, layer);
    options.force_impl = request_.force_impl;
    options.peers = peers_for(request_, layer);
    options.threads = request_.threads;
    options.network_weights = weights_;
    options.budget.seconds = request_.seconds;
    BenchRow row;
    row.layer = layer;
    row.result = kernels::measure::measure_layer(*problem, options);
    derive(row, machine);
    return row;
  }

 private:
  const BenchRequest& request_;
  const networks::Graph& graph_;
  const LoadedWeights* loaded_ = nullptr;
  std::int64_t weights_ = 0;
};

/// The geometric mean of `member` over the distinct convolutions but the first, where it exists.
double mean_over(const BenchReport& report, double BenchRow::* member) {
  std::vector<double> values;
  for (const BenchRow& row : report.rows) {
    if (!row.layer.first && !row.layer.linear && row.*member > 0.0) values.push_back(row.*member);
  }
  return values.empty() ? 0.0 : geometric_mean(values);
}

void add_means(BenchReport& report) {
  report.geomean_speedup = mean_over(report, &BenchRow::speedup);
  report.geomean_over_direct = mean_over(report, &BenchRow::speedup_over_direct);
  report.geomean_fraction = mean_over(report, &BenchRow::direct_fraction);
}

}  // namespace

std::vector<std::string> check_request(const BenchRequest& request) {
  std::vector<std::string> problems;
  const auto peers = kernels::peers::list_peers();
  const bool known_peer = request.peer == "best" ||
                          std::any_of(peers.begin(), peers.end(),
                                      [&](const auto& peer) { return peer.name == request.peer; });
  if (!known_peer) {
    problems.push_back(fmt::format("peer '{}' is unknown: expected best", request.peer));
    for (const auto& peer : peers) problems.back() += fmt::format(", {}", peer.name);
  }
  const bool known_algorithm =
      request.algorithm == "auto" ||
      std::find(kAlgorithms.begin(), kAlgorithms.end(), request.algorithm) != kAlgorithms.end();
  if (!known_algorithm) {
    problems.push_back(fmt::format("algorithm '{}' is unknown: expected auto, {}",
                                   request.algorithm, fmt::join(kAlgorithms, ", ")));
  }
  const auto all = kernels::list_implementations();
  const bool known_implementation =
      request.force_impl.empty() || std::any_of(all.begin(), all.end(), [&](const auto& entry) {
        return entry.name == request.force_impl &&
               entry.element == kernels::to_string(request.element);
      });
  if (!known_implementation) {
    problems.push_back(fmt::format("no {} implementation '{}' (wbs list kernels)",
                                   kernels::to_string(request.element), request.force_impl));
  }
  if (request.threads < 1 || request.threads > 1024) problems.emplace_back("threads: 1 to 1024");
  if (request.batch < 1 || request.batch > 4096) problems.emplace_back("batch: 1 to 4096");
  if (!(request.seconds > 0.0)) problems.emplace_back("seconds must be positive");
  const networks::Graph& graph = load_graph(request.network, request.input);
  for (const networks::Node& node : graph.nodes) {
    if (!is_pruned(graph, node, request.linear)) continue;
    const auto fits = sparsity::check_fits(request.pattern, node.weight_shapes.at("weight"));
    if (fits) continue;
    problems.push_back(fmt::format("pattern '{}' does not fit layer {}: {}",
                                   sparsity::to_string(request.pattern), node.name, fits.error()));
    break;
  }
  return problems;
}

BenchReport run_bench(const BenchRequest& request, const BenchProgress& progress) {
  const networks::Graph& graph = load_graph(request.network, request.input);
  const std::vector<DistinctLayer> layers =
      distinct_layers(graph, {request.element, request.batch, request.linear, request.layers});
  if (layers.empty()) {
    throw Error(ErrorKind::usage,
                fmt::format("{} has no layer to measure{}", request.network,
                            request.layers.empty()
                                ? std::string()
                                : fmt::format(" with '{}' in its name", request.layers)));
  }
  const Bench bench(request);
  BenchReport report;
  report.weights_source = bench.weights_source();
  const std::size_t total = layers.size() + (request.whole_network ? 1 : 0);
  if (progress) progress(0, total, "machine");
  report.machine = measure_machine(request);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (progress) progress(i, total, layers[i].request.name);
    report.rows.push_back(bench.measure(layers[i], report.machine));
  }
  add_means(report);
  if (request.whole_network) {
    if (progress) progress(layers.size(), total, "whole network");
    measure_network(request, report);
  } else {
    report.no_network = "not asked for";
  }
  if (progress) progress(total, total, "");
  return report;
}

}  // namespace wbs::apps
