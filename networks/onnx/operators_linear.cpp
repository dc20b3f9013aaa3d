// Matrix products: Gemm and MatMul.
#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"
#include "networks/onnx/operators.hpp"

namespace wbs::networks::onnx_io {
namespace {

Tensor transposed(const Tensor& matrix) {
  const auto rows = static_cast<std::size_t>(matrix.shape[0]);
  const auto columns = static_cast<std::size_t>(matrix.shape[1]);
  Tensor result;
  result.shape = {matrix.shape[1], matrix.shape[0]};
  result.values.resize(matrix.values.size());
  constexpr std::size_t kBlock = 32;  // both sides stay in the cache
  for (std::size_t row_block = 0; row_block < rows; row_block += kBlock) {
    for (std::size_t column_block = 0; column_block < columns; column_block += kBlock) {
      for (std::size_t r = row_block; r < std::min(rows, row_block + kBlock); ++r) {
        for (std::size_t c = column_block; c < std::min(columns, column_block + kBlock); ++c) {
          result.values[c * rows + r] = matrix.values[r * columns + c];
        }
      }
    }
  }
  return result;
}

void scale(Tensor& tensor, double factor) {
  if (factor == 1.0) return;
  const auto multiplier = static_cast<float>(factor);
  for (float& value : tensor.values) value *= multiplier;
}

void require_matrix(const Shape& shape, const char* what) {
  if (shape.size() == 2) return;
  throw Error(ErrorKind::input,
              fmt::format("{} is {}; a matrix is expected", what, to_string(shape)));
}

/// A scalar constant node times `x`; `x` itself for a factor of 1.
NodeIndex scaled(NodeReader& node, NodeIndex x, double factor, const char* word) {
  if (factor == 1.0) return x;
  Attributes attributes;
  attributes.value = factor;
  const std::string base = node.name();
  const NodeIndex constant =
      node.add_named(fmt::format("{}.{}", base, word), Op::constant, {}, std::move(attributes));
  return node.add_named(fmt::format("{}.{}_product", base, word), Op::mul, {x, constant});
}

NodeIndex transposed_matrix(NodeReader& node, NodeIndex x, const char* word) {
  Attributes attributes;
  attributes.permutation = {1, 0};
  return node.add_named(fmt::format("{}.{}", node.name(), word), Op::transpose, {x},
                        std::move(attributes));
}

/// C as a bias of `features` values, when it is the same for every row.
std::optional<Tensor> row_bias(NodeReader& node, std::int64_t features) {
  if (!node.is_constant(2)) return std::nullopt;
  const Shape shape = node.shape(2);
  const bool single_row = std::all_of(shape.begin(), shape.end() - (shape.empty() ? 0 : 1),
                                      [](std::int64_t extent) { return extent == 1; });
  const std::int64_t width = shape.empty() ? 1 : shape.back();
  if (!single_row || shape.size() > 2 || (width != features && width != 1)) return std::nullopt;
  Tensor bias = node.weight(2, "bias");
  if (width != features) bias.values.assign(static_cast<std::size_t>(features), bias.values.at(0));
  bias.shape = {features};
  return bias;
}

/// Gemm with a computed B, or a C that differs by row: pieces instead of one linear node.
void import_general_gemm(NodeReader& node, NodeIndex left, bool transpose_right) {
  NodeIndex right = node.activation(1);
  if (transpose_right) right = transposed_matrix(node, right, "transposed_right");
  const bool with_addend = node.has_input(2);
  NodeIndex product = node.add_named(with_addend ? node.name() + ".product" : node.name(),
                                     Op::matmul, {left, right});
  product = scaled(node, product, node.real("alpha", 1.0), "alpha");
  if (with_addend) {
    const NodeIndex addend = scaled(node, node.activation(2), node.real("beta", 1.0), "beta");
    product = node.add_named(node.name(), Op::add, {product, addend});
  }
  node.set_output(product);
}

}  // namespace

void import_gemm(NodeReader& node) {
  require_matrix(node.shape(0), "A");
  const Shape right = node.shape(1);
  require_matrix(right, "B");
  const bool transpose_right = node.integer("transB", 0) != 0;
  NodeIndex left = node.activation(0);
  if (node.integer("transA", 0) != 0) left = transposed_matrix(node, left, "transposed_left");
  std::map<std::string, Tensor> tensors;
  bool simple = node.is_constant(1);
  if (simple && node.has_input(2)) {
    std::optional<Tensor> bias = row_bias(node, right[transpose_right ? 0 : 1]);
    simple = bias.has_value();
    if (bias) {
      scale(*bias, node.real("beta", 1.0));
      tensors.emplace("bias", std::move(*bias));
    }
  }
  if (!simple) return import_general_gemm(node, left, transpose_right);
  Tensor weight = node.weight(1, "weight");
  scale(weight, node.real("alpha", 1.0));
  tensors.emplace("weight", transpose_right ? std::move(weight) : transposed(weight));
  node.set_output(
      node.add_named(node.parameter_name(), Op::linear, {left}, {}, std::move(tensors)));
}

void import_matmul(NodeReader& node) {
  if (node.is_constant(1) && node.shape(1).size() == 2 && !node.is_constant(0) &&
      node.shape(0).size() >= 2) {
    std::map<std::string, Tensor> tensors;
    tensors.emplace("weight", transposed(node.weight(1, "weight")));
    node.set_output(node.add_named(node.parameter_name(), Op::linear, {node.activation(0)}, {},
                                   std::move(tensors)));
    return;
  }
  const NodeIndex left = node.activation(0);
  const NodeIndex right = node.activation(1);
  node.set_output(node.add(Op::matmul, {left, right}));
}

}  // namespace wbs::networks::onnx_io
