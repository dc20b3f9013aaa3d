// Block-sparse FF and BP in training: the products that skip the zeros of the weights.
#pragma once

#include <memory>

#include "core/error.hpp"
#include "sparsity/pattern.hpp"
#include "trainers/sparse_product.hpp"

namespace wbs::trainers {

/// A backend that computes FF and BP of a convolution on kernels/ (conv_products.hpp) and WU by
/// LibTorch, for weights whose zeros lie as `pattern` wants. Tensors that are not fp32 on the CPU
/// go to LibTorch altogether. Refuses, with the reason, linear layers, groups and dilation. Not for
/// several threads at once.
[[nodiscard]] Result<std::shared_ptr<const ProductBackend>> sparse_backend(
    const ProductShape& shape, const sparsity::Pattern& pattern, int threads);

}  // namespace wbs::trainers
