// A network as a list of fused steps on tensors, before weights and memory.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.hpp"
#include "kernels/planes.hpp"
#include "networks/graph.hpp"
#include "networks/quantisation.hpp"

namespace wbs::runtime {

using ValueId = std::size_t;

using networks::Quant;

/// One tensor that a step writes and others read.
struct Value {
  std::string name;  ///< of the node whose result it holds; conversions have their input's name
  Shape shape;
  /// In planes, or dense fp32 in row-major order.
  std::optional<kernels::Planes> planes;
  Quant quant;  ///< of u8 planes
};

enum class StepKind {
  convert,         ///< dense <-> planes, or planes of another element type or shape
  conv,            ///< convolution or matrix product, with bias, residual and clip
  pool,            ///< maximum or average
  global_average,  ///< one pixel per image
  add,             ///< of two values, with clip
  affine,          ///< relu, clip or batch norm per channel
  concat,          ///< along channels
  flatten,         ///< images with several pixels to one pixel of more channels
  reference,       ///< any other operator: dense fp32, by the reference interpreter
};

[[nodiscard]] std::string_view to_string(StepKind kind) noexcept;

/// An input of a reference step that is a constant of the network stands as this.
inline constexpr ValueId kConstant = std::numeric_limits<ValueId>::max();

/// One step. Steps run in order.
struct ProgramStep {
  StepKind kind = StepKind::reference;
  /// The node that the step computes; of a fused group the first (a conv), see `name`.
  networks::NodeIndex node = 0;
  std::string name;  ///< of the last node of the group: the result is that node's
  std::vector<ValueId> inputs;
  std::optional<ValueId> residual;  ///< conv: added before the clip
  ValueId output = 0;
  /// The result is clipped to this range (of real numbers).
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
};

struct Program {
  networks::Graph graph;  ///< the one lowered: batch norms folded, identities gone, shapes inferred
  std::vector<Value> values;  ///< values[input] is the dense image, values[output] the dense result
  std::vector<ProgramStep> steps;
  ValueId input = 0;
  ValueId output = 0;
};

/// The planes of a value of `shape`: [n][c][h][w] as images, [n][c] as images of one pixel.
[[nodiscard]] kernels::Planes image_planes(const Shape& shape, kernels::Element element,
                                           int zero_point);
/// The planes in which a matrix product reads or writes `shape`: one image of one pixel for each
/// vector of its last dimension.
[[nodiscard]] kernels::Planes row_planes(const Shape& shape, kernels::Element element,
                                         int zero_point);

}  // namespace wbs::runtime
