// How one layer is spread over the array and cut into pieces that a core can hold.
#pragma once

#include <cstdint>
#include <vector>

#include "aie_model/device.hpp"
#include "aie_model/kernels/kernel_call.hpp"
#include "networks/int8_network.hpp"

namespace wbs::compiler {

/// What columns and the cores of a column divide among them.
enum class Split : std::uint8_t {
  rows,      ///< columns: strips of the image; cores: output channels (the same input to all)
  channels,  ///< columns and cores: output channels
  pixels,    ///< columns and cores: strips of the image (the same weights to all)
};

/// A layer as its mapping sees it.
struct LayerShape {
  aie::Kernel kernel = aie::Kernel::conv;
  std::int64_t in_blocks = 0, in_rows = 0, in_columns = 0;
  std::int64_t out_blocks = 0, out_rows = 0, out_columns = 0;
  std::int64_t window_rows = 1, window_columns = 1, stride_rows = 1, stride_columns = 1;
  std::int64_t pad_top = 0, pad_left = 0;
  double density = 1.0;  ///< kept share of 8x8 operands
  bool adds = false;     ///< a convolution that adds a second input to its sums
  /// By output block, and one more: kept operands of all blocks before it; empty: not known.
  std::vector<std::int64_t> kept_before{};
  double margin = 1.0;  ///< how much larger than expected the largest chunk of weights may be
  [[nodiscard]] bool convolution() const {
    return kernel == aie::Kernel::conv || kernel == aie::Kernel::conv_sparse4;
  }
  [[nodiscard]] std::int64_t taps() const { return window_rows * window_columns; }
  [[nodiscard]] std::int64_t operands() const { return kernel == aie::Kernel::add ? 2 : 1; }
  /// The result may overwrite an operand, so no piece of it may be computed twice.
  [[nodiscard]] bool in_place() const { return kernel == aie::Kernel::add || adds; }
  /// All cores of a column get the same input, in one stream.
  [[nodiscard]] bool shares_input(Split split) const {
    return convolution() && split != Split::pixels && !adds;
  }
};

/// Sizes of the pieces. A strip is what one column computes in one step; tiles are what its cores
/// compute in one call; chunks are the output blocks of a call, pieces the input blocks.
struct Mapping {
  Split split = Split::rows;
  std::int64_t strip_rows = 1;
  std::int64_t tile_rows = 1, tile_columns = 1;
  std::int64_t chunk_blocks = 1;
  std::int64_t piece_blocks = 1;
  /// A tile's input stays in the core while all chunks of weights pass; else a chunk of weights
  /// stays while all tiles pass. Needs all input channels in one piece.
  bool keep_input = false;
  double cycles = 0.0;  ///< the search's estimate

  friend bool operator==(const Mapping&, const Mapping&) = default;
};

/// Numbers that follow from shape, mapping and device.
struct Pieces {
  std::int64_t column_rows = 0;           ///< output rows of a column
  std::int64_t strips = 0;                ///< per column
  std::int64_t y_tiles = 0, x_tiles = 0;  ///< of a core in a strip, at most
  std::int64_t share = 0;                 ///< most output blocks of a core
  std::int64_t chunks = 0;                ///< per core
  std::int64_t pieces = 0;                ///< of the input channels
  std::int64_t tile_in_rows = 0, tile_in_columns = 0;
  std::int64_t input_bytes = 0;   ///< of one delivery to a core
  std::int64_t output_bytes = 0;  ///< of one full chunk
  std::int64_t second_bytes = 0;  ///< of the second input for one full chunk
  std::int64_t weight_bytes = 0;  ///< estimate of a chunk at the mean density
  std::int64_t accumulator_bytes = 0;
  std::int64_t strip_in_bytes = 0, strip_out_bytes = 0;  ///< in a Memtile
};

[[nodiscard]] Pieces pieces_of(const LayerShape& shape, const Mapping& mapping,
                               const aie::Device& device);

/// Data memory that a core needs: two slots of each ring and the accumulators.
[[nodiscard]] std::int64_t core_bytes(const Pieces& pieces, std::int64_t weight_bytes);

/// Most streams from a Memtile to the cores of its column, or back, that have their own link.
inline constexpr std::int64_t kColumnStreams = 4;

/// The mapping with the least estimated time, by search over splits, strips, tiles, chunks and
/// pieces. Strips take at most `memtile_share` of what they may take in a Memtile. Throws
/// Error(unsupported) with `name` and the core's memory when no piece fits.
[[nodiscard]] Mapping choose_mapping(const LayerShape& shape, const aie::Device& device,
                                     const std::string& name, double memtile_share = 1.0);

}  // namespace wbs::compiler
