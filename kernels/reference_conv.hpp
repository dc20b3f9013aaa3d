// What a convolution must give, from its definition: the measure of every implementation.
#pragma once

#include "core/tensor.hpp"
#include "kernels/conv.hpp"

namespace wbs::kernels {

struct ReferenceConv {
  Tensor output;  ///< [n][cout][oh][ow]
  /// How far an implementation may be from `output`, element by element; 0 for layers of u8, whose
  /// sums are exact.
  Tensor bound;
};

/// The result of `layer` on `input` ([n][cin][h][w]) and, when its epilogue adds one, `residual`
/// (shaped as the output). The mask is not looked at: pruned weights are zeros. Values are those
/// that Planes hold: for bf16, inputs, weights and residual are rounded to bf16 first; for u8,
/// inputs, residual and output are the stored integers, zero point included.
///
/// Numerics: a sum is taken in double from products that are exact there, so sums of integers are
/// exact, and is rounded once, to fp32, before the epilogue (conv.hpp), which is in fp32 step by
/// step. The outputs of a u8 layer, and those whose sum every fp32 order computes exactly (small
/// integers), must be met bit for bit; any other within `bound`:
///
///   sum:      |s' - s| <= g * S + n * 2^-126,  g = (n + 2) u / (1 - (n + 2) u),  u = 2^-24
///             where n counts the non-zero products and S is the sum of their magnitudes, with the
///             bias's where there are no scales: there a sum may begin at the bias. Higham,
///             "Accuracy and Stability of Numerical Algorithms", 2nd ed., (3.5), holds for every
///             order and with or without fused multiply-add, as no term passes more than n + 1
///             roundings; one more is this function's own. The last term is for AVX-512 BF16,
///             which flushes subnormal results to zero.
///   epilogue: each fma scales the bound by its factor and adds 2 u |y| (both sides round).
///   bf16:     storing adds 2^-7 of (|y| + bound): both sides round to 8 significant bits.
///
/// Throws Error(input) when a shape does not fit. Cost: n * cout * oh * ow * cin/groups * kh * kw
/// steps.
[[nodiscard]] ReferenceConv reference_conv(const ConvLayer& layer, const Tensor& input,
                                           const Tensor* residual = nullptr);

}  // namespace wbs::kernels
