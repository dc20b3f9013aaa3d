// Small tensors for the sparsity tests.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "core/rng.hpp"
#include "core/tensor.hpp"
#include "sparsity/pattern.hpp"

namespace wbs::sparsity {

/// Normal weights, none of them zero.
inline Tensor random_weights(Shape shape, std::uint64_t seed = 1) {
  Tensor tensor(std::move(shape));
  Rng(seed).fill_normal(tensor.values, 0.0F, 1.0F);
  for (float& value : tensor.values) value = value == 0.0F ? 1.0F : value;
  return tensor;
}

inline Pattern pattern_of(std::string_view text) {
  return value_or_throw(parse_pattern(text));
}

/// The weight at (out, in, tap) of a [cout][cin][kh][kw] tensor.
inline float& weight_at(Tensor& tensor, std::int64_t out, std::int64_t in, std::int64_t tap = 0) {
  const std::int64_t taps = element_count(tensor.shape) / tensor.shape[0] / tensor.shape[1];
  return tensor.values[static_cast<std::size_t>((out * tensor.shape[1] + in) * taps + tap)];
}

}  // namespace wbs::sparsity
