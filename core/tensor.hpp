// A dense fp32 tensor: shape and values, row-major.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace wbs {

using Shape = std::vector<std::int64_t>;

/// Number of elements of `shape`; 1 for a scalar (empty shape). Throws Error when it overflows.
[[nodiscard]] std::int64_t element_count(const Shape& shape);

/// "64x3x7x7"; "scalar" for an empty shape.
[[nodiscard]] std::string to_string(const Shape& shape);

/// Dense values, last dimension fastest. Convolution weights are [cout][cin/groups][kh][kw],
/// activations [n][c][h][w], fully connected weights [out][in].
struct Tensor {
  Shape shape;
  std::vector<float> values;

  Tensor() = default;
  explicit Tensor(Shape tensor_shape, float fill = 0.0F);
  Tensor(Shape tensor_shape, std::vector<float> tensor_values);
};

}  // namespace wbs
