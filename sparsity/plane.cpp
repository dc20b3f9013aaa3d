#include "sparsity/plane.hpp"

#include <fmt/format.h>

#include "core/error.hpp"

namespace wbs::sparsity {

Plane plane_of(const Shape& shape) {
  bool positive = shape.size() >= 2;
  for (const std::int64_t extent : shape) positive = positive && extent > 0;
  if (!positive) {
    throw Error(ErrorKind::input,
                fmt::format("weights of shape {}: expected [cout][cin/groups][kh][kw] or [out][in] "
                            "with positive extents",
                            to_string(shape)));
  }
  return {shape[0], shape[1], element_count(shape) / (shape[0] * shape[1])};
}

}  // namespace wbs::sparsity
