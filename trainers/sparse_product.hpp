// The three products of a sparsified layer, each with its own operands, as one autograd function.
#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>
#include <memory>

#include "trainers/method.hpp"

namespace wbs::trainers {

/// What a layer computes, apart from its values.
struct ProductShape {
  bool linear = false;  ///< x W^T over the last dimension; the rest is for convolutions
  std::array<std::int64_t, 2> stride{1, 1};
  std::array<std::int64_t, 2> padding{0, 0};  ///< on both sides of rows and of columns
  std::array<std::int64_t, 2> dilation{1, 1};
  std::int64_t groups = 1;
};

/// Who computes the products. Every function is deterministic and called without gradients
/// recorded.
class ProductBackend {
 public:
  ProductBackend() = default;
  virtual ~ProductBackend() = default;
  ProductBackend(const ProductBackend&) = delete;
  ProductBackend& operator=(const ProductBackend&) = delete;

  /// FF: the layer's output, without bias.
  [[nodiscard]] virtual torch::Tensor forward(const torch::Tensor& x,
                                              const torch::Tensor& weight) const = 0;
  /// BP: the gradient of an input like `x`.
  [[nodiscard]] virtual torch::Tensor input_gradient(const torch::Tensor& output_gradient,
                                                     const torch::Tensor& x,
                                                     const torch::Tensor& weight) const = 0;
  /// WU: the gradient of a weight like `weight`, in the type of `x`.
  [[nodiscard]] virtual torch::Tensor weight_gradient(const torch::Tensor& output_gradient,
                                                      const torch::Tensor& x,
                                                      const torch::Tensor& weight) const = 0;
};

/// LibTorch's dense products (oneDNN, cuDNN), whatever zeros the weights have.
[[nodiscard]] std::shared_ptr<const ProductBackend> dense_backend(const ProductShape& shape);

/// The output of a layer with master weight `weight` and `bias` (may be undefined) for `x` under
/// `products`. Its gradient is:
///   x:      BP of prune_output_gradient(dy) with backward_weight
///   weight: WU of dy, times weight_gradient_mask; straight through, wherever the masks came from
///   bias:   sum of dy
/// Tensors of `products` that are undefined mean `weight` itself and no pruning. x may be bfloat16:
/// the products are then, with weights converted on the way and the weight's gradient in fp32.
/// The gradient of that gradient is not defined; dense layers (see is_dense) are for that.
[[nodiscard]] torch::Tensor sparse_product(const torch::Tensor& x, const torch::Tensor& weight,
                                           const torch::Tensor& bias, const LayerProducts& products,
                                           const std::shared_ptr<const ProductBackend>& backend);

/// The layer in plain autograd, differentiable as often as wanted; `weight` as it is multiplied.
[[nodiscard]] torch::Tensor plain_product(const torch::Tensor& x, const torch::Tensor& weight,
                                          const torch::Tensor& bias, const ProductShape& shape);

/// Whether `products` change nothing.
[[nodiscard]] bool is_dense(const LayerProducts& products);

}  // namespace wbs::trainers
