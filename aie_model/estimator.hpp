// Execution-time estimates of tiled layers: `published` (the paper's, bug for bug) and `corrected`.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "aie_model/device.hpp"
#include "aie_model/tiled_layer.hpp"
#include "core/error.hpp"

namespace wbs::aie {

/// Which rules give the compute time.
enum class Model {
  published,  ///< MACs of the INPUT sub-volume, as in the authors' logs
  corrected,  ///< MACs of the output sub-volume; everything else the same
};

[[nodiscard]] std::string_view model_name(Model model);
[[nodiscard]] Result<Model> find_model(std::string_view name);

/// Summed time of each lane of a layer, nanoseconds.
struct LaneTimes {
  double load_ns = 0, loadw_ns = 0, loadfm_ns = 0, loadwm_ns = 0;
  double write_ns = 0, writefm_ns = 0, comp_ns = 0;
};

struct LayerEstimate {
  LaneTimes lanes;
  double total_ns = 0;
  std::int64_t iterations = 0;  ///< of the whole layer
  std::int64_t alone = 0;       ///< iterations that run in sequence: single padded heads and tails
  std::int64_t groups = 0;      ///< runs of iterations with one program
};

struct NetworkEstimate {
  std::vector<LayerEstimate> layers;
  std::vector<double> start_ns;   ///< of each layer; layers run strictly one after the other
  double total_ns = 0;            ///< fully connected layers included
  double published_scope_ns = 0;  ///< without fully connected layers, as in the published table
};

/// How often a layer that writes into a channel concat is repeated: the authors' compiler runs it
/// ceil(concat channels / (rows x its own channels)) times, except from DDR to DDR.
[[nodiscard]] std::int64_t concat_repeat(const TiledLayer& layer, const Device& device);

/// Sweeps over the rows of a layer: width and channel splits, weight passes, concat repeats.
[[nodiscard]] std::int64_t sweeps(const TiledLayer& layer, const Device& device);

/// Iterations of a whole layer.
[[nodiscard]] std::int64_t iterations(const TiledLayer& layer, const Device& device);

/// Cycles of one iteration under the published rule: ceil(Ih*Iw*Ic*kh*kw*CinW*density/256) for
/// convolutions, ceil(Ih*Iw*Ic/256) otherwise.
[[nodiscard]] std::int64_t published_cycles(const TiledLayer& layer, const Device& device);

/// Cycles of one iteration by the MACs of its output: ceil(Oh*Ow*(Cout/rows)*kh*kw*Cin*d/256), d
/// the charged density. Weight passes and concat repeats add none: a sweep over the rows does all
/// of the layer's MACs.
[[nodiscard]] std::int64_t corrected_cycles(const TiledLayer& layer, const Device& device);

/// One layer's lanes and time. The layer must be tiled and planned. Waits, synchronisation and
/// reprogramming are not counted (the published estimator does not count them).
[[nodiscard]] LayerEstimate estimate_layer(const TiledLayer& layer, const Device& device,
                                           Model model);

/// All layers in sequence.
[[nodiscard]] NetworkEstimate estimate_network(std::span<const TiledLayer> layers,
                                               const Device& device, Model model);

}  // namespace wbs::aie
