// The operators of the reference interpreter; users call interpret().
#pragma once

#include <span>
#include <vector>

#include "networks/graph.hpp"

namespace wbs::networks::reference {

// All of them rely on shapes that inference has accepted: `node.output_shape` is the result's.

/// The result of any node but the input, from the values of its inputs. With `take_first` the first
/// of them may lose its memory to the result.
[[nodiscard]] Tensor evaluate(const Node& node, std::span<Tensor* const> inputs, bool take_first,
                              const Weights& weights);

[[nodiscard]] Tensor conv(const Node& node, const Tensor& x, const Weights& weights);
[[nodiscard]] Tensor linear(const Node& node, const Tensor& x, const Weights& weights);
[[nodiscard]] Tensor batch_norm(const Node& node, Tensor x, const Weights& weights);
[[nodiscard]] Tensor layer_norm(const Node& node, Tensor x, const Weights& weights);
[[nodiscard]] Tensor max_pool(const Node& node, const Tensor& x);
[[nodiscard]] Tensor avg_pool(const Node& node, const Tensor& x);
[[nodiscard]] Tensor global_avg_pool(const Node& node, const Tensor& x);

/// relu, clip, sigmoid, erf, sqrt, exp, tanh and gelu.
[[nodiscard]] Tensor activation(const Node& node, Tensor x);
/// add, sub, mul, div and pow with numpy's broadcasting.
[[nodiscard]] Tensor elementwise(const Node& node, const Tensor& left, const Tensor& right);
[[nodiscard]] Tensor matmul(const Node& node, const Tensor& left, const Tensor& right);
[[nodiscard]] Tensor concat(const Node& node, const std::vector<const Tensor*>& parts);
[[nodiscard]] Tensor transpose(const Node& node, const Tensor& x);
[[nodiscard]] Tensor pad(const Node& node, const Tensor& x);
[[nodiscard]] Tensor slice(const Node& node, const Tensor& x);
[[nodiscard]] Tensor softmax(const Node& node, Tensor x);
[[nodiscard]] Tensor reduce_mean(const Node& node, const Tensor& x);

/// A row-major matrix inside somebody else's memory; `stride` elements from row to row.
template <typename T>
struct MatrixView {
  T* values;
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t stride;
};

/// c += a b. Every element's sum runs over k in ascending order.
void add_product(const MatrixView<const float>& a, const MatrixView<const float>& b,
                 const MatrixView<float>& c);

}  // namespace wbs::networks::reference
