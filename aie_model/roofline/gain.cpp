#include "aie_model/roofline/gain.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace wbs::aie {
namespace {

double ratio(auto dense, auto sparse) {
  return sparse > 0 ? static_cast<double>(dense) / static_cast<double>(sparse) : 0.0;
}

LayerGain compare(const RooflineLayer& dense, const RooflineLayer& sparse) {
  LayerGain gain{.name = sparse.name,
                 .dense_cycles = dense.cycles,
                 .cycles = sparse.cycles,
                 .dense_bound = dense.bound(),
                 .bound = sparse.bound(),
                 .gain = ratio(dense.cycles, sparse.cycles),
                 .macs = ratio(dense.kept_macs, sparse.kept_macs),
                 .allowed = ratio(dense.cycles, sparse.least_cycles),
                 .even_allowed = ratio(dense.cycles, sparse.even_least_cycles),
                 .least_gain = ratio(dense.least_cycles, sparse.least_cycles)};
  for (std::size_t i = 0; i < kResources; ++i) {
    gain.demand[i] = ratio(dense.use[i].cycles, sparse.use[i].cycles);
  }
  return gain;
}

}  // namespace

SparseGain sparse_gain(const Roofline& dense, const Roofline& sparse) {
  if (dense.network != sparse.network || dense.device != sparse.device) {
    throw Error(ErrorKind::input,
                "the programs differ in more than their weights: " + dense.network + " on " +
                    dense.device + " and " + sparse.network + " on " + sparse.device);
  }
  SparseGain result;
  RooflineLayer dense_pruned, pruned;
  pruned.name = "pruned layers";
  result.total = compare(dense.total, sparse.total);
  for (const RooflineLayer& layer : sparse.layers) {
    result.bound_share[static_cast<std::size_t>(layer.bound())] +=
        sparse.total.cycles == 0
            ? 0.0
            : static_cast<double>(layer.cycles) / static_cast<double>(sparse.total.cycles);
    const auto same = std::find_if(dense.layers.begin(), dense.layers.end(),
                                   [&](const auto& other) { return other.name == layer.name; });
    if (same == dense.layers.end()) continue;
    result.layers.push_back(compare(*same, layer));
    if (layer.kept_macs >= same->kept_macs && layer.mac_rate <= same->mac_rate) continue;
    dense_pruned += *same;
    pruned += layer;
  }
  result.pruned = compare(dense_pruned, pruned);
  if (result.layers.empty()) {
    throw Error(ErrorKind::input, "the programs have no layer of the same name");
  }
  return result;
}

}  // namespace wbs::aie
