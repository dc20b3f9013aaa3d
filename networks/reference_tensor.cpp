// Elementwise operators, matrix products, and operators that move or reduce elements.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/error.hpp"
#include "networks/reference_ops.hpp"

namespace wbs::networks::reference {
namespace {

/// Where the elements of an index space lie in a tensor.
struct Layout {
  std::int64_t offset = 0;
  Shape strides;  ///< elements to skip per step of each axis; 0 repeats
};

/// The row-major layout of a whole tensor.
Layout row_major(const Shape& shape) {
  Layout layout{0, Shape(shape.size(), 1)};
  for (std::size_t axis = shape.size(); axis-- > 1;) {
    layout.strides[axis - 1] = layout.strides[axis] * shape[axis];
  }
  return layout;
}

/// The layout of a tensor of `shape` seen with the extents `wide` that it is broadcast to.
Layout broadcast_layout(const Shape& shape, const Shape& wide) {
  const Layout own = row_major(shape);
  Layout layout{0, Shape(wide.size(), 0)};
  const std::size_t added = wide.size() - shape.size();
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] != 1) layout.strides[added + axis] = own.strides[axis];
  }
  return layout;
}

/// Calls visit(offset, offset) with both layouts' positions for every index of `shape`, last axis
/// fastest.
template <typename Visit>
void for_each_index(const Shape& shape, const Layout& first, const Layout& second, Visit visit) {
  Shape index(shape.size(), 0);
  std::int64_t at_first = first.offset;
  std::int64_t at_second = second.offset;
  while (true) {
    visit(at_first, at_second);
    std::size_t axis = shape.size();
    while (axis > 0 && index[axis - 1] + 1 == shape[axis - 1]) {
      --axis;
      at_first -= index[axis] * first.strides[axis];
      at_second -= index[axis] * second.strides[axis];
      index[axis] = 0;
    }
    if (axis == 0) return;
    ++index[axis - 1];
    at_first += first.strides[axis - 1];
    at_second += second.strides[axis - 1];
  }
}

/// Copies the elements of index space `shape` from one layout to the other.
void copy(const Shape& shape, const Tensor& source, const Layout& from, Tensor& target,
          const Layout& to) {
  for_each_index(shape, from, to, [&](std::int64_t read, std::int64_t write) {
    target.values[static_cast<std::size_t>(write)] = source.values[static_cast<std::size_t>(read)];
  });
}

template <typename Function>
Tensor combine(const Node& node, const Tensor& left, const Tensor& right, Function function) {
  Tensor result(node.output_shape);
  float* out = result.values.data();
  const float* l = left.values.data();
  const float* r = right.values.data();
  if (left.shape == right.shape) {  // the usual case, which the compiler can vectorise
    for (std::size_t i = 0; i < result.values.size(); ++i) out[i] = function(l[i], r[i]);
    return result;
  }
  for_each_index(result.shape, broadcast_layout(left.shape, result.shape),
                 broadcast_layout(right.shape, result.shape),
                 [&](std::int64_t at_left, std::int64_t at_right) {
                   *out++ = function(l[at_left], r[at_right]);
                 });
  return result;
}

template <typename Function>
Tensor mapped(Tensor x, Function function) {
  for (float& value : x.values) value = function(value);
  return x;
}

float gelu(float x) {
  return 0.5F * x * (1.0F + std::erf(x * static_cast<float>(1.0 / std::numbers::sqrt2)));
}

std::size_t at(std::int64_t axis) {
  return static_cast<std::size_t>(axis);
}

}  // namespace

Tensor activation(const Node& node, Tensor x) {
  const auto minimum = static_cast<float>(node.attributes.minimum);
  const auto maximum = static_cast<float>(node.attributes.maximum);
  switch (node.op) {
    case Op::relu:
      return mapped(std::move(x), [](float v) { return v < 0.0F ? 0.0F : v; });
    case Op::clip:
      return mapped(std::move(x), [=](float v) { return std::clamp(v, minimum, maximum); });
    case Op::sigmoid:
      return mapped(std::move(x), [](float v) { return 1.0F / (1.0F + std::exp(-v)); });
    case Op::erf:
      return mapped(std::move(x), [](float v) { return std::erf(v); });
    case Op::sqrt:
      return mapped(std::move(x), [](float v) { return std::sqrt(v); });
    case Op::exp:
      return mapped(std::move(x), [](float v) { return std::exp(v); });
    case Op::tanh:
      return mapped(std::move(x), [](float v) { return std::tanh(v); });
    case Op::gelu:
      return mapped(std::move(x), gelu);
    default:
      WBS_ASSERT(!"an activation");
      return x;
  }
}

Tensor elementwise(const Node& node, const Tensor& left, const Tensor& right) {
  switch (node.op) {
    case Op::add:
      return combine(node, left, right, [](float l, float r) { return l + r; });
    case Op::sub:
      return combine(node, left, right, [](float l, float r) { return l - r; });
    case Op::mul:
      return combine(node, left, right, [](float l, float r) { return l * r; });
    case Op::div:
      return combine(node, left, right, [](float l, float r) { return l / r; });
    case Op::pow:
      return combine(node, left, right, [](float l, float r) { return std::pow(l, r); });
    default:
      WBS_ASSERT(!"an elementwise operator");
      return {};
  }
}

