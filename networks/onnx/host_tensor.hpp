// Tensors that are known at import time: initialisers, constants and folded shape arithmetic.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor.hpp"
#include "networks/onnx/proto.hpp"

namespace wbs::networks::onnx_io {

/// A constant of either kind: `reals` is used for the floating-point types (kept as fp32),
/// `integers` for the integer types and booleans.
struct HostTensor {
  enum class Kind { real, integer };

  Kind kind = Kind::integer;
  Shape shape;
  std::vector<float> reals;
  std::vector<std::int64_t> integers;
  bool from_shape = false;  ///< computed from an activation's shape, so it may hold the batch

  [[nodiscard]] std::size_t size() const noexcept {
    return kind == Kind::real ? reals.size() : integers.size();
  }
  [[nodiscard]] bool is_real() const noexcept { return kind == Kind::real; }
};

[[nodiscard]] HostTensor integer_tensor(Shape shape, std::vector<std::int64_t> values);
[[nodiscard]] HostTensor real_tensor(Shape shape, std::vector<float> values);

/// Throws Error unless the proto's shape is possible and exactly its values are stored in it:
/// external data, unknown types and wrong sizes are refused. Allocates nothing.
void check_tensor(const ::onnx::TensorProto& proto);

/// The values of a float, double, float16, bfloat16, bool or integer tensor. Throws like
/// check_tensor.
[[nodiscard]] HostTensor decode_tensor(const ::onnx::TensorProto& proto);

/// Whether the data type is one of the floating-point types that are read.
[[nodiscard]] bool holds_reals(const ::onnx::TensorProto& proto) noexcept;

/// The proto's extents. Throws Error for a negative or overflowing one.
[[nodiscard]] Shape shape_of(const ::onnx::TensorProto& proto);

/// IEEE 754 binary16 bits to fp32, exactly (subnormals, infinities and NaN included).
[[nodiscard]] float half_to_float(std::uint16_t bits) noexcept;

}  // namespace wbs::networks::onnx_io
