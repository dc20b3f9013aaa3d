// How much of a layer's weights a sparsity pattern leaves, for loading and for computing.
#pragma once

#include "compiler/layer.hpp"
#include "core/tensor.hpp"
#include "sparsity/pattern.hpp"

namespace wbs::compiler {

/// The density that `pattern` asks for, when its zeros fall independently: stored = 1 - ratio;
/// operands = expected share of 8x8 weight operands that keep a weight, halved where every four
/// consecutive input channels are sure to have two zeros (the 2:4 mode: nm:2:4, nm:2:8 and nm:1:4
/// along input channels). A block of 8x8 or more skips whole operands: operands = 1 - ratio.
[[nodiscard]] LayerDensity nominal_density(const sparsity::Pattern& pattern);

/// The density counted on a pruned weight tensor [cout][cin][kh][kw] or [out][in], or on a mask of
/// that shape: stored = share of non-zeros; operands = share of 8 output x 8 input channel operands
/// (one for each kernel tap) with a non-zero, halved where all groups of four consecutive input
/// channels have two zeros or more. Throws Error (input) for other shapes.
[[nodiscard]] LayerDensity measured_density(const Tensor& weights);

}  // namespace wbs::compiler
