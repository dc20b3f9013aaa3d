// The weights of a 3x3 convolution in the domain where Winograd's products are.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/buffer.hpp"
#include "kernels/conv.hpp"
#include "kernels/pack.hpp"

namespace wbs::kernels {

/// U = G g G^T for each kept pair of channels: a * a products of 1x1 convolutions that share one
/// index, because a pair that the mask zeroes is zero at every position.
struct WinogradWeights {
  PackedWeights index;  ///< of the 1x1 convolution; its words are released
  Buffer words;         ///< position after position, index.word_count words each
};

/// The transformed weights of a checked layer, times its epilogue's scale; computed in double and
/// rounded once. Deterministic. A pair of channels is kept when the mask keeps any of its taps.
[[nodiscard]] WinogradWeights transform_weights(const ConvLayer& layer, int tile);

/// The packing of these weights at one position, and its cost.
[[nodiscard]] PackingChoice winograd_packing(const ConvLayer& layer);

/// U of one kernel: a * a values from its 9 taps.
[[nodiscard]] std::vector<double> transformed_kernel(const float* taps, int tile);

}  // namespace wbs::kernels
