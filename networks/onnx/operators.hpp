// The table of ONNX operators that can be imported.
#pragma once

#include <string_view>

#include "networks/onnx/context.hpp"

namespace wbs::networks::onnx_io {

/// How one operator of the standard set is read. All attributes that it may carry are listed:
/// another one means that the file says something that would be ignored.
struct OperatorRow {
  std::string_view name;
  void (*import)(NodeReader&);  ///< onto activations; null: only folded
  bool (*fold)(NodeReader&);    ///< of constants; false: not this case; null: never
  int min_inputs;
  int max_inputs;
  std::string_view attributes;  ///< separated by spaces
};

/// The row of `name`, or nullptr.
[[nodiscard]] const OperatorRow* find_operator(std::string_view name) noexcept;

/// Imports one node: folds it when all its inputs are constants (or only their shapes matter),
/// otherwise appends graph nodes. Throws Error with a reason.
void import_node(NodeReader& node);

// One function per operator or group of operators that are read alike; by file.
void import_conv(NodeReader& node);  // operators_image.cpp
void import_pool(NodeReader& node);
void import_global_average_pool(NodeReader& node);

void import_gemm(NodeReader& node);  // operators_linear.cpp
void import_matmul(NodeReader& node);

void import_unary(NodeReader& node);  // operators_elementwise.cpp
void import_binary(NodeReader& node);
void import_sum(NodeReader& node);
void import_clip(NodeReader& node);
void import_dropout(NodeReader& node);
void import_cast(NodeReader& node);

void import_flatten(NodeReader& node);  // operators_shape.cpp
void import_reshape(NodeReader& node);
void import_squeeze(NodeReader& node);
void import_unsqueeze(NodeReader& node);
void import_transpose(NodeReader& node);
void import_concat(NodeReader& node);

void import_slice(NodeReader& node);  // operators_slice.cpp
void import_gather(NodeReader& node);
void import_split(NodeReader& node);
void import_pad(NodeReader& node);

void import_batch_norm(NodeReader& node);  // operators_norm.cpp
void import_layer_norm(NodeReader& node);
void import_softmax(NodeReader& node);
void import_reduce_mean(NodeReader& node);

}  // namespace wbs::networks::onnx_io
