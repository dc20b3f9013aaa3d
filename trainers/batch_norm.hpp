// Batch normalisation over the whole batch of all ranks.
#pragma once

#include <torch/types.h>

#include "trainers/ranks.hpp"

namespace wbs::trainers {

/// Tensors of one batch normalisation, each [c], fp32.
struct NormTensors {
  torch::Tensor scale, bias;     ///< learned
  torch::Tensor mean, variance;  ///< running statistics, updated in place while training
};

/// x [n][c]... normalised by the statistics of the batch (all ranks' parts together, biased
/// variance), which also enter the running ones with weight `momentum` (variance unbiased, as in
/// PyTorch). With one rank this is LibTorch's own. With more, sums, and in the backward pass their
/// gradients, are added over the ranks: in fp32 and in the order of the ranks, so results differ
/// from one rank's by rounding only. x may be bfloat16.
[[nodiscard]] torch::Tensor batch_norm_training(const torch::Tensor& x, const NormTensors& tensors,
                                                double epsilon, double momentum, Ranks& ranks);

/// x normalised by the running statistics.
[[nodiscard]] torch::Tensor batch_norm_inference(const torch::Tensor& x, const NormTensors& tensors,
                                                 double epsilon);

}  // namespace wbs::trainers
