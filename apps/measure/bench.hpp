// A network's layers, measured: ours and the peers on the same problem in the same run.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/measure/network_layers.hpp"
#include "kernels/measure/layer.hpp"
#include "kernels/peak.hpp"
#include "sparsity/pattern.hpp"

namespace wbs::apps {

/// What to measure, parsed and checked.
struct BenchRequest {
  std::string network;
  std::string input;
  kernels::Element element = kernels::Element::f32;
  sparsity::Pattern pattern;
  std::string peer = "best";       ///< a name of list_peers(), or "best": oneDNN's faster algorithm
  std::string algorithm = "auto";  ///< "direct", "winograd2", "winograd4", or the fastest of them
  std::string force_impl;
  int threads = 1;
  std::int64_t batch = 1;
  bool l2_masks = false;  ///< masks by the weights' magnitude, else uniform
  std::string weights;    ///< as weights_file(); with no file they are seeded
  std::int64_t seed = 1;
  std::string layers;   ///< only layers with this in their name
  bool linear = false;  ///< fully connected layers too (pruned as well)
  bool whole_network = true;
  double seconds = 0.25;  ///< of timing per layer
  /// Masked weights by node name, for example of a prune stage; a layer without one gets its mask
  /// from the members above.
  std::function<std::optional<Tensor>(const std::string& node)> pruned;
};

/// One distinct layer.
struct BenchRow {
  DistinctLayer layer;
  kernels::measure::LayerResult result;
  const kernels::measure::Entry* ours = nullptr;  ///< the fastest of result.ours
  const kernels::measure::Entry* peer = nullptr;  ///< the fastest of result.peers; may be null
  double speedup = 0.0;                           ///< ratio of medians; 0 without a peer
  double speedup_over_direct = 0.0;               ///< over oneDNN's direct algorithm, if it ran
  double direct_fraction = 0.0;   ///< of peak, by our direct algorithm; 0 when it did not run
  double useful_gops = 0.0;       ///< 2 * kept weights * pixels per second / 1e9
  double fraction_of_peak = 0.0;  ///< of the machine's measured peak
  kernels::measure::Bound bound;
};

/// What the machine can do, measured in the same run.
struct MachineFacts {
  std::string cpu;
  std::string node;
  int cores = 1;
  kernels::CacheSizes caches;
  kernels::Peak peak;
  double l3_bytes_per_s = 0.0;
  double memory_bytes_per_s = 0.0;
};

/// Both sides of the whole network.
struct NetworkTimes {
  kernels::measure::Summary ours, peer;
  double speedup = 0.0;
  std::int64_t ours_peak_bytes = 0;  ///< weights and activations planned
  std::int64_t peer_peak_bytes = 0;
  double peer_layers_ms = 0.0;  ///< the peer's convolutions and products alone, in the network
  int disturbed = 0;            ///< as Samples::disturbed
  double difference = 0.0;      ///< of the two results, as a share of the largest value
};

struct BenchReport {
  MachineFacts machine;
  std::vector<BenchRow> rows;
  std::string weights_source;
  /// Over the distinct convolutions but the first that have a peer; 0 when there is none.
  double geomean_speedup = 0.0;
  double geomean_over_direct = 0.0;  ///< the same, over oneDNN's direct algorithm
  double geomean_fraction = 0.0;     ///< of peak, by our direct algorithm
  std::optional<NetworkTimes> network;
  std::string no_network;  ///< why `network` is empty
};

/// Is told before each layer: how many of how many are done.
using BenchProgress = std::function<void(std::size_t done, std::size_t total, const std::string&)>;

/// Why `request` cannot be measured as asked: unknown peer, algorithm or implementation, a pattern
/// that does not fit a layer. Empty when it can.
[[nodiscard]] std::vector<std::string> check_request(const BenchRequest& request);

/// Measures. Throws Error; Error(internal) when a kernel computes a layer wrongly.
[[nodiscard]] BenchReport run_bench(const BenchRequest& request, const BenchProgress& progress);

}  // namespace wbs::apps
