// The part of a convolution that one core works on at a time: which output channels, rows, columns
// and input channels fit its buffers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/layer.hpp"

namespace wbs::compiler {

/// When the weights of one core may be cut along the input channels. The published estimator
/// charges an iteration Ih*Iw*Ic*kh*kw*CinW/256, so that such a cut makes a layer look faster than
/// it is.
enum class CinSplit {
  /// Only where 8 output channels with all input channels do not fit.
  last_resort,
  /// As last_resort where the rows do not divide the output channels. Where they do, as in the
  /// authors' logs: a core's share is cut into equal pieces of whole 8-channel blocks, and where
  /// there are none (20 of 160 channels on 8 rows) only the whole share is left, rounded up, and
  /// its
  /// weights are cut along the input channels if they do not fit.
  even_shares,
  /// The authors' rule on uneven shares too (512 channels on 3 rows): what made their odd arrays
  /// fast under their estimator.
  authors,
};

[[nodiscard]] std::string_view to_string(CinSplit split) noexcept;

/// Sizes in bytes of the buffers of a core (ping or pong, not both) and the channel block.
struct CoreLimits {
  std::int64_t weights = 16384;
  std::int64_t input = 8192;
  std::int64_t output = 8192;
  std::int64_t channel_block = 8;
};

struct ArrayShape {
  std::int64_t columns = 1, rows = 1;
  bool operator==(const ArrayShape&) const = default;
};

/// What is special about a tiling; a layer may have several.
enum TileNote : unsigned {
  kUnevenWidth = 1U << 0,      ///< the last columns get fewer output columns, or none
  kIdleColumns = 1U << 1,      ///< narrower than the array: one column does the work
  kUnevenChannels = 1U << 2,   ///< the last rows get fewer output channels, or none
  kCoutPieces = 1U << 3,       ///< a core takes its output channels in several pieces
  kCinWeightPieces = 1U << 4,  ///< weights cut along the input channels
  kCinInputPieces = 1U << 5,   ///< input streamed in pieces of channels
  kHaloDropped = 1U << 6,      ///< the streamed width leaves out the neighbours' columns
  kOutputPieces = 1U << 7,     ///< output written in pieces of channels
  kWidthPieces = 1U << 8,      ///< a column takes its width in several pieces through DDR
  kWeightPasses = 1U << 9,     ///< weights do not fit the memtiles: several sweeps over the rows
  kHeightTiles = 1U << 10,     ///< activations do not fit the memtiles: tiles by height through DDR
  kConcatRepeat = 1U << 11,    ///< repeated because it writes into a concat (authors' rule)
  kThroughDdr = 1U << 12,      ///< input read from DDR and output written to it
  kOverWeightLimit = 1U << 13,  ///< one weight piece exceeds the core's buffer
  kOverInputLimit = 1U << 14,   ///< the streamed input exceeds the core's buffer
  kOverOutputLimit = 1U << 15,  ///< the written output exceeds the core's buffer
};

/// Names of the notes in `notes`, in the order of the enumeration ("uneven width", ...).
[[nodiscard]] std::vector<std::string> note_names(unsigned notes);

/// The TileNote that note_names calls `name`, or 0.
[[nodiscard]] unsigned note_bit(std::string_view name);

/// What a core holds at a time. Input rows include the kernel's, output channels are those of the
/// whole column.
struct CoreTile {
  aie::WeightBlock weight;
  aie::Extent input, output;
  std::int64_t width_pieces = 1;
  unsigned notes = 0;
};

/// Bytes of a weight piece with its bias and mask: cout*kh*kw*cin*density + 4*cout +
/// 2*(cout/8)*(cin/8).
[[nodiscard]] std::int64_t unified_bytes(const aie::WeightBlock& piece, double density);

/// The sub-volume of a convolution or fully connected layer, by the rules read from the authors'
/// 960 logged tilings (README.md). Never fails: where a limit cannot be kept, a note says so.
[[nodiscard]] CoreTile choose_core_tile(const Layer& layer, const ArrayShape& array,
                                        const CoreLimits& limits, CinSplit cin_split);

}  // namespace wbs::compiler