Tensor matmul(const Node& node, const Tensor& left, const Tensor& right) {
  Tensor result(node.output_shape);
  const std::size_t rank = result.shape.size();
  const std::int64_t m = result.shape[rank - 2];
  const std::int64_t n = result.shape[rank - 1];
  const std::int64_t k = left.shape.back();
  const Shape batch(result.shape.begin(), result.shape.end() - 2);
  // Layouts over the batch count whole matrices.
  const auto batches = [&](const Shape& shape) {
    return broadcast_layout(Shape(shape.begin(), shape.end() - 2), batch);
  };
  float* out = result.values.data();
  for_each_index(batch, batches(left.shape), batches(right.shape),
                 [&](std::int64_t at_left, std::int64_t at_right) {
                   add_product({left.values.data() + at_left * m * k, m, k, k},
                               {right.values.data() + at_right * k * n, k, n, n}, {out, m, n, n});
                   out += m * n;
                 });
  return result;
}

Tensor concat(const Node& node, const std::vector<const Tensor*>& parts) {
  Tensor result(node.output_shape);
  Layout to = row_major(result.shape);
  const std::size_t axis = at(node.attributes.axis);
  for (const Tensor* part : parts) {
    copy(part->shape, *part, row_major(part->shape), result, to);
    to.offset += part->shape[axis] * to.strides[axis];
  }
  return result;
}

Tensor transpose(const Node& node, const Tensor& x) {
  Tensor result(node.output_shape);
  const Layout own = row_major(x.shape);
  Layout from;
  for (const std::int64_t axis : node.attributes.permutation) {
    from.strides.push_back(own.strides[at(axis)]);
  }
  copy(result.shape, x, from, result, row_major(result.shape));
  return result;
}

Tensor pad(const Node& node, const Tensor& x) {
  Tensor result(node.output_shape);
  Layout to = row_major(result.shape);
  for (std::size_t axis = 0; axis < x.shape.size(); ++axis) {
    to.offset += node.attributes.pads[axis] * to.strides[axis];
  }
  copy(x.shape, x, row_major(x.shape), result, to);
  return result;
}

Tensor slice(const Node& node, const Tensor& x) {
  Tensor result(node.output_shape);
  Layout from = row_major(x.shape);
  const std::size_t axis = at(node.attributes.axis);
  from.offset = node.attributes.begin * from.strides[axis];
  // A step beyond the extent leaves one element and would overflow here.
  from.strides[axis] *= std::min(node.attributes.step, x.shape[axis]);
  copy(result.shape, x, from, result, row_major(result.shape));
  return result;
}

Tensor softmax(const Node& node, Tensor x) {
  const std::size_t axis = at(node.attributes.axis);
  const std::int64_t extent = x.shape[axis];
  const std::int64_t inner = row_major(x.shape).strides[axis];
  const std::int64_t outer = element_count(x.shape) / (extent * inner);
  for (std::int64_t line = 0; line < outer * inner; ++line) {
    float* values = x.values.data() + line / inner * extent * inner + line % inner;
    float largest = values[0];
    for (std::int64_t i = 1; i < extent; ++i) largest = std::max(largest, values[i * inner]);
    double sum = 0.0;
    for (std::int64_t i = 0; i < extent; ++i) {
      values[i * inner] = std::exp(values[i * inner] - largest);
      sum += values[i * inner];
    }
    for (std::int64_t i = 0; i < extent; ++i) {
      values[i * inner] = static_cast<float>(values[i * inner] / sum);
    }
  }
  return x;
}

Tensor reduce_mean(const Node& node, const Tensor& x) {
  Shape kept = x.shape;
  for (const std::int64_t axis : node.attributes.axes) kept[at(axis)] = 1;
  std::vector<double> sums(static_cast<std::size_t>(element_count(kept)), 0.0);
  for_each_index(x.shape, row_major(x.shape), broadcast_layout(kept, x.shape),
                 [&](std::int64_t read, std::int64_t write) {
                   sums[static_cast<std::size_t>(write)] +=
                       x.values[static_cast<std::size_t>(read)];
                 });
  const auto count = static_cast<double>(x.values.size()) / static_cast<double>(sums.size());
  Tensor result(node.output_shape);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    result.values[i] = static_cast<float>(sums[i] / count);
  }
  return result;
}

Tensor layer_norm(const Node& node, Tensor x, const Weights& weights) {
  const std::vector<float>& scale = weights.at(weight_key(node, "scale")).values;
  const std::vector<float>& bias = weights.at(weight_key(node, "bias")).values;
  const std::size_t features = scale.size();
  for (std::size_t first = 0; first < x.values.size(); first += features) {
    float* values = x.values.data() + first;
    double sum = 0.0;
    for (std::size_t i = 0; i < features; ++i) sum += values[i];
    const double mean = sum / static_cast<double>(features);
    double squares = 0.0;
    for (std::size_t i = 0; i < features; ++i) squares += (values[i] - mean) * (values[i] - mean);
    const double variance = squares / static_cast<double>(features);
    const double factor = 1.0 / std::sqrt(variance + node.attributes.epsilon);
    for (std::size_t i = 0; i < features; ++i) {
      values[i] = static_cast<float>((values[i] - mean) * factor) * scale[i] + bias[i];
    }
  }
  return x;
}

}  // namespace wbs::networks::reference
