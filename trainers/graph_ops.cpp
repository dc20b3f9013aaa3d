#include "trainers/graph_ops.hpp"

#include <fmt/format.h>
#include <torch/torch.h>

#include <limits>

#include "core/error.hpp"

namespace wbs::trainers {
namespace {

using networks::Attributes;
using networks::Node;
using networks::Op;
using torch::Tensor;

bool lopsided(const Attributes& a) {
  return a.padding.top != a.padding.bottom || a.padding.left != a.padding.right;
}

/// Padding of both sides of rows and of columns, after padded().
std::array<std::int64_t, 2> even_padding(const Attributes& a) {
  if (lopsided(a)) return {0, 0};
  return {a.padding.top, a.padding.left};
}

/// Throws for pools that LibTorch cannot express.
void check_pool(const Node& node) {
  const Attributes& a = node.attributes;
  const auto refuse = [&](const char* what) {
    throw Error(ErrorKind::unsupported,
                fmt::format("'{}': training has no {} {}", node.name, op_name(node.op), what));
  };
  if (a.ceil_mode && lopsided(a)) refuse("in ceil mode with uneven padding");
  const std::array<std::int64_t, 2> padding = even_padding(a);
  if (padding[0] * 2 > a.kernel[0] || padding[1] * 2 > a.kernel[1]) {
    refuse("padded by more than half its kernel");
  }
}

Tensor max_pool(const Node& node, const Tensor& x) {
  const Attributes& a = node.attributes;
  check_pool(node);
  const Tensor image = padded(node, x, -std::numeric_limits<double>::infinity());
  return at::max_pool2d(image, a.kernel, a.stride, even_padding(a), a.dilation, a.ceil_mode);
}

Tensor avg_pool(const Node& node, const Tensor& x) {
  const Attributes& a = node.attributes;
  check_pool(node);
  if (!lopsided(a)) {
    return at::avg_pool2d(x, a.kernel, a.stride, even_padding(a), a.ceil_mode, a.count_include_pad);
  }
  const Tensor image = padded(node, x);
  if (a.count_include_pad) return at::avg_pool2d(image, a.kernel, a.stride);
  const Tensor counted = padded(node, torch::ones_like(x.detach()));
  return at::avg_pool2d(image, a.kernel, a.stride) / at::avg_pool2d(counted, a.kernel, a.stride);
}

Tensor pad(const Node& node, const Tensor& x) {
  const std::vector<std::int64_t>& pads = node.attributes.pads;
  const std::size_t rank = pads.size() / 2;
  std::vector<std::int64_t> last_axis_first;
  for (std::size_t axis = rank; axis-- > 0;) {
    last_axis_first.push_back(pads[axis]);
    last_axis_first.push_back(pads[rank + axis]);
  }
  return at::constant_pad_nd(x, last_axis_first, 0);
}

Tensor activation(const Node& node, const Tensor& x, bool in_place) {
  switch (node.op) {
    case Op::relu: {
      if (!in_place) return at::relu(x);
      Tensor same = x;
      return at::relu_(same);
    }
    case Op::clip:
      return at::clamp(x, node.attributes.minimum, node.attributes.maximum);
    case Op::sigmoid:
      return at::sigmoid(x);
    case Op::erf:
      return at::erf(x);
    case Op::sqrt:
      return at::sqrt(x);
    case Op::exp:
      return at::exp(x);
    case Op::tanh:
      return at::tanh(x);
    default:
      return at::gelu(x);
  }
}

Tensor elementwise(const Node& node, const Tensor& left, const Tensor& right) {
  switch (node.op) {
    case Op::add:
      return left + right;
    case Op::sub:
      return left - right;
    case Op::mul:
      return left * right;
    case Op::div:
      return left / right;
    case Op::pow:
      return at::pow(left, right);
    default:
      return at::matmul(left, right.to(left.scalar_type()));
  }
}

/// Operators that move or reduce elements.
Tensor moved(const Node& node, std::span<const Tensor> inputs, const Shape& output_shape) {
  const Attributes& a = node.attributes;
  const Tensor& x = inputs[0];
  switch (node.op) {
    case Op::concat:
      return at::cat(std::vector<Tensor>(inputs.begin(), inputs.end()), a.axis);
    case Op::flatten:
    case Op::reshape:
      return x.reshape(output_shape);
    case Op::transpose:
      return x.permute(a.permutation);
    case Op::softmax:
      return at::softmax(x, a.axis);
    case Op::reduce_mean:
      return at::mean(x, a.axes, a.keep_dims);
    case Op::pad:
      return pad(node, x);
    case Op::slice:
      return at::slice(x, a.axis, a.begin, a.end, a.step);
    case Op::global_avg_pool:
      return at::mean(x, {2, 3}, /*keepdim=*/true);
    default:
      return x;
  }
}

}  // namespace

ProductShape product_shape(const Node& node) {
  ProductShape shape;
  shape.linear = node.op == Op::linear;
  shape.stride = node.attributes.stride;
  shape.padding = even_padding(node.attributes);
  shape.dilation = node.attributes.dilation;
  shape.groups = node.attributes.groups;
  return shape;
}

Tensor padded(const Node& node, const Tensor& x, double value) {
  const networks::Padding& p = node.attributes.padding;
  if (node.op == Op::linear || !lopsided(node.attributes)) return x;
  return at::constant_pad_nd(x, {p.left, p.right, p.top, p.bottom}, value);
}

Tensor evaluate(const Node& node, std::span<const Tensor> inputs, const Shape& output_shape,
                bool in_place) {
  switch (node.op) {
    case Op::relu:
    case Op::clip:
    case Op::sigmoid:
    case Op::erf:
    case Op::sqrt:
    case Op::exp:
    case Op::tanh:
    case Op::gelu:
      return activation(node, inputs[0], in_place);
    case Op::max_pool:
      return max_pool(node, inputs[0]);
    case Op::avg_pool:
      return avg_pool(node, inputs[0]);
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::div:
    case Op::pow:
    case Op::matmul:
      return elementwise(node, inputs[0], inputs[1]);
    case Op::concat:
    case Op::flatten:
    case Op::reshape:
    case Op::transpose:
    case Op::softmax:
    case Op::reduce_mean:
    case Op::pad:
    case Op::slice:
    case Op::global_avg_pool:
    case Op::identity:
      return moved(node, inputs, output_shape);
    default:
      throw Error(ErrorKind::unsupported,
                  fmt::format("'{}': training has no operator '{}'", node.name, op_name(node.op)));
  }
}

}  // namespace wbs::trainers
