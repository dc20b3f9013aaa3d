// LibTorch's operators for the nodes of a graph that have no trained tensors.
#pragma once

#include <torch/types.h>

#include <span>

#include "networks/graph.hpp"
#include "trainers/sparse_product.hpp"

namespace wbs::trainers {

/// The output of `node` for `inputs`, whose shape is `output_shape`. With `in_place` a ReLU may
/// overwrite its input. Same results as the reference interpreter up to rounding. Throws
/// Error(unsupported) naming the node for what LibTorch has no operator for.
[[nodiscard]] torch::Tensor evaluate(const networks::Node& node,
                                     std::span<const torch::Tensor> inputs,
                                     const Shape& output_shape, bool in_place);

/// How a conv or linear node multiplies. Padding that differs between opposite sides is none here:
/// see padded().
[[nodiscard]] ProductShape product_shape(const networks::Node& node);

/// x with zeros (or `value`) around it where the node's padding differs between opposite sides;
/// else x itself.
[[nodiscard]] torch::Tensor padded(const networks::Node& node, const torch::Tensor& x,
                                   double value = 0.0);

}  // namespace wbs::trainers
