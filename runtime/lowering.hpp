// From a graph to a program: fused steps, element types, and the conversions between them.
#pragma once

#include "kernels/element.hpp"
#include "networks/quantisation.hpp"
#include "runtime/program.hpp"

namespace wbs::runtime {

struct LoweringOptions {
  /// f32: everything. bf16 and u8: convolutions and matrix products, and what lies between them on
  /// planes; what only leads to the output, and every other operator, stays fp32.
  kernels::Element element = kernels::Element::f32;
  /// Needed for u8: the scales of the activations.
  const networks::Quantisation* quantisation = nullptr;
};

/// The program of `graph`, whose shapes are inferred. What is concatenated along channels gets the
/// scale of the concatenation, the result of a maximum pool that of its input. Throws Error(input)
/// when the quantisation lacks a value that the program needs, Error(unsupported) for a network
/// whose output is a constant.
[[nodiscard]] Program lower(const networks::Graph& graph, const LoweringOptions& options);

}  // namespace wbs::runtime
