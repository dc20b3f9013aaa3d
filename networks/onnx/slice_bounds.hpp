// ONNX's Slice in plain numbers, for activations and for folded constants alike.
#pragma once

#include <cstdint>
#include <vector>

#include "networks/onnx/context.hpp"

namespace wbs::networks::onnx_io {

/// The `count` elements begin, begin + step, ... before end (after end for a negative step) along
/// `axis`, all of which exist; a positive step may end past the extent.
struct SliceBounds {
  std::size_t axis = 0;
  std::int64_t begin = 0, end = 0, step = 1, count = 0;
};

/// The slices that a Slice node asks for, one per axis, in the file's order.
[[nodiscard]] std::vector<SliceBounds> slice_bounds(const NodeReader& node);

}  // namespace wbs::networks::onnx_io
