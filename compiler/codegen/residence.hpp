// Which rows of a tensor columns own and need, and so which tensors can stay in the Memtiles.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/codegen/plan.hpp"

namespace wbs::compiler {

/// Rows [begin, end).
struct Rows {
  std::int64_t begin = 0, end = 0;
};

/// Rows that a column owns of a tensor that its producers split by rows.
[[nodiscard]] Rows owned_rows(std::int64_t rows, const aie::Device& device, std::int64_t column);

/// Rows of input `which` that output rows [first, first + count) need, inside the image.
[[nodiscard]] Rows operand_rows(const LayerPlan& layer, std::size_t which, std::int64_t first,
                                std::int64_t count);

/// Rows of input `which` that a column needs for all strips of the layer.
[[nodiscard]] Rows column_input_rows(const LayerPlan& layer, std::size_t which,
                                     std::int64_t column);

/// Rows of a part in its storage.
[[nodiscard]] Rows below(const Rows& rows, std::int64_t first);

/// By storage: whether it could live in the Memtiles: its producers and consumers split the image
/// by rows, and no column needs rows from further than its neighbours.
[[nodiscard]] std::vector<bool> may_be_resident(const networks::Int8Network& network,
                                                const NetworkPlan& plan, const aie::Device& device);

}  // namespace wbs::compiler
