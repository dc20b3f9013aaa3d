// The weights of a 3x3 convolution in the domain where Winograd's products are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/buffer.hpp"
#include "kernels/conv.hpp"
#include "kernels/pack.hpp"

namespace wbs::kernels {

/// U = G g G^T for each kept pair of channels, times the epilogue's scale: a * a products of 1x1
/// convolutions that share one index, because a pair that the mask zeroes is zero at every
/// position. Computed in double and rounded once; deterministic. A pair is kept when the mask keeps
/// any of its taps.
class WinogradWeights {
 public:
  /// Of a checked layer; `reload_sources` as in ConvOptions, equally far apart from tap to tap.
  WinogradWeights(const ConvLayer& layer, int tile,
                  const std::vector<std::int32_t>* reload_sources = nullptr);

  /// The weights of other values; see ConvPlan::reload(). 34 ns per kept pair of
  /// channels (F(4x4), 256 to 256 channels, one core of an Intel Xeon).
  void reload(const float* values) noexcept;

  /// Of the 1x1 convolutions; without words.
  [[nodiscard]] const PackedWeights& index() const noexcept { return index_; }
  /// Position after position, index().word_count words each.
  [[nodiscard]] const std::byte* words() const noexcept { return words_.data(); }

 private:
  [[nodiscard]] std::int64_t positions() const noexcept {
    return std::int64_t{tile_ + 2} * (tile_ + 2);
  }

  int tile_;
  PackedWeights index_;
  Buffer words_;
  std::vector<std::int32_t> first_taps_;  ///< per word, in the values of reload(); -1: a zero
  std::int32_t tap_step_ = 1;
  std::vector<float> scales_;  ///< per word; empty: all 1
};

/// The packing of these weights at one position, and its cost.
[[nodiscard]] PackingChoice winograd_packing(const ConvLayer& layer);

/// U of one kernel: a * a values from its 9 taps.
[[nodiscard]] std::vector<double> transformed_kernel(const float* taps, int tile);

}  // namespace wbs::kernels
