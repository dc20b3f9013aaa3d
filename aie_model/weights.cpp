#include "aie_model/weights.hpp"

#include <algorithm>
#include <cmath>

#include "aie_model/geometry.hpp"

namespace wbs::aie {

std::int64_t unified_bytes(const WeightBlock& block, double density) {
  const std::int64_t dense = block.cout * block.kh * block.kw * block.cin;
  const auto stored = static_cast<std::int64_t>(std::ceil(static_cast<double>(dense) * density));
  return stored + 4 * block.cout + 2 * (block.cout / 8) * (block.cin / 8);
}

std::int64_t chunks_per_row(const TiledLayer& layer, const Device& device) {
  if (!has_weights(layer)) return 0;
  const WeightBlock& block = layer.core_weight;
  const std::int64_t cin = ceil_div(stored_channels(layer.input.c), layer.groups);
  const std::int64_t per_row = ceil_div(layer.output.c, device.rows);
  return ceil_div(per_row, std::max<std::int64_t>(block.cout, 1)) *
         ceil_div(cin, std::max<std::int64_t>(block.cin, 1));
}

std::int64_t memtile_weight_bytes(const TiledLayer& layer, const Device& device) {
  if (!has_weights(layer)) return 0;
  // Memtile i feeds row i; on arrays that are not square the rows' weights are spread evenly.
  const std::int64_t chunks = ceil_div(chunks_per_row(layer, device) * device.rows, device.columns);
  return chunks * unified_bytes(layer.core_weight, layer.density);
}

}  // namespace wbs::aie
