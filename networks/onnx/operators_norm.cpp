// Normalisation, softmax and means.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/error.hpp"
#include "networks/onnx/operators.hpp"

namespace wbs::networks::onnx_io {

void import_batch_norm(NodeReader& node) {
  if (node.integer("training_mode", 0) != 0) {
    throw Error(ErrorKind::unsupported, "training_mode is on; export the network for inference");
  }
  node.require_outputs(1);
  Attributes attributes;
  attributes.epsilon = node.real("epsilon", 1e-5);
  std::map<std::string, Tensor> tensors;
  tensors.emplace("scale", node.weight(1, "scale"));
  tensors.emplace("bias", node.weight(2, "bias"));
  tensors.emplace("mean", node.weight(3, "mean"));
  tensors.emplace("variance", node.weight(4, "variance"));
  node.set_output(node.add_named(node.parameter_name(), Op::batch_norm, {node.activation(0)},
                                 std::move(attributes), std::move(tensors)));
}

void import_layer_norm(NodeReader& node) {
  const Shape shape = node.shape(0);
  const std::int64_t axis = resolved_axis(node.integer("axis", -1), shape.size());
  if (axis + 1 != static_cast<std::int64_t>(shape.size())) {
    throw Error(ErrorKind::unsupported,
                fmt::format("normalises from axis {} of {}; only the last axis is supported", axis,
                            to_string(shape)));
  }
  if (node.integer("stash_type", 1) != 1) {
    throw Error(ErrorKind::unsupported, "attribute 'stash_type' is not float");
  }
  node.require_outputs(1);
  Attributes attributes;
  attributes.epsilon = node.real("epsilon", 1e-5);
  std::map<std::string, Tensor> tensors;
  tensors.emplace("scale", node.weight(1, "scale"));
  tensors.emplace("bias", node.has_input(2) ? node.weight(2, "bias") : Tensor({shape.back()}));
  node.set_output(node.add_named(node.parameter_name(), Op::layer_norm, {node.activation(0)},
                                 std::move(attributes), std::move(tensors)));
}

void import_softmax(NodeReader& node) {
  const Shape shape = node.shape(0);
  const bool flattens = node.opset() < 13;  // then all axes from `axis` on are one
  const std::int64_t axis = resolved_axis(node.integer("axis", flattens ? 1 : -1), shape.size());
  Attributes attributes;
  attributes.axis = axis;
  const bool alone = std::all_of(shape.begin() + axis + 1, shape.end(),
                                 [](std::int64_t extent) { return extent == 1; });
  if (!flattens || alone) {
    node.set_output(node.add(Op::softmax, {node.activation(0)}, std::move(attributes)));
    return;
  }
  Attributes flat;
  flat.axis = axis;
  NodeIndex result = node.add_named(node.name() + ".flat", Op::flatten, {node.activation(0)}, flat);
  attributes.axis = 1;
  result = node.add_named(node.name() + ".softmax", Op::softmax, {result}, std::move(attributes));
  Attributes back;
  back.shape = shape;
  node.set_output(node.add(Op::reshape, {result}, std::move(back)));
}

void import_reduce_mean(NodeReader& node) {
  const Shape shape = node.shape(0);
  Attributes attributes;
  attributes.keep_dims = node.integer("keepdims", 1) != 0;
  if (const auto axes = node.integer_list("axes"); axes && !axes->empty()) {
    for (const std::int64_t axis : *axes) {
      attributes.axes.push_back(resolved_axis(axis, shape.size()));
    }
    std::sort(attributes.axes.begin(), attributes.axes.end());
  } else {
    attributes.axes.resize(shape.size());
    std::iota(attributes.axes.begin(), attributes.axes.end(), 0);
  }
  node.set_output(node.add(Op::reduce_mean, {node.activation(0)}, std::move(attributes)));
}

}  // namespace wbs::networks::onnx_io
