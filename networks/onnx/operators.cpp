#include "networks/onnx/operators.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/error.hpp"
#include "core/text.hpp"
#include "networks/onnx/fold.hpp"
#include "networks/onnx/model_reader.hpp"

namespace wbs::networks::onnx_io {
namespace {

constexpr int kMany = 4096;
constexpr int kMostAttributes = 32;

constexpr std::array kOperators = {
    OperatorRow{"Add", import_binary, fold_binary, 2, 2, ""},
    OperatorRow{"And", nullptr, fold_binary, 2, 2, ""},
    OperatorRow{"AveragePool", import_pool, nullptr, 1, 1,
                "auto_pad ceil_mode count_include_pad kernel_shape pads strides"},
    OperatorRow{"BatchNormalization", import_batch_norm, nullptr, 5, 5,
                "epsilon momentum training_mode"},
    OperatorRow{"Cast", import_cast, fold_cast, 1, 1, "to"},
    OperatorRow{"Ceil", nullptr, fold_unary, 1, 1, ""},
    OperatorRow{"Clip", import_clip, nullptr, 1, 3, "min max"},
    OperatorRow{"Concat", import_concat, fold_concat, 1, kMany, "axis"},
    OperatorRow{"Constant", nullptr, fold_constant, 0, 0,
                "value value_float value_floats value_int value_ints value_string value_strings "
                "sparse_value"},
    OperatorRow{"ConstantOfShape", nullptr, fold_constant_of_shape, 1, 1, "value"},
    OperatorRow{"Conv", import_conv, nullptr, 2, 3,
                "auto_pad dilations group kernel_shape pads strides"},
    OperatorRow{"Div", import_binary, fold_binary, 2, 2, ""},
    OperatorRow{"Dropout", import_dropout, nullptr, 1, 3, "ratio seed"},
    OperatorRow{"Equal", nullptr, fold_binary, 2, 2, ""},
    OperatorRow{"Erf", import_unary, nullptr, 1, 1, ""},
    OperatorRow{"Exp", import_unary, nullptr, 1, 1, ""},
    OperatorRow{"Expand", nullptr, fold_expand, 2, 2, ""},
    OperatorRow{"Flatten", import_flatten, nullptr, 1, 1, "axis"},
    OperatorRow{"Floor", nullptr, fold_unary, 1, 1, ""},
    OperatorRow{"Gather", import_gather, fold_gather, 2, 2, "axis"},
    OperatorRow{"Gemm", import_gemm, nullptr, 2, 3, "alpha beta transA transB"},
    OperatorRow{"GlobalAveragePool", import_global_average_pool, nullptr, 1, 1, ""},
    OperatorRow{"Greater", nullptr, fold_binary, 2, 2, ""},
    OperatorRow{"Identity", import_unary, fold_identity, 1, 1, ""},
    OperatorRow{"LayerNormalization", import_layer_norm, nullptr, 2, 3, "axis epsilon stash_type"},
    OperatorRow{"Less", nullptr, fold_binary, 2, 2, ""},
    OperatorRow{"MatMul", import_matmul, nullptr, 2, 2, ""},
    OperatorRow{"Max", nullptr, fold_binary, 2, 2, ""},
    OperatorRow{"MaxPool", import_pool, nullptr, 1, 1,
                "auto_pad ceil_mode dilations kernel_shape pads storage_order strides"},
    OperatorRow{"Min", nullptr, fold_binary, 2, 2, ""},
    OperatorRow{"Mul", import_binary, fold_binary, 2, 2, ""},
    OperatorRow{"Neg", nullptr, fold_unary, 1, 1, ""},
    OperatorRow{"Not", nullptr, fold_unary, 1, 1, ""},
    OperatorRow{"Or", nullptr, fold_binary, 2, 2, ""},
    OperatorRow{"Pad", import_pad, nullptr, 2, 3, "mode"},
    OperatorRow{"Pow", import_binary, fold_binary, 2, 2, ""},
    OperatorRow{"Range", nullptr, fold_range, 3, 3, ""},
    OperatorRow{"Reciprocal", nullptr, fold_unary, 1, 1, ""},
    OperatorRow{"ReduceMean", import_reduce_mean, nullptr, 1, 1, "axes keepdims"},
    OperatorRow{"ReduceProd", nullptr, fold_reduce_prod, 1, 1, "axes keepdims"},
    OperatorRow{"Relu", import_unary, nullptr, 1, 1, ""},
    OperatorRow{"Reshape", import_reshape, fold_reshape, 2, 2, "allowzero"},
    OperatorRow{"Shape", nullptr, fold_shape, 1, 1, "start end"},
    OperatorRow{"Sigmoid", import_unary, nullptr, 1, 1, ""},
    OperatorRow{"Size", nullptr, fold_size, 1, 1, ""},
    OperatorRow{"Slice", import_slice, fold_slice, 3, 5, ""},
    OperatorRow{"Softmax", import_softmax, nullptr, 1, 1, "axis"},
    OperatorRow{"Split", import_split, nullptr, 1, 2, "axis split"},
    OperatorRow{"Sqrt", import_unary, fold_unary, 1, 1, ""},
    OperatorRow{"Squeeze", import_squeeze, fold_squeeze, 1, 2, "axes"},
    OperatorRow{"Sub", import_binary, fold_binary, 2, 2, ""},
    OperatorRow{"Sum", import_sum, nullptr, 1, kMany, ""},
    OperatorRow{"Tanh", import_unary, nullptr, 1, 1, ""},
    OperatorRow{"Transpose", import_transpose, fold_transpose, 1, 1, "perm"},
    OperatorRow{"Unsqueeze", import_unsqueeze, fold_unsqueeze, 1, 2, "axes"},
    OperatorRow{"Where", nullptr, fold_where, 3, 3, ""},
};

static_assert(std::is_sorted(kOperators.begin(), kOperators.end(),
                             [](const OperatorRow& a, const OperatorRow& b) {
                               return a.name < b.name;
                             }));

bool allows(const OperatorRow& row, std::string_view attribute) {
  for (const std::string_view word : split(row.attributes, ' ')) {
    if (word == attribute) return !attribute.empty();
  }
  return false;
}

void check_form(const OperatorRow& row, const ::onnx::NodeProto& proto) {
  const int inputs = proto.input_size();
  if (inputs < row.min_inputs || inputs > row.max_inputs) {
    throw Error(ErrorKind::input,
                row.min_inputs == row.max_inputs
                    ? fmt::format("it has {} inputs, expected {}", inputs, row.min_inputs)
                    : fmt::format("it has {} inputs, expected {} to {}", inputs, row.min_inputs,
                                  row.max_inputs));
  }
  for (int i = 0; i < row.min_inputs; ++i) {
    if (proto.input(i).empty()) {
      throw Error(ErrorKind::input, fmt::format("input {} is missing", i));
    }
  }
  if (proto.attribute_size() > kMostAttributes) {
    throw Error(ErrorKind::input, fmt::format("it has {} attributes", proto.attribute_size()));
  }
  for (const auto& attribute : proto.attribute()) {
    if (!allows(row, attribute.name())) {
      throw Error(ErrorKind::unsupported,
                  fmt::format("attribute {} is not known here", in_quotes(attribute.name())));
    }
    const auto same = [&](const auto& other) { return other.name() == attribute.name(); };
    if (std::count_if(proto.attribute().begin(), proto.attribute().end(), same) != 1) {
      throw Error(ErrorKind::input, fmt::format("attribute '{}' is there twice", attribute.name()));
    }
  }
}

bool all_constant(const NodeReader& node) {
  for (std::size_t i = 0; i < node.input_count(); ++i) {
    if (node.has_input(i) && !node.is_constant(i)) return false;
  }
  return true;
}

}  // namespace

const OperatorRow* find_operator(std::string_view name) noexcept {
  const auto found = std::lower_bound(
      kOperators.begin(), kOperators.end(), name,
      [](const OperatorRow& row, std::string_view wanted) { return row.name < wanted; });
  return found != kOperators.end() && found->name == name ? &*found : nullptr;
}

void import_node(NodeReader& node) {
  const std::string& domain = node.proto().domain();
  if (!domain.empty() && domain != "ai.onnx") {
    throw Error(
        ErrorKind::unsupported,
        fmt::format("operator set {} is not supported; the standard one is", in_quotes(domain)));
  }
  const OperatorRow* row = find_operator(node.op());
  if (row == nullptr) {
    throw Error(ErrorKind::unsupported,
                "the operator is not supported (networks/onnx/README.md lists those that are)");
  }
  check_form(*row, node.proto());
  const bool looks_at_shape_only = row->fold == fold_shape || row->fold == fold_size;
  const bool foldable = row->fold != nullptr && (looks_at_shape_only || all_constant(node));
  if (foldable && row->fold(node)) return;
  if (row->import == nullptr) {
    throw Error(ErrorKind::unsupported,
                foldable ? "the operator is not supported for this type of constants"
                         : "the operator is supported on constants only");
  }
  row->import(node);
}

}  // namespace wbs::networks::onnx_io
