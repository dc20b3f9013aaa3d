#include "networks/shape_inference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "core/error.hpp"

namespace wbs::networks {
namespace {

std::size_t at(std::int64_t axis) {
  return static_cast<std::size_t>(axis);
}

std::int64_t rank_of(const Shape& shape) {
  return static_cast<std::int64_t>(shape.size());
}

/// One node being inferred: its inputs' shapes and the error that names it.
class NodeContext {
 public:
  NodeContext(const Graph& graph, const Node& node) : graph_(graph), node_(node) {}

  [[nodiscard]] const Node& node() const { return node_; }
  [[nodiscard]] const Attributes& attributes() const { return node_.attributes; }
  [[nodiscard]] const Shape& input(std::size_t index) const {
    return graph_.nodes[node_.inputs[index]].output_shape;
  }
  [[nodiscard]] std::size_t input_count() const { return node_.inputs.size(); }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorKind::input, fmt::format("network '{}': {} '{}': {}", graph_.name,
                                              op_name(node_.op), node_.name, what));
  }
  void require(bool condition, const char* what) const {
    if (!condition) fail(what);
  }
  void require_inputs(std::size_t count) const {
    if (input_count() != count) {
      fail(fmt::format("has {} inputs, expected {}", input_count(), count));
    }
  }
  void require_rank(std::int64_t rank, const char* layout) const {
    if (rank_of(input(0)) != rank) {
      fail(fmt::format("input is {}, expected {}", to_string(input(0)), layout));
    }
  }
  void require_axis(std::int64_t axis) const {
    if (axis < 0 || axis >= rank_of(input(0))) {
      fail(fmt::format("axis {} is outside input {}", axis, to_string(input(0))));
    }
  }
  /// Positive extents within the limits of the IR.
  void require_possible(const Shape& shape, const char* what) const {
    std::int64_t count = 1;
    for (const std::int64_t extent : shape) {
      if (extent < 1 || extent > kMaximumExtent) {
        fail(fmt::format("{} {} has an extent outside 1..2^31", what, to_string(shape)));
      }
      if (__builtin_mul_overflow(count, extent, &count) || count > kMaximumElements) {
        fail(fmt::format("{} {} has more than 2^34 elements", what, to_string(shape)));
      }
    }
  }
  /// The weight shape of `role`, which must exist.
  [[nodiscard]] const Shape& weight(const char* role) const {
    const auto found = node_.weight_shapes.find(role);
    if (found == node_.weight_shapes.end()) fail(fmt::format("has no weight '{}'", role));
    require_possible(found->second, "weight");
    return found->second;
  }
  void require_weight(const char* role, const Shape& expected) const {
    if (const Shape& found = weight(role); found != expected) {
      fail(fmt::format("weight '{}' is {}, expected {}", role, to_string(found),
                       to_string(expected)));
    }
  }
  void require_optional_bias(const Shape& expected) const {
    if (node_.weight_shapes.contains("bias")) require_weight("bias", expected);
  }
  /// No weight besides `roles`: an unknown role would never be read.
  void require_only_weights(std::initializer_list<std::string_view> roles) const {
    for (const auto& [role, shape] : node_.weight_shapes) {
      if (std::find(roles.begin(), roles.end(), role) == roles.end()) {
        fail(fmt::format("has a weight '{}' that this operator does not know", role));
      }
    }
  }

 private:
  const Graph& graph_;
  const Node& node_;
};

void require_window(const NodeContext& context) {
  const Attributes& a = context.attributes();
  const auto sane = [](std::int64_t value) { return value >= 1 && value <= (1 << 20); };
  const auto possible = [](std::int64_t value) { return value >= 0 && value <= (1 << 20); };
  for (std::size_t axis = 0; axis < 2; ++axis) {
    context.require(sane(a.kernel[axis]), "kernel must be in 1..2^20");
    context.require(sane(a.stride[axis]), "stride must be in 1..2^20");
    context.require(sane(a.dilation[axis]), "dilation must be in 1..2^20");
  }
  context.require(possible(a.padding.top) && possible(a.padding.left) &&
                      possible(a.padding.bottom) && possible(a.padding.right),
                  "padding must be in 0..2^20");
}

/// [oh][ow] of a window that slides over the [h][w] of input 0.
std::array<std::int64_t, 2> windows(const NodeContext& context) {
  const Attributes& a = context.attributes();
  const Shape& image = context.input(0);
  const std::array<std::int64_t, 2> count{
      window_count(image[2], a.kernel[0], a.stride[0], a.dilation[0], a.padding.top,
                   a.padding.bottom, a.ceil_mode),
      window_count(image[3], a.kernel[1], a.stride[1], a.dilation[1], a.padding.left,
                   a.padding.right, a.ceil_mode)};
  if (count[0] < 1 || count[1] < 1) {
    context.fail(
        fmt::format("a {}x{} window with dilation {}x{} does not fit into the padded "
                    "input {}",
                    a.kernel[0], a.kernel[1], a.dilation[0], a.dilation[1], to_string(image)));
  }
  return count;
}

