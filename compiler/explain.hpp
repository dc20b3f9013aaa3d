// Which splits cost what: rows for the reports, layer by layer.
#pragma once

#include <string>
#include <vector>

#include "aie_model/estimator.hpp"
#include "compiler/tiled_network.hpp"

namespace wbs::compiler {

/// One layer of a report.
struct ExplainRow {
  std::string layer;
  std::string splits;  ///< notes of the tiling, separated by "; " ("" when nothing is special)
  std::int64_t iterations = 0;
  double milliseconds = 0.0;
  double share = 0.0;  ///< of the total without fully connected layers; those have 0
};

/// One row for each layer, in order. `estimate` is of the network's layers.
[[nodiscard]] std::vector<ExplainRow> explain(const TiledNetwork& network,
                                              const aie::NetworkEstimate& estimate);

/// How much of a network's time lies in layers with a split.
struct SplitShare {
  std::string split;  ///< name of a note, or "none"
  std::int64_t layers = 0;
  double milliseconds = 0.0;
  double share = 0.0;
};

/// For every note that occurs, the layers that have it and their time; a layer with several notes
/// counts for each. Last row "none": layers without any. Fully connected layers are left out.
[[nodiscard]] std::vector<SplitShare> split_shares(const TiledNetwork& network,
                                                   const aie::NetworkEstimate& estimate);

/// One layer in two tilings.
struct ContrastRow {
  std::string layer;
  std::string splits, other_splits;
  double milliseconds = 0.0, other_milliseconds = 0.0;
  double difference = 0.0;  ///< milliseconds - other_milliseconds
};

/// The layers whose time differs between two tilings of one network, the largest difference first
/// (ties in execution order); fully connected layers are left out. Throws Error (input) when the
/// layers are not the same.
[[nodiscard]] std::vector<ContrastRow> contrast(const TiledNetwork& network,
                                                const aie::NetworkEstimate& estimate,
                                                const TiledNetwork& other,
                                                const aie::NetworkEstimate& other_estimate);

}  // namespace wbs::compiler
