// Arithmetic on constants: what remains of a network's shape computations when shapes are static.
#pragma once

#include "networks/onnx/context.hpp"

namespace wbs::networks::onnx_io {

// Each computes output 0 of a node from constants and returns true, or returns false when the case
// is left to the importer of activations. They are called when every input is a constant, except
// fold_shape and fold_size, which look only at the shape of input 0. They throw Error for inputs
// that fit neither.
bool fold_constant(NodeReader& node);  // fold_move.cpp
bool fold_shape(NodeReader& node);
bool fold_size(NodeReader& node);
bool fold_identity(NodeReader& node);
bool fold_reshape(NodeReader& node);
bool fold_squeeze(NodeReader& node);
bool fold_unsqueeze(NodeReader& node);
bool fold_transpose(NodeReader& node);
bool fold_concat(NodeReader& node);
bool fold_gather(NodeReader& node);
bool fold_slice(NodeReader& node);
bool fold_expand(NodeReader& node);
bool fold_constant_of_shape(NodeReader& node);

bool fold_binary(NodeReader& node);  // fold_compute.cpp: Add, Sub, Mul, Div, Pow, Equal, Less, ...
bool fold_unary(NodeReader& node);   // Neg, Not, Floor, Ceil, Sqrt, Reciprocal
bool fold_cast(NodeReader& node);
bool fold_where(NodeReader& node);
bool fold_range(NodeReader& node);
bool fold_reduce_prod(NodeReader& node);

}  // namespace wbs::networks::onnx_io
