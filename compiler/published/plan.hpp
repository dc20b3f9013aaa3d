// The published schedule of one layer as numbers: what each step moves and computes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "aie_model/device.hpp"
#include "aie_model/kernels/kernel_call.hpp"
#include "aie_model/tiled_layer.hpp"
#include "compiler/codegen/weights.hpp"
#include "compiler/published/published.hpp"

namespace wbs::compiler {

/// A kernel call of a core, as often in a row as there are spans.
struct ReplayCall {
  aie::KernelCall call;          ///< buffers and rows are not filled in yet
  std::vector<ChunkSpan> spans;  ///< of the weights; output blocks count from the core's first
};

/// The weights of a layer as the cores multiply them.
struct ReplayWeights {
  double share = 1.0;               ///< kept operands without a mask
  std::int64_t in_blocks = 0;       ///< of each output
  std::int64_t core_blocks = 0;     ///< output blocks of a core
  const LayerMask* mask = nullptr;  ///< of the options
  /// Kept operands of a span in a core of that row.
  [[nodiscard]] std::uint32_t kept(std::int64_t row, const ChunkSpan& span) const;
};

/// One sweep over the rows, `count` times (splits of the width, of a pool's channels).
struct ReplaySweep {
  std::int64_t count = 1;
  std::vector<ReplayCall> calls;  ///< of each iteration; none: the core only passes data on
};

/// What happens between two barriers: a tile of the height, with a part of the weights. Words are
/// those of one Memtile.
struct ReplayStep {
  std::string name;
  std::int64_t load_words = 0, loadw_words = 0, write_words = 0;
  std::int64_t sends = 0;         ///< chunks of weights (or pieces) to each row of cores
  std::int64_t header_words = 0;  ///< before the first of them
  std::int64_t iterations = 0;    ///< of one sweep
  std::int64_t last_rows = 0;     ///< output rows of the last iteration
  std::vector<ReplaySweep> sweeps;
  [[nodiscard]] std::int64_t all_iterations() const;
};

/// A layer on the array. All columns that take part do what the fullest one does, all cores of a
/// column what the fullest one does: so the published rules count.
struct ReplayLayer {
  std::int64_t pieces = 1;         ///< deliveries of input channels for each iteration
  bool weights_in_pieces = false;  ///< a piece of the weights comes with each of them
  std::int64_t columns = 0;        ///< that take part, from the first
  std::int64_t chunk_words = 0;    ///< LOADWM: one chunk of weights, or a layer's parameters
  std::int64_t loadfm_words = 0;   ///< into a column, each delivery
  std::int64_t writefm_words = 0;  ///< out of a column, each iteration
  std::int64_t rows = 0;           ///< output rows of an iteration
  std::int64_t accumulator_bytes = 0;
  bool has_weights = false;
  ReplayWeights weights;
  std::vector<ReplayStep> steps;
};

/// The schedule of a tiled and planned layer; no steps for a concatenation. Refers to `options`.
[[nodiscard]] ReplayLayer plan_replay(const aie::TiledLayer& layer, const aie::Device& device,
                                      const PublishedOptions& options);

/// Which buffers of cores and Memtiles the layer fills beyond their sizes.
[[nodiscard]] std::vector<Excess> excesses_of(const aie::TiledLayer& layer,
                                              const ReplayLayer& replay, const aie::Device& device);

}  // namespace wbs::compiler
