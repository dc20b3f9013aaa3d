#include "compiler/codegen/residence.hpp"

#include <algorithm>

namespace wbs::compiler {
namespace {

/// Input rows of the layer's output rows [first, first + count), inside the image.
Rows input_rows(const LayerShape& shape, std::int64_t first, std::int64_t count) {
  const std::int64_t begin = first * shape.stride_rows - shape.pad_top;
  const std::int64_t end =
      (first + count - 1) * shape.stride_rows - shape.pad_top + shape.window_rows;
  return {std::max<std::int64_t>(0, begin), std::min(shape.in_rows, end)};
}

}  // namespace

Rows owned_rows(std::int64_t rows, const aie::Device& device, std::int64_t column) {
  const std::int64_t each = (rows + device.columns - 1) / device.columns;
  const std::int64_t begin = std::min(column * each, rows - each);
  return {begin, begin + each};
}

Rows operand_rows(const LayerPlan& layer, std::size_t which, std::int64_t first,
                  std::int64_t count) {
  if (layer.shape.adds && which == 1) return {first, first + count};
  return input_rows(layer.shape, first, count);
}

Rows column_input_rows(const LayerPlan& layer, std::size_t which, std::int64_t column) {
  return operand_rows(layer, which, strip_first_row(layer, column, 0), layer.pieces.column_rows);
}

Rows below(const Rows& rows, std::int64_t first) {
  return {rows.begin + first, rows.end + first};
}

std::vector<bool> may_be_resident(const networks::Int8Network& network, const NetworkPlan& plan,
                                  const aie::Device& device) {
  const auto& places = plan.layout.places;
  std::vector<bool> resident(plan.layout.storages.size(), true);
  resident[places.front().storage] = false;
  resident[places[network.output].storage] = false;
  for (const LayerPlan& layer : plan.layers) {
    const bool by_rows = layer.mapping.split != Split::channels;
    const std::size_t out = places[layer.operation].storage;
    const bool whole = layer.shape.out_rows == plan.layout.storages[out].rows;
    // Columns do not own what they compute of a part: rows of a tile are shared among all.
    if (!by_rows || !whole) resident[out] = false;
    const auto& operands = network.operations[layer.operation].inputs;
    for (std::size_t which = 0; which < operands.size(); ++which) {
      const Place& place = places[operands[which]];
      const std::size_t s = place.storage;
      if (!by_rows) resident[s] = false;
      for (std::int64_t column = 0; column < device.columns; ++column) {
        const Rows needed = below(column_input_rows(layer, which, column), place.row);
        const std::int64_t west = std::max<std::int64_t>(0, column - 1);
        const std::int64_t east = std::min(device.columns - 1, column + 1);
        const std::int64_t rows = plan.layout.storages[s].rows;
        if (needed.begin < owned_rows(rows, device, west).begin ||
            needed.end > owned_rows(rows, device, east).end) {
          resident[s] = false;
        }
      }
    }
  }
  return resident;
}

}  // namespace wbs::compiler
