// From a dense weight tensor and a mask to the words that tile kernels stream.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "kernels/buffer.hpp"
#include "kernels/conv.hpp"
#include "kernels/tile.hpp"

namespace wbs::kernels {

/// Weights as 32-bit words (element.hpp) in the order of the tile kernels.
/// - panel8, panel4: 8 or 4 output channels share the planes that any of them keeps; per kept plane
///   of a tap there is one word per channel. Blocks of whole panels (8x8, 16x4, 32x32, ...) pack
///   without a zero; others are covered.
/// - rows: every output channel has its own planes.
/// - blocks: as rows, but in lists by ranges of input planes, as ListedWords.
/// - pairs4, pairs8 (u8): the words are ListedWords: every output channel has its own channels,
/// taken in
///   pairs out of groups of 4 or 8. Serves N:M and other masks of single weights.
struct PackedWeights {
  Packing packing = Packing::panel8;
  std::int32_t panels = 0;
  std::vector<std::uint64_t> word_begin;  ///< per panel
  std::vector<std::uint32_t> run_begin;   ///< see TileArgs
  std::vector<TileRun> runs;              ///< panel forms
  std::vector<std::int32_t> planes;       ///< row form
  Buffer words;
  std::int64_t word_count = 0;  ///< four channels (two, one) of one output each

  [[nodiscard]] std::int32_t panel_rows() const noexcept {
    return packing == Packing::panel8 ? 8 : 4;
  }
  [[nodiscard]] bool panel_form() const noexcept {
    return packing == Packing::panel8 || packing == Packing::panel4;
  }
  [[nodiscard]] std::int64_t size_bytes() const noexcept;
};

/// Throws Error(input) naming `layer.name` and the weight or block: a mask of another shape, a
/// weight that is not finite, one outside the mask that is not zero, for u8 one that is no integer
/// in [-128, 127].
void check_weights(const ConvLayer& layer);

/// Forms that not every implementation has.
struct PackingChoices {
  bool blocks = false;
  bool pairs = false;
  bool compact = false;  ///< see compact.hpp
};

/// The packing that is cheapest for the layer's mask, counting words and what a word costs in each
/// form. Deterministic.
[[nodiscard]] Packing choose_packing(const ConvLayer& layer, const PackingChoices& choices = {});

/// A packing and the time it needs: of so many words of panel8.
struct PackingChoice {
  Packing packing = Packing::panel8;
  bool compact = false;  ///< panel8 of the output channels that the mask keeps
  double words = 0.0;
};

/// What choose_packing() gives, with its cost.
[[nodiscard]] PackingChoice cheapest_packing(const ConvLayer& layer,
                                             const PackingChoices& choices = {});

/// The weights of a checked layer. Deterministic: the same layer, the same bits.
[[nodiscard]] PackedWeights pack_weights(const ConvLayer& layer, Packing packing);

[[nodiscard]] constexpr bool has_listed_words(Packing packing) noexcept {
  return packing != Packing::panel8 && packing != Packing::panel4 && packing != Packing::rows;
}
[[nodiscard]] constexpr bool is_pair_form(Packing packing) noexcept {
  return packing == Packing::pairs4 || packing == Packing::pairs8;
}

/// The units of a checked u8 layer in a pair form, and the list of each block and output channel.
void pack_pairs(const ConvLayer& layer, PackedWeights& packed, std::vector<ListedWord>& units);

/// Time of the layer in a pair form, in panel words per output pixel (choose_packing's unit).
[[nodiscard]] double pair_cost(const ConvLayer& layer, Packing packing);

}  // namespace wbs::kernels
