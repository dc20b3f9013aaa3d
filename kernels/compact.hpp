// Layers whose mask prunes whole output channels: the kept ones are computed side by side as a
// smaller dense layer, tile by tile into rows of sums, and from there go to their places.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/conv.hpp"
#include "kernels/elementwise_rows.hpp"
#include "kernels/tile.hpp"

namespace wbs::kernels {

/// Most rows of sums that wait at once: with kSumPitch places each they fill half of a first-level
/// cache of 32 KiB.
inline constexpr std::int32_t kMostSumRows = 64;

/// Panels of 8 kept outputs and the planes of the output that are made of them.
struct CompactGroup {
  std::int32_t first_row = 0;  ///< multiple of 8
  std::int32_t rows = 0;       ///< multiple of 8, at most kMostSumRows
  std::int32_t first_word = 0;
  std::int32_t words = 0;
};

/// Where kept outputs are computed and where they go.
struct CompactOutputs {
  std::vector<std::int32_t> channels;  ///< output channel of each row; -1: a row of zeros
  std::vector<CompactGroup> groups;    ///< every plane of the output is in one
  std::vector<FinishWord> words;       ///< per plane of the output: rows and shifts
};

/// Rows go in groups of at most `most_rows`, a multiple of 8. Nothing when the mask keeps every
/// output channel, or keeps a part of one, or when the layer has groups.
[[nodiscard]] std::optional<CompactOutputs> compact_outputs(const ConvLayer& layer,
                                                            std::int32_t most_rows = kMostSumRows);

/// The weights of the rows: [rows][cin][kh][kw].
[[nodiscard]] Tensor compact_weights(const ConvLayer& layer, const CompactOutputs& outputs);

/// `size` values per output channel (or none at all) -> as many per row; rows of zeros get those of
/// channel 0.
template <typename T>
[[nodiscard]] std::vector<T> compact_values(const std::vector<T>& values, std::int64_t size,
                                            const CompactOutputs& outputs) {
  std::vector<T> rows;
  if (values.empty()) return rows;
  for (const std::int32_t channel : outputs.channels) {
    const auto first = values.begin() + (channel < 0 ? 0 : channel * size);
    rows.insert(rows.end(), first, first + size);
  }
  return rows;
}

/// Time of the layer computed so, in panel words per output pixel (choose_packing's unit); infinite
/// where compact_outputs() gives nothing.
[[nodiscard]] double compact_cost(const ConvLayer& layer);

/// The epilogue of a layer, per output channel, padded to whole words.
struct ChannelEpilogue {
  const std::vector<float>& scale;
  const std::vector<float>& bias;
  float low, high;
  bool scaled;  ///< else the sums begin at the bias
};

/// Sets scales, biases and constants of outputs.words.
void set_epilogue(const ChannelEpilogue& epilogue, Element output, CompactOutputs& outputs);

/// The tile kernel, and what follows it.
struct CompactTile {
  TileFunction tile;
  void (*finish)(const FinishRun& run) noexcept;
};

/// The planes of `group` of one tile's pixels are written. `args` is as for panels of the whole
/// layer, but its panels are those of the rows; panel_begin, panel_end and prefetch_per_run are not
/// read.
void run_compact_group(const CompactTile& kernels, const CompactOutputs& outputs,
                       const CompactGroup& group, TileArgs args) noexcept;

}  // namespace wbs::kernels
