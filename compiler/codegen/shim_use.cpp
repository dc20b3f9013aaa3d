#include "compiler/codegen/shim_use.hpp"

#include <algorithm>

namespace wbs::compiler {
namespace {

std::int64_t size_of(const auto& list) {
  return static_cast<std::int64_t>(list.size());
}

/// As emit_load: an odd number of deliveries is halved, so that both channels have work.
std::int64_t load_descriptors(const Phase& phase, const ShimMap::Group& group) {
  const std::int64_t count = size_of(deliveries_to(phase, group));
  return count % 2 == 0 ? count : 2 * count;
}

std::int64_t store_descriptors(const Phase& phase, const ShimMap::Group& group) {
  return std::count_if(group.columns.begin(), group.columns.end(), [&](std::int64_t column) {
    const Part& part = phase.parts[static_cast<std::size_t>(column)];
    return part.rows > 0 && part.blocks > 0;
  });
}

/// Two lists of chunks (what is not preloaded; all of them, for later rounds) in loops.
std::int64_t weights_descriptors(const LayerPlan& layer, const aie::Device& device,
                                 const Phase& phase, const ShimMap::Group& group) {
  const std::int64_t columns = size_of(weights_columns(layer, device, group));
  if (phase.kind == Phase::Kind::preload) return columns == 1 ? 2 : columns;
  if (columns <= 2) return columns == 0 ? 0 : 4;
  const std::int64_t most = device.silicon.shim.max_iteration;
  const std::int64_t loops = (distinct_chunks(layer, phase) + most - 1) / most;
  const bool repeats = deliveries_of(layer, device, phase) > distinct_chunks(layer, phase);
  return columns * loops * (repeats ? 2 : 1);
}

}  // namespace

std::vector<Delivery> deliveries_to(const Phase& phase, const ShimMap::Group& group) {
  std::vector<Delivery> deliveries;
  for (const std::int64_t column : group.columns) {
    const Part& part = phase.parts[static_cast<std::size_t>(column)];
    if (part.rows <= 0 || part.blocks <= 0) continue;
    auto it = std::find_if(deliveries.begin(), deliveries.end(),
                           [&](const Delivery& known) { return known.part == part; });
    if (it == deliveries.end()) it = deliveries.insert(it, {part, {}});
    it->columns.push_back(column);
  }
  return deliveries;
}

std::vector<std::int64_t> weights_columns(const LayerPlan& layer, const aie::Device& device,
                                          const ShimMap::Group& group) {
  std::vector<std::int64_t> columns;
  for (const std::int64_t column : group.columns) {
    // In a split by channels a column without blocks has no work.
    if (column_blocks(layer, device, column).count == 0) continue;
    if (!weight_rows(layer, device, column).empty()) columns.push_back(column);
  }
  return columns;
}

std::int64_t distinct_chunks(const LayerPlan& layer, const Phase& phase) {
  return layer.pieces.pieces > 1 ? layer.pieces.pieces : phase.chunks;
}

std::int64_t shim_descriptors(const NetworkPlan& plan, const aie::Device& device,
                              const Phase& phase) {
  const LayerPlan& layer = plan.layers[phase.layer];
  std::int64_t most = 0;
  for (const ShimMap::Group& group : plan.shims.groups()) {
    std::int64_t count = 0;
    if (phase.kind == Phase::Kind::load) count = load_descriptors(phase, group);
    if (phase.kind == Phase::Kind::store) count = store_descriptors(phase, group);
    const bool weights = phase.kind == Phase::Kind::preload || phase.kind == Phase::Kind::compute;
    if (weights && has_weights(layer.shape.kernel)) {
      count = weights_descriptors(layer, device, phase, group);
    }
    most = std::max(most, count);
  }
  return most;
}

}  // namespace wbs::compiler
