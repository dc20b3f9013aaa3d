// Masks of single weights by magnitude.
#pragma once

#include <cstdint>

#include "core/tensor.hpp"
#include "sparsity/mask.hpp"

namespace wbs::sparsity {

/// The mask that keeps the N largest magnitudes of each group of M consecutive channels, at each
/// tap; a last group of fewer channels keeps min(N, its size). Of equal magnitudes the lower
/// channel stays. Throws Error(input) when a weight is not finite.
[[nodiscard]] Mask largest_of_groups(const Tensor& weights, const NmPattern& pattern);

/// The mask that keeps the `count` largest magnitudes of the tensor; of equal ones the lower index.
/// Two passes over memory. Throws Error(input) when a weight is not finite.
[[nodiscard]] Mask largest_weights(const Tensor& weights, std::int64_t count);

}  // namespace wbs::sparsity
