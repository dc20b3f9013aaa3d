// Who computes what: the pieces of each axis of a tiled layer. For checking that a tiling covers a
// layer exactly once, and for schedules.
#pragma once

#include <vector>

#include "compiler/tiled_network.hpp"

namespace wbs::compiler {

/// Half-open range of one axis.
struct Interval {
  std::int64_t begin = 0, end = 0;
  bool operator==(const Interval&) const = default;
};

/// Work of a convolution or fully connected layer: every column takes its `columns` pieces one
/// after the other, every row of cores its `rows` pieces of output channels; each (column piece,
/// row piece) is swept over all `heights` and accumulates over all `cins`. Idle columns and rows
/// have no pieces.
struct Coverage {
  std::vector<std::vector<Interval>> columns;  ///< output columns, by array column
  std::vector<std::vector<Interval>> rows;     ///< output channels, by array row
  std::vector<Interval> heights;               ///< output rows
  std::vector<Interval> cins;                  ///< input channels of a group
};

/// The pieces that `layer` has on `array`, uneven ones clipped to the layer.
[[nodiscard]] Coverage coverage(const aie::TiledLayer& layer, const ArrayShape& array);

/// Multiply-accumulates of all pieces together.
[[nodiscard]] std::int64_t covered_macs(const Coverage& pieces, const aie::Window& window);

}  // namespace wbs::compiler
