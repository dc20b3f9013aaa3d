// What a sparse program gains over a dense one, layer by layer, and what keeps it from more.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "aie_model/roofline/roofline.hpp"

namespace wbs::aie {

/// A layer (or the network) in both programs.
struct LayerGain {
  std::string name;
  std::uint64_t dense_cycles = 0, cycles = 0;
  Resource dense_bound = Resource::core, bound = Resource::core;  ///< lowest ceilings
  double gain = 0.0;                                              ///< dense_cycles / cycles
  double macs = 0.0;  ///< kept multiply-accumulates, dense by sparse: the gain of arithmetic alone
  /// Time that each resource needs, dense by sparse: 1 where skipping blocks saves it nothing. 0
  /// where the sparse program does not use it.
  std::array<double, kResources> demand{};
  /// The largest gain that the sparse program's descriptors allow: dense_cycles by the least cycles
  /// of its steps (reconfiguration, then the busiest resource of each step, nothing else waiting).
  double allowed = 0.0;
  /// dense_cycles by the sparse program's even_least_cycles: what another distribution of the same
  /// bytes and calls over channels and cores might allow.
  double even_allowed = 0.0;
  /// Both programs at the least cycles of their steps: what is left when neither ever waits.
  double least_gain = 0.0;
};

/// A program beside the dense one of the same network on the same device.
struct SparseGain {
  LayerGain total;
  LayerGain pruned;  ///< the layers together that keep fewer MACs than the dense program
  std::vector<LayerGain> layers;  ///< those that both programs have, in the sparse one's order
  /// Share of the sparse cycles in layers whose lowest ceiling is this resource.
  std::array<double, kResources> bound_share{};
};

/// Compares layers of the same name. Throws Error(input) when network or device differ, or no layer
/// is common.
[[nodiscard]] SparseGain sparse_gain(const Roofline& dense, const Roofline& sparse);

}  // namespace wbs::aie