Shape conv_shape(const NodeContext& context) {
  const Attributes& a = context.attributes();
  context.require_rank(4, "[n][c][h][w]");
  context.require_only_weights({"weight", "bias"});
  require_window(context);
  context.require(!a.ceil_mode, "a convolution has no ceil mode");
  const Shape& image = context.input(0);
  const Shape& weight = context.weight("weight");
  context.require(weight.size() == 4, "weight must be [cout][cin/groups][kh][kw]");
  if (a.groups < 1 || image[1] % a.groups != 0 || weight[0] % a.groups != 0) {
    context.fail(fmt::format("{} groups do not divide {} input and {} output channels", a.groups,
                             image[1], weight[0]));
  }
  context.require_weight("weight", {weight[0], image[1] / a.groups, a.kernel[0], a.kernel[1]});
  context.require_optional_bias({weight[0]});
  const auto [height, width] = windows(context);
  return {image[0], weight[0], height, width};
}

Shape pool_shape(const NodeContext& context) {
  const Attributes& a = context.attributes();
  context.require_rank(4, "[n][c][h][w]");
  require_window(context);
  context.require(context.node().op == Op::max_pool || (a.dilation[0] == 1 && a.dilation[1] == 1),
                  "an average pool has no dilation");
  // A window that touches padding only would have no value.
  context.require(a.padding.top < a.kernel[0] && a.padding.bottom < a.kernel[0] &&
                      a.padding.left < a.kernel[1] && a.padding.right < a.kernel[1],
                  "padding must be smaller than the kernel");
  const auto [height, width] = windows(context);
  return {context.input(0)[0], context.input(0)[1], height, width};
}

Shape linear_shape(const NodeContext& context) {
  context.require_only_weights({"weight", "bias"});
  Shape result = context.input(0);
  context.require(!result.empty(), "input is a scalar, expected [...][features]");
  const Shape& weight = context.weight("weight");
  context.require(weight.size() == 2, "weight must be [out][in]");
  context.require_weight("weight", {weight[0], result.back()});
  context.require_optional_bias({weight[0]});
  result.back() = weight[0];
  return result;
}

Shape batch_norm_shape(const NodeContext& context) {
  context.require_only_weights({"scale", "bias", "mean", "variance"});
  const Shape& image = context.input(0);
  if (image.size() < 2) {
    context.fail(fmt::format("input is {}, expected [n][c]...", to_string(image)));
  }
  for (const char* role : {"scale", "bias", "mean", "variance"}) {
    context.require_weight(role, {image[1]});
  }
  context.require(context.attributes().epsilon >= 0.0, "epsilon must not be negative");
  return image;
}

Shape layer_norm_shape(const NodeContext& context) {
  context.require_only_weights({"scale", "bias"});
  const Shape& image = context.input(0);
  context.require(!image.empty(), "input is a scalar, expected [...][features]");
  context.require_weight("scale", {image.back()});
  context.require_weight("bias", {image.back()});
  context.require(context.attributes().epsilon >= 0.0, "epsilon must not be negative");
  return image;
}

Shape broadcast_shape(const NodeContext& context) {
  const std::optional<Shape> result = broadcast_shapes(context.input(0), context.input(1));
  if (!result) {
    context.fail(fmt::format("operands {} and {} cannot be broadcast", to_string(context.input(0)),
                             to_string(context.input(1))));
  }
  return *result;
}

Shape matmul_shape(const NodeContext& context) {
  const Shape& left = context.input(0);
  const Shape& right = context.input(1);
  if (left.size() < 2 || right.size() < 2 || left.back() != right[right.size() - 2]) {
    context.fail(fmt::format("operands are {} and {}, expected [...][m][k] and [...][k][n]",
                             to_string(left), to_string(right)));
  }
  const std::optional<Shape> batch =
      broadcast_shapes(Shape(left.begin(), left.end() - 2), Shape(right.begin(), right.end() - 2));
  if (!batch) {
    context.fail(
        fmt::format("batches of {} and {} cannot be broadcast", to_string(left), to_string(right)));
  }
  Shape result = *batch;
  result.push_back(left[left.size() - 2]);
  result.push_back(right.back());
  return result;
}

