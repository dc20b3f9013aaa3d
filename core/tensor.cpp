#include "core/tensor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.hpp"

namespace wbs {

std::int64_t element_count(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(count, extent, &count)) {
      throw Error(ErrorKind::input,
                  fmt::format("tensor shape {} is not possible", to_string(shape)));
    }
  }
  return count;
}

std::string to_string(const Shape& shape) {
  return shape.empty() ? "scalar" : fmt::format("{}", fmt::join(shape, "x"));
}

Tensor::Tensor(Shape tensor_shape, float fill)
    : shape(std::move(tensor_shape)),
      values(static_cast<std::size_t>(element_count(shape)), fill) {}

Tensor::Tensor(Shape tensor_shape, std::vector<float> tensor_values)
    : shape(std::move(tensor_shape)), values(std::move(tensor_values)) {
  WBS_ASSERT(element_count(shape) == static_cast<std::int64_t>(values.size()));
}

}  // namespace wbs
