// What training minimises.
#pragma once

#include <torch/types.h>

#include "trainers/recipe.hpp"

namespace wbs::trainers {

/// The sum over this rank's images of
///   (1 - w) * cross entropy of `logits` [n][classes] and `labels` [n] with label smoothing
///   + w * T^2 * KL(softmax(teacher / T) || softmax(logits / T))
/// (Hinton et al., "Distilling the knowledge in a neural network", 2015), divided by `images`, the
/// number of images over all ranks, so that the ranks' losses and gradients add up. `teacher` may
/// be undefined: w is 0 then.
[[nodiscard]] torch::Tensor training_loss(const torch::Tensor& logits, const torch::Tensor& labels,
                                          const torch::Tensor& teacher, std::int64_t images,
                                          const Recipe& recipe);

}  // namespace wbs::trainers
