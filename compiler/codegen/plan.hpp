// What happens in which order: every layer's work as phases that move or compute, with the memory
// each one touches. Phases become the steps of a program (schedule.hpp).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "aie_model/device.hpp"
#include "compiler/codegen/generate.hpp"
#include "compiler/codegen/layout.hpp"
#include "compiler/codegen/mapping.hpp"
#include "compiler/codegen/shim_map.hpp"
#include "compiler/codegen/weights.hpp"
#include "networks/int8_network.hpp"

namespace wbs::compiler {

/// Slots of a ring of weights in a Memtile.
inline constexpr std::int64_t kRingSlots = 2;

/// Bytes of every Memtile, at the same address in each.
struct Region {
  std::int64_t bytes = 0;
  std::size_t first = 0, last = 0;  ///< phases that use it
  std::int64_t address = 0;
};

/// A part of a storage in the Memtiles: [blocks][stored_rows][columns][8]. Index: array column.
struct Strip {
  std::size_t storage = 0;
  std::size_t region = 0;
  std::int64_t stored_rows = 0;
  std::vector<std::int64_t> row;    ///< the storage's row that is stored first
  std::vector<std::int64_t> block;  ///< the storage's block that is stored first
};

/// Rows and blocks of a storage.
struct Part {
  std::int64_t row = 0, rows = 0, block = 0, blocks = 0;
  friend bool operator==(const Part&, const Part&) = default;
};

/// A layer on the array.
struct LayerPlan {
  std::size_t operation = 0;
  LayerShape shape;
  KeptMap kept;
  double memtile_share = 1.0;  ///< of what strips may take; smaller where memory is short
  Mapping mapping;
  Pieces pieces;
  /// Bytes of a weights chunk as the core at (column, row) gets it, by column * rows + row.
  std::vector<std::int64_t> slot_bytes;
  std::int64_t slot_align = 16;  ///< of these sizes; compression works on 32 bytes
  std::int64_t ring_bytes = 0;   ///< of all rings in the fullest Memtile
};

/// Memory that a phase reads or writes: bytes of the Memtiles, or rows of a storage in DDR.
struct Use {
  bool ddr = false;
  std::size_t id = 0;               ///< region, or storage
  std::int64_t begin = 0, end = 0;  ///< rows of the storage; unused for regions
  bool write = false;
};

struct Phase {
  /// preload: the first weights chunks of a computing phase, into its ring.
  enum class Kind : std::uint8_t { load, store, exchange, preload, compute };
  Kind kind = Kind::compute;
  std::size_t layer = 0;  ///< of NetworkPlan::layers
  std::vector<Use> uses;
  std::int64_t shim_descriptors = 0;  ///< at the shim that does most for it, at most

  // Moves: `parts` by array column, between the strip and DDR, or (exchange) from the neighbours.
  Strip strip;
  std::vector<Part> parts;      ///< exchange: rows that come from the west
  std::vector<Part> from_east;  ///< exchange only

  // Compute: output rows of strip `index`, chunks [chunk, chunk + chunks), columns of tiles.
  std::int64_t index = 0;
  std::int64_t chunk = 0, chunks = 0;
  std::int64_t x_tile = 0, x_tiles = 0;
  std::vector<Strip> inputs;
  Strip output;
  std::size_t weights_region = 0;  ///< also of a preload
  std::int64_t preloaded = 0;      ///< chunks that are in the ring when the step begins
};

struct NetworkPlan {
  ShimMap shims;
  Layout layout;
  std::vector<LayerPlan> layers;
  std::vector<bool> resident;  ///< by storage: lives in the Memtiles only
  std::vector<bool> preload;   ///< by layer: its weights come while the layer before computes
  std::vector<Region> regions;
  std::vector<Phase> phases;
  /// Descriptors of a shim that phases of a step may take together; 0: each has enough of its own.
  std::int64_t shim_budget = 0;
};

/// Which output blocks a core computes: [first, first + count).
struct BlockRange {
  std::int64_t first = 0, count = 0;
};
[[nodiscard]] BlockRange core_blocks(const LayerPlan& layer, const aie::Device& device,
                                     std::int64_t column, std::int64_t row);
/// The blocks of all cores of a column together.
[[nodiscard]] BlockRange column_blocks(const LayerPlan& layer, const aie::Device& device,
                                       std::int64_t column);
/// The blocks of one chunk of a core's; possibly none.
[[nodiscard]] BlockRange chunk_blocks(const LayerPlan& layer, const aie::Device& device,
                                      std::int64_t column, std::int64_t row, std::int64_t chunk);

/// The operands of those output blocks and input piece `piece`.
[[nodiscard]] ChunkSpan chunk_span(const LayerPlan& layer, BlockRange out, std::int64_t piece);
[[nodiscard]] bool has_weights(aie::Kernel kernel);

/// The rows of cores whose weights come from the Memtile of `column`, in the order of its streams.
[[nodiscard]] std::vector<std::int64_t> weight_rows(const LayerPlan& layer,
                                                    const aie::Device& device, std::int64_t column);

/// Weights chunks that each core takes in the computing phase.
[[nodiscard]] std::int64_t deliveries_of(const LayerPlan& layer, const aie::Device& device,
                                         const Phase& phase);

/// Output rows that a column computes in strip `index`: [first, first + rows).
[[nodiscard]] std::int64_t strip_first_row(const LayerPlan& layer, std::int64_t column,
                                           std::int64_t index);
/// Rows of a strip that the core in that row of the array computes: [first, first + count).
struct RowRange {
  std::int64_t first = 0, count = 0;
};
[[nodiscard]] RowRange core_rows(const LayerPlan& layer, const aie::Device& device,
                                 std::int64_t row);
/// The layer must be computed chunk by chunk (or column of tiles by column of tiles), each in a
/// step of its own.
[[nodiscard]] bool one_chunk_per_step(const LayerPlan& layer, const aie::Device& device);
[[nodiscard]] bool one_x_tile_per_step(const aie::Device& device);

/// Chooses the layer's mapping, given its shape and memtile_share, and what follows from it. Throws
/// as choose_mapping() does.
void map_layer(const networks::Int8Network& network, const aie::Device& device,
               const CodegenOptions& options, LayerPlan& layer);

/// Mappings, residence, regions and phases of the whole network. Tensors stay in the Memtiles while
/// memory lasts; the largest go to DDR first. Throws Error(unsupported) as choose_mapping() does.
[[nodiscard]] NetworkPlan plan_network(const networks::Int8Network& network,
                                       const aie::Device& device, const CodegenOptions& options);

}  // namespace wbs::compiler
