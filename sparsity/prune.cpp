#include "sparsity/prune.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "sparsity/cover.hpp"
#include "sparsity/magnitude.hpp"

namespace wbs::sparsity {
namespace {

Pruned finished(Mask mask, double requested) {
  Pruned result{std::move(mask), requested, 0.0, false, {}};
  result.achieved = result.mask.sparsity();
  return result;
}

Pruned prune_channels(const Tensor& weights, double ratio, const PruneOptions& options) {
  const Plane plane = plane_of(weights.shape);
  const Granularity granularity{1, plane.cin};
  const std::vector<double> importance = cell_importance(weights, granularity, options.importance);
  const std::vector<std::int64_t> order = ascending_order(importance);
  const std::int64_t asked = cells_to_prune(ratio, plane.cout);
  const std::int64_t zeros = std::min(asked, plane.cout - 1);
  Mask mask(weights.shape, granularity);
  for (std::int64_t i = 0; i < zeros; ++i) mask.set(order[static_cast<std::size_t>(i)], false);
  Pruned result = finished(std::move(mask), ratio);
  if (zeros < asked) {
    result.capped = true;
    result.reason = fmt::format("asked for {} of {} output channels; one stays", asked, plane.cout);
  }
  return result;
}

}  // namespace

std::int64_t cells_to_prune(double ratio, std::int64_t count) noexcept {
  return static_cast<std::int64_t>(std::floor(ratio * static_cast<double>(count) + 0.5));
}

Pruned prune_cells(const Shape& shape, Granularity granularity, double ratio,
                   std::span<const double> importance, bool keep_rows_and_columns) {
  Mask mask(shape, granularity);
  WBS_ASSERT(static_cast<std::int64_t>(importance.size()) == mask.cells());
  const std::int64_t asked = cells_to_prune(ratio, mask.cells());
  if (!keep_rows_and_columns) {
    const std::vector<std::int64_t> order = ascending_order(importance);
    for (std::int64_t i = 0; i < asked; ++i) mask.set(order[static_cast<std::size_t>(i)], false);
    return finished(std::move(mask), ratio);
  }
  const std::int64_t most = mask.cells() - std::max(mask.cell_rows(), mask.cell_cols());
  zero_cells_keeping_rows_and_columns(mask, importance, std::min(asked, most));
  const std::int64_t rows = mask.cell_rows();
  const std::int64_t cols = mask.cell_cols();
  Pruned result = finished(std::move(mask), ratio);
  if (asked > most) {
    result.capped = true;
    result.reason = fmt::format(
        "asked for {} zero blocks of {}x{}; every block row and column keeps one, so at most {} "
        "can "
        "be zero",
        asked, rows, cols, most);
  }
  return result;
}

Pruned prune(const Tensor& weights, const Pattern& pattern, const PruneOptions& options) {
  const Plane plane = plane_of(weights.shape);
  WBS_ASSERT(plane.elements() == static_cast<std::int64_t>(weights.values.size()));
  const double requested = nominal_sparsity(pattern);
  if (const auto* block = std::get_if<BlockPattern>(&pattern)) {
    const Granularity granularity{block->rows, block->cols};
    return prune_cells(weights.shape, granularity, block->ratio,
                       cell_importance(weights, granularity, options.importance),
                       options.keep_rows_and_columns);
  }
  if (const auto* channel = std::get_if<ChannelPattern>(&pattern)) {
    return prune_channels(weights, channel->ratio, options);
  }
  if (const auto* nm = std::get_if<NmPattern>(&pattern)) {
    return finished(largest_of_groups(weights, *nm), requested);
  }
  if (const auto* single = std::get_if<UnstructuredPattern>(&pattern)) {
    return finished(largest_weights(weights, plane.elements() -
                                                 cells_to_prune(single->ratio, plane.elements())),
                    requested);
  }
  return finished(Mask(weights.shape, granularity_of(pattern, plane)), requested);
}

}  // namespace wbs::sparsity
