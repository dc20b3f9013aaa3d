// New values for packed weights: training changes them in every step, and its masks rarely.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/conv.hpp"
#include "kernels/pack.hpp"

namespace wbs::kernels {

/// The layer with each weight replaced by its own place in the tensor, counted from 1, as the bits
/// of a float. Packing only moves bits, so words packed from it say where they come from, and 0
/// marks the words that come from nowhere.
[[nodiscard]] Tensor numbered_weights(const Shape& shape);

/// The places in words packed from numbered weights: per word the weight's number, -1 for none.
[[nodiscard]] std::vector<std::int32_t> packed_places(const PackedWeights& numbered);

/// Every word of `packed` becomes values[sources[word]], or stays where that is negative.
void reload_words(const std::vector<std::int32_t>& sources, const float* values,
                  PackedWeights& packed) noexcept;

/// Throws Error unless `sources` (null: nothing to check) has one place for each weight of an fp32
/// layer.
void check_reload_sources(const ConvLayer& layer, const std::vector<std::int32_t>* sources);

}  // namespace wbs::kernels
