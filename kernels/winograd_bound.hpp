// How far Winograd's algorithm may be from the exact result.
#pragma once

#include "core/tensor.hpp"
#include "kernels/conv.hpp"
#include "kernels/reference_conv.hpp"

namespace wbs::kernels {

/// `exact` with the bound that F(tile x tile, 3x3) keeps, in any order of its sums and with or
/// without fused multiply-add; tile = 2 or 4. What this adds to the bound of the direct algorithm:
///
///   g * |A^T| (sum over c of |U_c| * (|B^T| |d_c| |B|)) |A|,   g = n u / (1 - n u),
///
/// u = 2^-24 and n = cin / groups + 4 a + 4 with a = tile + 2: a term passes at most a roundings in
/// each of the four one-dimensional transforms, one for its weight, one per product of its sum,
/// one in the exact result's rounding to fp32, two for the scale and the bias. As in Higham,
/// "Accuracy and Stability of Numerical Algorithms", 2nd ed., (3.5). Cost: tiles * cout *
/// cin/groups * a * a steps in double.
[[nodiscard]] ReferenceConv with_winograd_bound(ReferenceConv exact, const ConvLayer& layer,
                                                const Tensor& input, int tile);

}  // namespace wbs::kernels
