// Replaying logged tilings: sub-volumes in, iterations and lane times out.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aie_model/device.hpp"
#include "aie_model/estimator.hpp"
#include "aie_model/tiled_layer.hpp"

namespace wbs::aie {

/// One logged convolution: what the authors' compiler chose for one layer of one run.
struct ReplayRow {
  std::string network, array, weights, layer;
  Extent output;       ///< the whole layer
  WeightBlock weight;  ///< of one core at a time
  Extent core_input, core_output;
  double density = 1.0;
  std::optional<double> iterations;  ///< as logged; used for LOADFM and WRITEFM only
};

struct ReplayResult {
  std::int64_t iterations = 0;  ///< predicted from the shapes, never read from the row
  double comp_ns = 0, loadfm_ns = 0, writefm_ns = 0;
};

/// The layers of a network with shapes, kinds, windows, names and producers, in execution order
/// (no core pieces); empty when the network is unknown.
using NetworkLayers = std::function<std::vector<TiledLayer>(std::string_view network)>;

/// The rows of a CSV text whose header names the columns network, array, weights, layer,
/// layer_output_hwc, weight_cout_kh_kw_cin, input_nhwc, output_nhwc and density (any order;
/// iterations may follow, other columns are ignored). Throws Error(input) at the first bad line:
/// `file_name:line: what is there, what was expected`.
[[nodiscard]] std::vector<ReplayRow> parse_replay(std::string_view text,
                                                  std::string_view file_name);

/// parse_replay() of a file; throws Error(io) when it cannot be read.
[[nodiscard]] std::vector<ReplayRow> read_replay(const std::string& path);

/// The layers of one run (rows of one network, array and weights): `layers` in the order in which
/// the rows ran them, with the rows' core pieces and densities filled in, pools and adds tiled, and
/// the Memtiles planned. Rows find their layer by shape, then by likeness of the names, then by
/// order. `row_layer`, if given, receives for each row the index of its layer, or -1 where no layer
/// has its shapes.
[[nodiscard]] std::vector<TiledLayer> layers_of_run(std::span<const ReplayRow> rows,
                                                    std::vector<TiledLayer> layers,
                                                    const Device& device,
                                                    std::vector<int>* row_layer = nullptr);

/// One result for each row, in the rows' order. Rows are matched with the layers that `networks`
/// knows, because splits depend on the neighbours (what else is in the Memtiles, which concat a
/// layer writes into); a row without a match is taken as a layer on its own. Throws Error(input)
/// for an array that is no device.
[[nodiscard]] std::vector<ReplayResult> replay(std::span<const ReplayRow> rows, Model model,
                                               const NetworkLayers& networks);

}  // namespace wbs::aie
