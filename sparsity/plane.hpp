// A weight tensor seen as a plane of output x input channels.
#pragma once

#include <cstdint>

#include "core/tensor.hpp"

namespace wbs::sparsity {

/// [cout][cin/groups][kh][kw] (or [out][in]) as cout x cin pairs of channels with `taps` weights
/// each; element (o, i, t) lies at (o * cin + i) * taps + t.
struct Plane {
  std::int64_t cout = 0;
  std::int64_t cin = 0;
  std::int64_t taps = 1;

  [[nodiscard]] std::int64_t elements() const noexcept { return cout * cin * taps; }
  friend bool operator==(const Plane&, const Plane&) = default;
};

/// The plane of a weight shape. Throws Error(input) unless the shape has 2 or more dimensions, all
/// positive.
[[nodiscard]] Plane plane_of(const Shape& shape);

/// ceil(count / size) for count >= 0, size > 0.
[[nodiscard]] constexpr std::int64_t divide_up(std::int64_t count, std::int64_t size) noexcept {
  return (count + size - 1) / size;
}

}  // namespace wbs::sparsity
