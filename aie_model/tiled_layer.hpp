// One layer as it is cut up for an array of cores: the value that the tiler hands to the
// estimators.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace wbs::aie {

enum class LayerKind {
  conv,             ///< convolution; depthwise when groups > 1
  fully_connected,  ///< a 1x1 convolution on a 1x1 image; not part of the published totals
  max_pool,
  avg_pool,
  global_avg_pool,
  add,     ///< element-wise over all inputs, in place
  concat,  ///< along channels: takes no time, its members write into one tensor
};

/// Height, width and channels of a tensor or of a piece of one (batch 1).
struct Extent {
  std::int64_t h = 0, w = 0, c = 0;
  bool operator==(const Extent&) const = default;
};

struct Window {
  std::int64_t kh = 1, kw = 1, stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0;
  bool operator==(const Window&) const = default;
};

/// The weights that one core holds at a time: one chunk sent from the Memtile.
struct WeightBlock {
  std::int64_t cout = 0, kh = 0, kw = 0, cin = 0;
  bool operator==(const WeightBlock&) const = default;
};

/// A layer, the pieces the cores work on, and what happens to it in the Memtiles.
///
/// Filled in three steps: shapes, density, producers and the convolutions' core pieces by the
/// tiler; the core pieces of pools and adds by tile_pool_or_add(); the Memtile fields by
/// plan_memtiles(). An estimator reads all of them.
struct TiledLayer {
  std::string name;
  LayerKind kind = LayerKind::conv;
  Extent input, output;  ///< the whole layer with its real channels (first convolution: 3)
  Window window;
  std::vector<int> producers;  ///< layers (by index) that made the inputs; -1: the network's input

  // Core level.
  WeightBlock core_weight;  ///< convolutions only
  Extent core_input;        ///< streamed in one iteration: rows and columns with halo, channels
  Extent core_output;       ///< written in one iteration; c counts the channels of a whole column
  std::int64_t width_splits = 1;    ///< a column's width is done in so many sweeps over the rows
  std::int64_t channel_splits = 1;  ///< pools: sweeps over groups of channels

  // Weights.
  double density = 1.0;              ///< share of the weights that is stored and sent
  double corrected_density = -1;     ///< share of dense MAC time that is charged; -1: density
  std::int64_t groups = 1;           ///< convolution groups; equal to input.c when depthwise
  std::int64_t concat_channels = 0;  ///< channels of the concat this layer writes into; 0: none

  // Memtile level, filled by plan_memtiles().
  std::int64_t height_tiles = 1;  ///< pieces of the height that pass through the Memtile in turn
  std::int64_t passes = 1;        ///< sweeps over the whole layer, each with a part of the weights
  bool through_ddr = false;       ///< input read from DDR and output written to DDR
  std::int64_t load_bytes = 0;    ///< per Memtile, from DDR, activations
  std::int64_t write_bytes = 0;   ///< per Memtile, to DDR, including tensors that had to leave
  std::int64_t loadw_bytes = -1;  ///< per Memtile, from DDR, weights; -1: from the chunks
};

}  // namespace wbs::aie