Shape concat_shape(const NodeContext& context) {
  const std::int64_t axis = context.attributes().axis;
  context.require(context.input_count() >= 1, "has no inputs, expected at least one");
  context.require_axis(axis);
  Shape result = context.input(0);
  for (std::size_t part = 1; part < context.input_count(); ++part) {
    Shape other = context.input(part);
    const std::int64_t extent = axis < rank_of(other) ? other[at(axis)] : 0;
    if (other.size() == result.size()) other[at(axis)] = result[at(axis)];
    if (other != result) {
      context.fail(fmt::format("input {} is {}, expected {} apart from axis {}", part,
                               to_string(context.input(part)), to_string(result), axis));
    }
    result[at(axis)] += extent;
    context.require_possible(result, "output");
  }
  return result;
}

Shape flatten_shape(const NodeContext& context) {
  const Shape& image = context.input(0);
  const std::int64_t axis = context.attributes().axis;
  if (axis < 0 || axis > rank_of(image)) {
    context.fail(fmt::format("axis {} is outside input {}", axis, to_string(image)));
  }
  const auto middle = image.begin() + static_cast<std::ptrdiff_t>(axis);
  return {element_count(Shape(image.begin(), middle)), element_count(Shape(middle, image.end()))};
}

Shape reshape_shape(const NodeContext& context) {
  const Shape& image = context.input(0);
  Shape result = context.attributes().shape;
  const auto impossible = [&] {
    context.fail(fmt::format("input {} cannot become {}", to_string(image),
                             to_string(context.attributes().shape)));
  };
  std::optional<std::size_t> inferred;
  std::int64_t known = 1;
  for (std::size_t axis = 0; axis < result.size(); ++axis) {
    if (result[axis] == -1) {
      context.require(!inferred.has_value(), "more than one extent is -1");
      inferred = axis;
      continue;
    }
    if (result[axis] == 0) {
      context.require(axis < image.size(), "an extent 0 (keep) has no counterpart in the input");
      result[axis] = image[axis];
    }
    if (result[axis] < 1 || __builtin_mul_overflow(known, result[axis], &known)) impossible();
  }
  const std::int64_t count = element_count(image);
  if (inferred) {
    if (count % known != 0) impossible();
    result[*inferred] = count / known;
  } else if (count != known) {
    impossible();
  }
  return result;
}

Shape transpose_shape(const NodeContext& context) {
  const Shape& image = context.input(0);
  const std::vector<std::int64_t>& order = context.attributes().permutation;
  std::vector<std::int64_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  bool valid = order.size() == image.size();
  for (std::size_t axis = 0; valid && axis < sorted.size(); ++axis) {
    valid = sorted[axis] == static_cast<std::int64_t>(axis);
  }
  if (!valid) {
    context.fail(fmt::format("permutation must list each of the {} axes of {} once", image.size(),
                             to_string(image)));
  }
  Shape result;
  for (const std::int64_t axis : order) result.push_back(image[at(axis)]);
  return result;
}

Shape reduce_mean_shape(const NodeContext& context) {
  const Shape& image = context.input(0);
  std::vector<bool> reduced(image.size(), false);
  context.require(!context.attributes().axes.empty(), "axes are empty");
  for (const std::int64_t axis : context.attributes().axes) {
    context.require_axis(axis);
    context.require(!reduced[at(axis)], "an axis is listed twice");
    reduced[at(axis)] = true;
  }
  Shape result;
  for (std::size_t axis = 0; axis < image.size(); ++axis) {
    if (!reduced[axis]) {
      result.push_back(image[axis]);
    } else if (context.attributes().keep_dims) {
      result.push_back(1);
    }
  }
  return result;
}

Shape pad_shape(const NodeContext& context) {
  Shape result = context.input(0);
  const std::vector<std::int64_t>& pads = context.attributes().pads;
  if (pads.size() != 2 * result.size()) {
    context.fail(fmt::format("has {} pads, expected a begin and an end for each axis of {}",
                             pads.size(), to_string(result)));
  }
  for (std::size_t axis = 0; axis < result.size(); ++axis) {
    const std::int64_t before = pads[axis];
    const std::int64_t after = pads[axis + result.size()];
    context.require(
        before >= 0 && after >= 0 && before <= kMaximumExtent && after <= kMaximumExtent,
        "pads must be in 0..2^31");
    result[axis] += before + after;
  }
  return result;
}

Shape slice_shape(const NodeContext& context) {
  const Attributes& a = context.attributes();
  context.require_axis(a.axis);
  Shape result = context.input(0);
  const std::int64_t end = std::min(a.end, result[at(a.axis)]);
  if (a.step < 1 || a.begin < 0 || a.begin >= end) {
    context.fail(fmt::format("[{}, {}) with step {} selects nothing of axis {} of {}", a.begin,
                             a.end, a.step, a.axis, to_string(result)));
  }
  result[at(a.axis)] = (end - a.begin - 1) / a.step + 1;
  return result;
}

