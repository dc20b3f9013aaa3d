// Shapes of all tensors of a network, from the shape of its input.
#pragma once

#include <cstdint>

#include "networks/graph.hpp"

namespace wbs::networks {

/// Extents and tensors beyond these are refused: no network has them, and below them no product in
/// the cost model, the compiler or the interpreter overflows 64 bits unnoticed.
inline constexpr std::int64_t kMaximumExtent = std::int64_t{1} << 31;
inline constexpr std::int64_t kMaximumElements = std::int64_t{1} << 34;

/// Fills `output_shape` of every node from `nodes[0].attributes.shape`. Also checks the structure,
/// the attributes and the weight shapes, so that whoever reads the graph afterwards need not.
/// Throws Error(input) that names network, node and operator and what was expected; the graph may
/// then hold shapes up to the failing node. Never reads out of bounds, whatever the graph.
void infer_shapes(Graph& graph);

/// The same after setting the input's shape ([n][c][h][w], batch included): another batch or image
/// size for the same network.
void infer_shapes(Graph& graph, const Shape& input);

/// Shape of the output of `node`, whose inputs are nodes of `graph` with their shapes filled.
[[nodiscard]] Shape output_shape_of(const Graph& graph, const Node& node);

/// Output extent of a window of `kernel` with `dilation` that slides by `stride` over `extent`
/// elements with `before` and `after` padding. With ceil_mode the last window may be incomplete,
/// but must start inside the input or the padding before it (as in PyTorch). 0 when no window fits.
[[nodiscard]] std::int64_t window_count(std::int64_t extent, std::int64_t kernel,
                                        std::int64_t stride, std::int64_t dilation,
                                        std::int64_t before, std::int64_t after,
                                        bool ceil_mode) noexcept;

/// Numpy's broadcast of two shapes; nothing when they do not agree.
[[nodiscard]] std::optional<Shape> broadcast_shapes(const Shape& left, const Shape& right);

}  // namespace wbs::networks
