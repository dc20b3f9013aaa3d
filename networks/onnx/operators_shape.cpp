// Operators that only move or rename elements.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/error.hpp"
#include "networks/onnx/operators.hpp"

namespace wbs::networks::onnx_io {
namespace {

/// A reshape of input 0 to `target`. The batch stays symbolic where it can: 0 instead of its
/// extent.
void reshape_to(NodeReader& node, Shape target) {
  const Shape shape = node.shape(0);
  if (!target.empty() && !shape.empty() && target[0] == shape[0]) target[0] = 0;
  Attributes attributes;
  attributes.shape = std::move(target);
  node.set_output(node.add(Op::reshape, {node.activation(0)}, std::move(attributes)));
}

/// The axes of Squeeze or Unsqueeze, as an attribute (until opset 12) or an input (from 13 on).
std::optional<std::vector<std::int64_t>> axes_of(const NodeReader& node) {
  return node.has_input(1) ? node.integers(1, "axes") : node.integer_list("axes");
}

}  // namespace

void import_flatten(NodeReader& node) {
  const std::size_t rank = node.shape(0).size();
  const std::int64_t axis = node.integer("axis", 1);
  Attributes attributes;
  // One past the last axis is allowed here.
  attributes.axis = axis == static_cast<std::int64_t>(rank) ? axis : resolved_axis(axis, rank);
  node.set_output(node.add(Op::flatten, {node.activation(0)}, std::move(attributes)));
}

void import_reshape(NodeReader& node) {
  const Shape shape = node.shape(0);
  std::vector<std::int64_t> target = node.integers(1, "shape");
  const bool from_shape = node.is_from_shape(1);
  if (node.integer("allowzero", 0) != 0 &&
      std::find(target.begin(), target.end(), 0) != target.end()) {
    throw Error(ErrorKind::unsupported, "attribute 'allowzero' asks for an empty tensor");
  }
  // A batch that went through Shape and came back as a number would fix the batch.
  if (from_shape && !target.empty() && !shape.empty() && target[0] == shape[0]) target[0] = 0;
  Attributes attributes;
  const bool flattens =
      from_shape && target.size() == 2 && target[0] == 0 && shape.size() > 1 &&
      (target[1] == -1 || target[1] == element_count(Shape(shape.begin() + 1, shape.end())));
  if (flattens) {
    node.set_output(node.add(Op::flatten, {node.activation(0)}, std::move(attributes)));
    return;
  }
  attributes.shape = std::move(target);
  node.set_output(node.add(Op::reshape, {node.activation(0)}, std::move(attributes)));
}

void import_squeeze(NodeReader& node) {
  const Shape shape = node.shape(0);
  std::vector<bool> removed(shape.size(), false);
  if (const auto axes = axes_of(node)) {
    for (const std::int64_t axis : *axes) {
      const auto index = static_cast<std::size_t>(resolved_axis(axis, shape.size()));
      if (shape[index] != 1) {
        throw Error(ErrorKind::input,
                    fmt::format("axis {} of {} is not 1", index, to_string(shape)));
      }
      removed[index] = true;
    }
  } else {
    for (std::size_t i = 0; i < shape.size(); ++i) removed[i] = shape[i] == 1;
  }
  Shape target;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (!removed[i]) target.push_back(shape[i]);
  }
  reshape_to(node, std::move(target));
}

void import_unsqueeze(NodeReader& node) {
  const Shape shape = node.shape(0);
  const auto axes = axes_of(node);
  if (!axes) throw Error(ErrorKind::input, "axes are missing");
  const std::size_t rank = shape.size() + axes->size();
  std::vector<bool> inserted(rank, false);
  for (const std::int64_t axis : *axes) {
    const auto index = static_cast<std::size_t>(resolved_axis(axis, rank));
    if (inserted[index]) throw Error(ErrorKind::input, fmt::format("axis {} is there twice", axis));
    inserted[index] = true;
  }
  Shape target;
  auto extent = shape.begin();
  for (std::size_t i = 0; i < rank; ++i) target.push_back(inserted[i] ? 1 : *extent++);
  reshape_to(node, std::move(target));
}

void import_transpose(NodeReader& node) {
  const std::size_t rank = node.shape(0).size();
  Attributes attributes;
  if (const auto permutation = node.integer_list("perm")) {
    attributes.permutation = *permutation;
  } else {
    attributes.permutation.resize(rank);
    std::iota(attributes.permutation.rbegin(), attributes.permutation.rend(), 0);
  }
  node.set_output(node.add(Op::transpose, {node.activation(0)}, std::move(attributes)));
}

void import_concat(NodeReader& node) {
  if (!node.has_attribute("axis")) throw Error(ErrorKind::input, "attribute 'axis' is missing");
  Attributes attributes;
  attributes.axis = resolved_axis(node.integer("axis", 0), node.shape(0).size());
  std::vector<NodeIndex> parts;
  parts.reserve(node.input_count());
  for (std::size_t i = 0; i < node.input_count(); ++i) parts.push_back(node.activation(i));
  node.set_output(node.add(Op::concat, std::move(parts), std::move(attributes)));
}

}  // namespace wbs::networks::onnx_io