Shape constant_shape(const NodeContext& context) {
  context.require_only_weights({"value"});
  if (context.node().weight_shapes.empty()) return {};
  return context.weight("value");
}

/// Operators whose output has the shape of their only input.
Shape elementwise_shape(const NodeContext& context) {
  const Attributes& a = context.attributes();
  if (context.node().op == Op::clip) {
    context.require(a.minimum <= a.maximum, "minimum must not be above maximum");
  }
  if (context.node().op == Op::softmax) context.require_axis(a.axis);
  return context.input(0);
}

bool may_have_weights(Op op) {
  return op == Op::conv || op == Op::linear || op == Op::batch_norm || op == Op::layer_norm ||
         op == Op::constant;
}

std::size_t expected_inputs(const Node& node) {
  switch (node.op) {
    case Op::input:
    case Op::constant:
      return 0;
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::div:
    case Op::pow:
    case Op::matmul:
      return 2;
    case Op::concat:
      return node.inputs.size();
    default:
      return 1;
  }
}

Shape shape_of(const NodeContext& context) {
  switch (context.node().op) {
    case Op::input:
      return context.attributes().shape;
    case Op::conv:
      return conv_shape(context);
    case Op::linear:
      return linear_shape(context);
    case Op::batch_norm:
      return batch_norm_shape(context);
    case Op::layer_norm:
      return layer_norm_shape(context);
    case Op::max_pool:
    case Op::avg_pool:
      return pool_shape(context);
    case Op::global_avg_pool:
      context.require_rank(4, "[n][c][h][w]");
      return {context.input(0)[0], context.input(0)[1], 1, 1};
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::div:
    case Op::pow:
      return broadcast_shape(context);
    case Op::matmul:
      return matmul_shape(context);
    case Op::concat:
      return concat_shape(context);
    case Op::flatten:
      return flatten_shape(context);
    case Op::reshape:
      return reshape_shape(context);
    case Op::transpose:
      return transpose_shape(context);
    case Op::reduce_mean:
      return reduce_mean_shape(context);
    case Op::pad:
      return pad_shape(context);
    case Op::slice:
      return slice_shape(context);
    case Op::constant:
      return constant_shape(context);
    case Op::relu:
    case Op::clip:
    case Op::sigmoid:
    case Op::erf:
    case Op::sqrt:
    case Op::exp:
    case Op::tanh:
    case Op::softmax:
    case Op::gelu:
    case Op::identity:
    case Op::dropout:
      return elementwise_shape(context);
  }
  context.fail("is no operator of this version");
}

}  // namespace

std::int64_t window_count(std::int64_t extent, std::int64_t kernel, std::int64_t stride,
                          std::int64_t dilation, std::int64_t before, std::int64_t after,
                          bool ceil_mode) noexcept {
  const std::int64_t room = extent + before + after - (dilation * (kernel - 1) + 1);
  if (room < 0) return 0;
  std::int64_t count = room / stride + 1;
  if (ceil_mode && room % stride != 0 && count * stride < extent + before) ++count;
  return count;
}

std::optional<Shape> broadcast_shapes(const Shape& left, const Shape& right) {
  Shape result(std::max(left.size(), right.size()), 1);
  for (std::size_t from_end = 1; from_end <= result.size(); ++from_end) {
    const std::int64_t l = from_end <= left.size() ? left[left.size() - from_end] : 1;
    const std::int64_t r = from_end <= right.size() ? right[right.size() - from_end] : 1;
    if (l != r && l != 1 && r != 1) return std::nullopt;
    result[result.size() - from_end] = l == 1 ? r : l;
  }
  return result;
}

Shape output_shape_of(const Graph& graph, const Node& node) {
  const NodeContext context(graph, node);
  for (const NodeIndex input : node.inputs) {
    if (input >= graph.nodes.size()) {
      context.fail(fmt::format("reads node {}, which does not come before it", input));
    }
  }
  context.require_inputs(expected_inputs(node));
  if (!may_have_weights(node.op)) context.require_only_weights({});
  Shape result = shape_of(context);
  context.require_possible(result, "output");
  return result;
}

void infer_shapes(Graph& graph) {
  check_structure(graph);
  for (Node& node : graph.nodes) node.output_shape = output_shape_of(graph, node);
}

void infer_shapes(Graph& graph, const Shape& input) {
  check_structure(graph);
  graph.nodes[0].attributes.shape = input;
  infer_shapes(graph);
}

}  // namespace wbs::networks
