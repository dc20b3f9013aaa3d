// From a conv step of a program to a planned kernel: scales, bias, residual and clip become the
// kernel's epilogue.
#pragma once

#include "kernels/conv.hpp"
#include "runtime/executor.hpp"
#include "runtime/program.hpp"

namespace wbs::runtime {

/// The planned kernel of `step`. `weights` are those of program.graph; `mask` is null for a dense
/// layer. Throws Error.
[[nodiscard]] kernels::ConvPlan plan_layer(const Program& program, const ProgramStep& step,
                                           const networks::Weights& weights,
                                           const sparsity::Mask* mask,
                                           const ExecutorOptions& options);

/// The convolution that a conv or linear step is.
[[nodiscard]] kernels::ConvShape conv_shape(const Program& program, const ProgramStep& step);

}  // namespace wbs::runtime
