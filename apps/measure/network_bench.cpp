#include "apps/measure/network_bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/network_source.hpp"
#include "core/error.hpp"
#include "core/rng.hpp"
#include "networks/initialise.hpp"
#include "runtime/calibrate.hpp"
#include "runtime/executor.hpp"
#include "runtime/peers/dense_network.hpp"

namespace wbs::apps {
namespace {

using kernels::Element;
using kernels::measure::LayerResult;

/// A network with its masks, and masked weights for both sides.
struct MaskedNetwork {
  networks::Weights weights;
  runtime::Masks masks;
};

/// The masks that the layers were measured with: chosen in the same way, layer by layer.
MaskedNetwork masked_network(const BenchRequest& request, const networks::Graph& graph) {
  MaskedNetwork network;
  network.weights =
      request.weights.empty() && !request.l2_masks
          ? networks::initialise(graph, static_cast<std::uint64_t>(request.seed))
          : load_weights(graph, {request.network, request.weights, request.seed}).values;
  for (const networks::Node& node : graph.nodes) {
    if (!is_pruned(graph, node, request.linear) || sparsity::is_dense(request.pattern)) continue;
    Tensor& weights = network.weights.at(networks::weight_key(node, "weight"));
    kernels::measure::LayerRequest layer;
    layer.name = node.name;
    layer.seed = static_cast<std::uint64_t>(request.seed);
    kernels::measure::MaskChoice choice;
    choice.pattern = request.pattern;
    choice.uniform = !request.l2_masks;
    if (request.pruned) {
      if (std::optional<Tensor> pruned = request.pruned(node.name)) {
        weights = *std::move(pruned);
        choice.given = true;
      }
    }
    const auto mask = kernels::measure::make_mask(layer, choice, weights);
    mask->apply(weights);
    network.masks.emplace(node.name, *mask);
  }
  return network;
}

/// Time that a layer may lose for smaller weights: Winograd's are 1.8 or 4 times as large.
constexpr double kSlack = 1.1;

/// The algorithm that was fastest, or nearly so with smaller weights, when the layer of that shape
/// was measured alone.
runtime::LayerChooser chooser(const BenchRequest& request, const BenchReport& report) {
  return [&request, &report](const runtime::LayerView& layer) -> runtime::LayerChoice {
    runtime::LayerChoice choice{"direct", request.force_impl};
    const std::string shape = shape_text(layer.shape);
    for (const BenchRow& row : report.rows) {
      if (!row.layer.linear && shape_text(row.layer.request.shape) == shape) {
        choice.algorithm = LayerResult::leanest(row.result.ours, kSlack)->who.algorithm;
      }
    }
    return choice;
  };
}

/// How far two results may be apart, as a share of the largest value: both round in their own order
/// in every layer.
double tolerance(Element element) {
  return element == Element::f32 ? 1e-3 : element == Element::bf16 ? 0.1 : 0.25;
}

double difference(const std::vector<float>& ours, const std::vector<float>& peer) {
  double largest = 0.0;
  double apart = 0.0;
  for (std::size_t i = 0; i < peer.size(); ++i) {
    largest = std::max(largest, static_cast<double>(std::fabs(peer[i])));
    apart = std::max(apart, static_cast<double>(std::fabs(ours[i] - peer[i])));
  }
  return largest > 0.0 ? apart / largest : apart;
}

/// Both sides on one image, checked against each other, then in turns.
NetworkTimes race(const BenchRequest& request, runtime::Executor& ours,
                  runtime::peers::DenseNetwork& peer) {
  Tensor input(ours.input_shape());
  Rng(static_cast<std::uint64_t>(request.seed), stream_of("image", 5))
      .fill_normal(input.values, 0.0F, 1.0F);
  std::vector<float> our_output(static_cast<std::size_t>(element_count(ours.output_shape())));
  std::vector<float> peer_output = our_output;
  const std::vector<std::function<void(int)>> contestants{
      [&](int) { ours.run(input.values.data(), our_output.data()); },
      [&](int) { peer.run(input.values.data(), peer_output.data()); }};
  for (const auto& contestant : contestants) contestant(0);
  NetworkTimes times;
  times.difference = difference(our_output, peer_output);
  if (!(times.difference <= tolerance(request.element))) {
    throw Error(ErrorKind::internal,
                fmt::format("{}: our result and the peer's are {:.3g} of the largest value apart",
                            request.network, times.difference));
  }
  const kernels::measure::Budget budget{8.0 * request.seconds, 5, 500};
  const kernels::measure::Samples samples = kernels::measure::interleave(contestants, 1, budget);
  times.ours = kernels::measure::summarise(samples.milliseconds[0]);
  times.peer = kernels::measure::summarise(samples.milliseconds[1]);
  times.disturbed = samples.disturbed;
  times.speedup = times.peer.median_ms / times.ours.median_ms;
  times.ours_peak_bytes = ours.memory().total_bytes();
  times.peer_peak_bytes = peer.memory().total_bytes();
  return times;
}

/// What the peer spends in its convolutions and matrix products: the measure of its honesty.
double layer_milliseconds(runtime::peers::DenseNetwork& peer) {
  Tensor input(peer.input_shape(), 0.5F);
  std::vector<float> output(static_cast<std::size_t>(element_count(peer.output_shape())));
  std::vector<std::vector<double>> steps(peer.steps().size());
  std::vector<double> once;
  for (int i = 0; i < 5; ++i) {
    peer.run_timed(input.values.data(), output.data(), once);
    for (std::size_t step = 0; step < steps.size(); ++step) steps[step].push_back(once[step]);
  }
  double total = 0.0;
  for (std::size_t step = 0; step < steps.size(); ++step) {
    if (peer.steps()[step].kind != "conv") continue;
    total += kernels::measure::summarise(steps[step]).median_ms;
  }
  return total;
}

}  // namespace

void measure_network(const BenchRequest& request, BenchReport& report) {
  const networks::Graph& graph = load_graph(request.network, request.input);
  const MaskedNetwork network = masked_network(request, graph);
  networks::Quantisation quantisation;
  if (request.element == Element::u8) {
    quantisation = runtime::nominal_quantisation(graph, network.weights);
  }
  runtime::peers::DenseOptions dense;
  dense.element = request.element;
  dense.batch = request.batch;
  dense.threads = request.threads;
  dense.quantisation = &quantisation;
  dense.winograd = request.peer == "best" || request.peer == "onednn-winograd";
  const auto peer = runtime::peers::make_dense_network(graph, network.weights, dense);
  if (!peer) {
    report.no_network = peer.error();
    return;
  }
  runtime::ExecutorOptions options;
  options.element = request.element;
  options.batch = request.batch;
  options.threads = request.threads;
  options.quantisation = &quantisation;
  options.choose = chooser(request, report);
  runtime::Executor ours(graph, network.weights, network.masks, options);
  report.network = race(request, ours, **peer);
  report.network->peer_layers_ms = layer_milliseconds(**peer);
}

}  // namespace wbs::apps
