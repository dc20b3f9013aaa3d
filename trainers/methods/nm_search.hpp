// The N largest of every M, found anew in every step.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "sparsity/pattern.hpp"

namespace wbs::trainers {

/// Along which dimension the groups of N:M run: 1 of [out][in][kh][kw] is along input channels, 0
/// along output channels; 1 of an output gradient [n][out][h][w] is along output channels.
struct NmGroups {
  std::int64_t kept = 2;
  std::int64_t group = 4;
  std::int64_t dimension = 1;
};

[[nodiscard]] NmGroups groups_along(const sparsity::NmPattern& pattern, sparsity::Axis axis);

/// The share of elements that at most N of M keep of `channels` ones: a short last group keeps
/// min(N, its size).
[[nodiscard]] double kept_share(std::int64_t channels, std::int64_t kept, std::int64_t group);

/// `result` becomes `values` where the N largest magnitudes of each group are and 0 elsewhere, and
/// `mask` (bool) says where. Of equal magnitudes the lower index stays; NaN counts as the largest.
/// `values`: contiguous fp32; `result`, `mask`: of its shape, contiguous, on its device. Returns
/// how many bits of `mask` changed, an int64 scalar on the device. Any thread count gives the same
/// bits, and so does CUDA. Cost per element: M compares, vectorised; measured in README.md.
torch::Tensor keep_largest(const torch::Tensor& values, const NmGroups& groups,
                           torch::Tensor& result, torch::Tensor& mask);

/// The same values in a new tensor, where the mask is of no interest.
[[nodiscard]] torch::Tensor keep_largest(const torch::Tensor& values, const NmGroups& groups);

/// gradient += decay * (1 - mask) * weight, where `pruned` is weight * mask (SR-STE's term).
void add_decay(const torch::Tensor& gradient, const torch::Tensor& weight,
               const torch::Tensor& pruned, double decay);

/// The bool mask of the N largest of each group, by `keys` (int32, larger first, not negative).
[[nodiscard]] torch::Tensor largest_keys(const torch::Tensor& keys, const NmGroups& groups);

/// As keep_largest() on the CPU; in tensor operations that every device has.
torch::Tensor keep_largest_by_tensors(const torch::Tensor& values, const NmGroups& groups,
                                      torch::Tensor& result, torch::Tensor& mask);

}  // namespace wbs::trainers
