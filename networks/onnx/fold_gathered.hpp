// A constant rearranged: the one loop below every folded operator that moves elements.
#pragma once

#include <cstddef>
#include <vector>

#include "networks/onnx/host_tensor.hpp"

namespace wbs::networks::onnx_io {

/// The tensor of `shape` whose element at each position is `source`'s element number offset(i),
/// where i counts positions in row-major order.
template <typename Offset>
HostTensor gathered(const HostTensor& source, Shape shape, Offset offset) {
  HostTensor result;
  result.kind = source.kind;
  result.from_shape = source.from_shape;
  const auto count = static_cast<std::size_t>(element_count(shape));
  result.shape = std::move(shape);
  if (source.is_real()) {
    result.reals.resize(count);
    for (std::size_t i = 0; i < count; ++i) result.reals[i] = source.reals[offset(i)];
  } else {
    result.integers.resize(count);
    for (std::size_t i = 0; i < count; ++i) result.integers[i] = source.integers[offset(i)];
  }
  return result;
}

/// Number of elements between neighbours along each axis of a row-major tensor of `shape`; 0 for
/// axes of extent 1 when `broadcasts`, so that one stride serves every position.
[[nodiscard]] std::vector<std::size_t> strides_of(const Shape& shape, bool broadcasts = false);

/// The position sum of (i's coordinate along axis k) * strides[k], i counted in `shape`.
[[nodiscard]] std::size_t strided_offset(std::size_t i, const Shape& shape,
                                         const std::vector<std::size_t>& strides);

/// The shape of both operands after numpy's broadcasting. Throws Error when they do not fit.
[[nodiscard]] Shape broadcast_shape(const Shape& left, const Shape& right);

/// Strides with which `shape` is read as if it had the broadcast shape `target`.
[[nodiscard]] std::vector<std::size_t> broadcast_strides(const Shape& shape, const Shape& target);

}  // namespace wbs::networks::onnx_io
