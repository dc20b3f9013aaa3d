// How busy each tile of the array is.
#pragma once

#include <string>
#include <vector>

#include "aie_model/pictures/picture.hpp"

namespace wbs::aie {

/// Shares of the shown time, 0 to 1.
struct ArrayUse {
  std::vector<double> cores;                    ///< computing, by column * rows + row
  std::vector<double> memtile_in, memtile_out;  ///< a transfer under way on the busiest channel
  std::vector<double> shim_in, shim_out;        ///< the same; in: from the array to DDR
};
[[nodiscard]] ArrayUse array_use(const Picture& picture);

/// SVG: the array as it lies, cores above Memtiles above shims, each with its share and coloured by
/// it.
[[nodiscard]] std::string heatmap_svg(const Picture& picture);

}  // namespace wbs::aie
