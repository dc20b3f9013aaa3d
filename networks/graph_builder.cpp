#include "networks/graph_builder.hpp"

#include <fmt/format.h>

#include <utility>

#include "core/error.hpp"
#include "networks/shape_inference.hpp"

namespace wbs::networks {
namespace {

Node make_node(Op op, std::string name, std::vector<NodeIndex> inputs) {
  Node node;
  node.name = std::move(name);
  node.op = op;
  node.inputs = std::move(inputs);
  return node;
}

}  // namespace

GraphBuilder::GraphBuilder(std::string graph_name, const Shape& input, std::string input_name) {
  graph_.name = std::move(graph_name);
  Node node = make_node(Op::input, std::move(input_name), {});
  node.attributes.shape = input;
  add(std::move(node));
}

std::string GraphBuilder::unique_name(std::string_view wanted) const {
  std::string name(wanted);
  for (int suffix = 1; names_.contains(name); ++suffix) name = fmt::format("{}_{}", wanted, suffix);
  return name;
}

NodeIndex GraphBuilder::add(Node node) {
  if (node.name.empty()) {
    throw Error(ErrorKind::input,
                fmt::format("network '{}': a {} node has no name", graph_.name, op_name(node.op)));
  }
  if (node.op == Op::input && !graph_.nodes.empty()) {
    throw Error(ErrorKind::input,
                fmt::format("network '{}': '{}' is a second input; one is expected", graph_.name,
                            node.name));
  }
  node.output_shape = output_shape_of(graph_, node);
  if (!names_.insert(node.name).second) {
    throw Error(ErrorKind::input,
                fmt::format("network '{}': two nodes are called '{}'; names must be unique",
                            graph_.name, node.name));
  }
  graph_.nodes.push_back(std::move(node));
  return graph_.nodes.size() - 1;
}

NodeIndex GraphBuilder::conv(std::string name, NodeIndex x, const ConvOptions& options) {
  Node node = make_node(Op::conv, std::move(name), {x});
  node.attributes.kernel = options.kernel;
  node.attributes.stride = options.stride;
  node.attributes.dilation = options.dilation;
  node.attributes.padding = options.padding;
  node.attributes.groups = options.groups;
  const Shape& image = shape(x);
  const std::int64_t channels_in = image.size() == 4 ? image[1] : 1;
  const std::int64_t per_group = options.groups > 0 ? channels_in / options.groups : channels_in;
  node.weight_shapes["weight"] = {options.channels, per_group, options.kernel[0],
                                  options.kernel[1]};
  if (options.bias) node.weight_shapes["bias"] = {options.channels};
  return add(std::move(node));
}

NodeIndex GraphBuilder::linear(std::string name, NodeIndex x, std::int64_t features, bool bias) {
  Node node = make_node(Op::linear, std::move(name), {x});
  const Shape& image = shape(x);
  node.weight_shapes["weight"] = {features, image.empty() ? 1 : image.back()};
  if (bias) node.weight_shapes["bias"] = {features};
  return add(std::move(node));
}

NodeIndex GraphBuilder::batch_norm(std::string name, NodeIndex x, double epsilon) {
  Node node = make_node(Op::batch_norm, std::move(name), {x});
  node.attributes.epsilon = epsilon;
  const Shape& image = shape(x);
  for (const char* role : {"scale", "bias", "mean", "variance"}) {
    node.weight_shapes[role] = {image.size() < 2 ? 1 : image[1]};
  }
  return add(std::move(node));
}

NodeIndex GraphBuilder::layer_norm(std::string name, NodeIndex x, double epsilon) {
  Node node = make_node(Op::layer_norm, std::move(name), {x});
  node.attributes.epsilon = epsilon;
  const Shape& image = shape(x);
  for (const char* role : {"scale", "bias"}) {
    node.weight_shapes[role] = {image.empty() ? 1 : image.back()};
  }
  return add(std::move(node));
}

namespace {

Node make_pool(Op op, std::string name, NodeIndex x, const PoolOptions& options) {
  Node node = make_node(op, std::move(name), {x});
  node.attributes.kernel = options.kernel;
  node.attributes.stride = options.stride;
  node.attributes.padding = options.padding;
  node.attributes.ceil_mode = options.ceil_mode;
  node.attributes.count_include_pad = options.count_include_pad;
  return node;
}

}  // namespace

NodeIndex GraphBuilder::max_pool(std::string name, NodeIndex x, const PoolOptions& options) {
  return add(make_pool(Op::max_pool, std::move(name), x, options));
}

NodeIndex GraphBuilder::avg_pool(std::string name, NodeIndex x, const PoolOptions& options) {
  return add(make_pool(Op::avg_pool, std::move(name), x, options));
}

NodeIndex GraphBuilder::unary(Op op, std::string name, NodeIndex x) {
  return add(make_node(op, std::move(name), {x}));
}

NodeIndex GraphBuilder::binary(Op op, std::string name, NodeIndex left, NodeIndex right) {
  return add(make_node(op, std::move(name), {left, right}));
}

NodeIndex GraphBuilder::clip(std::string name, NodeIndex x, double minimum, double maximum) {
  Node node = make_node(Op::clip, std::move(name), {x});
  node.attributes.minimum = minimum;
  node.attributes.maximum = maximum;
  return add(std::move(node));
}

NodeIndex GraphBuilder::concat(std::string name, std::vector<NodeIndex> parts, std::int64_t axis) {
  Node node = make_node(Op::concat, std::move(name), std::move(parts));
  node.attributes.axis = axis;
  return add(std::move(node));
}

NodeIndex GraphBuilder::flatten(std::string name, NodeIndex x, std::int64_t axis) {
  Node node = make_node(Op::flatten, std::move(name), {x});
  node.attributes.axis = axis;
  return add(std::move(node));
}

NodeIndex GraphBuilder::reshape(std::string name, NodeIndex x, std::vector<std::int64_t> shape) {
  Node node = make_node(Op::reshape, std::move(name), {x});
  node.attributes.shape = std::move(shape);
  return add(std::move(node));
}

NodeIndex GraphBuilder::transpose(std::string name, NodeIndex x,
                                  std::vector<std::int64_t> permutation) {
  Node node = make_node(Op::transpose, std::move(name), {x});
  node.attributes.permutation = std::move(permutation);
  return add(std::move(node));
}

NodeIndex GraphBuilder::softmax(std::string name, NodeIndex x, std::int64_t axis) {
  Node node = make_node(Op::softmax, std::move(name), {x});
  node.attributes.axis = axis;
  return add(std::move(node));
}

NodeIndex GraphBuilder::reduce_mean(std::string name, NodeIndex x, std::vector<std::int64_t> axes,
                                    bool keep_dims) {
  Node node = make_node(Op::reduce_mean, std::move(name), {x});
  node.attributes.axes = std::move(axes);
  node.attributes.keep_dims = keep_dims;
  return add(std::move(node));
}

NodeIndex GraphBuilder::pad(std::string name, NodeIndex x, std::vector<std::int64_t> pads) {
  Node node = make_node(Op::pad, std::move(name), {x});
  node.attributes.pads = std::move(pads);
  return add(std::move(node));
}

NodeIndex GraphBuilder::slice(std::string name, NodeIndex x, const SliceOptions& options) {
  Node node = make_node(Op::slice, std::move(name), {x});
  node.attributes.axis = options.axis;
  node.attributes.begin = options.begin;
  node.attributes.end = options.end;
  node.attributes.step = options.step;
  return add(std::move(node));
}

NodeIndex GraphBuilder::constant(std::string name, double value) {
  Node node = make_node(Op::constant, std::move(name), {});
  node.attributes.value = value;
  return add(std::move(node));
}

NodeIndex GraphBuilder::constant_tensor(std::string name, const Shape& tensor_shape, bool learned) {
  Node node = make_node(Op::constant, std::move(name), {});
  node.weight_shapes["value"] = tensor_shape;
  node.attributes.learned = learned;
  return add(std::move(node));
}

Graph GraphBuilder::finish(NodeIndex output) && {
  graph_.output = output;
  check_structure(graph_);
  names_.clear();
  return std::move(graph_);
}

}  // namespace wbs::networks
