// Convolution and pooling.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/error.hpp"
#include "networks/onnx/model_reader.hpp"
#include "networks/onnx/operators.hpp"

namespace wbs::networks::onnx_io {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();

void require_image(const Shape& shape) {
  if (shape.size() == 4) return;
  throw Error(
      ErrorKind::unsupported,
      fmt::format("the input is {}; images of 4 dimensions are supported", to_string(shape)));
}

/// The pair of positive numbers in attribute `name`; `absent` when the file does not say.
std::array<std::int64_t, 2> pair(const NodeReader& node, std::string_view name,
                                 std::array<std::int64_t, 2> absent) {
  const auto list = node.integer_list(name);
  if (!list) return absent;
  if (list->size() != 2 || std::any_of(list->begin(), list->end(), [](std::int64_t value) {
        return value < 1 || value > kLargest;
      })) {
    throw Error(ErrorKind::input, fmt::format("attribute '{}' must hold two positive numbers, has "
                                              "{}",
                                              name, to_string(*list)));
  }
  return {(*list)[0], (*list)[1]};
}

/// Total padding that makes the output ceil(extent / stride) long.
std::int64_t same_padding_total(std::int64_t extent, std::int64_t stride, std::int64_t span) {
  const std::int64_t outputs = (extent + stride - 1) / stride;
  return std::max<std::int64_t>((outputs - 1) * stride + span - extent, 0);
}

/// The padding that `auto_pad` or `pads` asks for; kernel, stride and dilation are in `window`.
Padding padding_of(const NodeReader& node, const Attributes& window, const Shape& image) {
  const std::string mode = node.text("auto_pad", "NOTSET");
  const auto list = node.integer_list("pads");
  if (mode == "VALID") return {};
  if (mode == "NOTSET") {
    if (!list) return {};
    if (list->size() != 4 || std::any_of(list->begin(), list->end(), [](std::int64_t value) {
          return value < 0 || value > kLargest;
        })) {
      throw Error(ErrorKind::input, fmt::format("attribute 'pads' must hold four numbers from 0 "
                                                "on, has {}",
                                                to_string(*list)));
    }
    return {(*list)[0], (*list)[1], (*list)[2], (*list)[3]};
  }
  const bool upper = mode == "SAME_UPPER";
  if (!upper && mode != "SAME_LOWER") {
    throw Error(ErrorKind::input, fmt::format("attribute 'auto_pad' is {}; NOTSET, VALID, "
                                              "SAME_UPPER and SAME_LOWER exist",
                                              in_quotes(mode)));
  }
  std::array<std::int64_t, 2> before{};
  std::array<std::int64_t, 2> after{};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t span = (window.kernel[i] - 1) * window.dilation[i] + 1;
    const std::int64_t total = same_padding_total(image[2 + i], window.stride[i], span);
    before[i] = upper ? total / 2 : total - total / 2;
    after[i] = total - before[i];
  }
  return {before[0], before[1], after[0], after[1]};
}

}  // namespace

void import_conv(NodeReader& node) {
  const Shape image = node.shape(0);
  require_image(image);
  Tensor weight = node.weight(1, "weight");
  if (weight.shape.size() != 4) {
    throw Error(ErrorKind::unsupported, fmt::format("the weight is {}; two-dimensional "
                                                    "convolutions are supported",
                                                    to_string(weight.shape)));
  }
  Attributes attributes;
  const std::array<std::int64_t, 2> kernel{weight.shape[2], weight.shape[3]};
  attributes.kernel = pair(node, "kernel_shape", kernel);
  if (attributes.kernel != kernel) {
    throw Error(ErrorKind::input,
                fmt::format("attribute 'kernel_shape' is {}x{}, but the weight "
                            "is {}",
                            attributes.kernel[0], attributes.kernel[1], to_string(weight.shape)));
  }
  attributes.stride = pair(node, "strides", {1, 1});
  attributes.dilation = pair(node, "dilations", {1, 1});
  attributes.padding = padding_of(node, attributes, image);
  attributes.groups = node.integer("group", 1);
  std::map<std::string, Tensor> tensors;
  tensors.emplace("weight", std::move(weight));
  if (node.has_input(2)) tensors.emplace("bias", node.weight(2, "bias"));
  node.set_output(node.add_named(node.parameter_name(), Op::conv, {node.activation(0)},
                                 std::move(attributes), std::move(tensors)));
}

void import_pool(NodeReader& node) {
  const Shape image = node.shape(0);
  require_image(image);
  const bool is_max = node.op() == "MaxPool";
  if (!node.has_attribute("kernel_shape")) {
    throw Error(ErrorKind::input, "attribute 'kernel_shape' is missing");
  }
  Attributes attributes;
  attributes.kernel = pair(node, "kernel_shape", {1, 1});
  attributes.stride = pair(node, "strides", {1, 1});
  attributes.dilation = pair(node, "dilations", {1, 1});
  attributes.padding = padding_of(node, attributes, image);
  attributes.ceil_mode = node.integer("ceil_mode", 0) != 0;
  if (!is_max) attributes.count_include_pad = node.integer("count_include_pad", 0) != 0;
  node.require_outputs(1);
  node.set_output(
      node.add(is_max ? Op::max_pool : Op::avg_pool, {node.activation(0)}, std::move(attributes)));
}

void import_global_average_pool(NodeReader& node) {
  require_image(node.shape(0));
  node.set_output(node.add(Op::global_avg_pool, {node.activation(0)}));
}

}  // namespace wbs::networks::onnx_io
