#include "kernels/reference_conv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace wbs::kernels {
namespace {

constexpr double kRounding = 0x1p-24;     // of fp32, relative
constexpr double kBf16Rounding = 0x1p-8;  // of bf16, relative
constexpr double kSmallestNormal = 0x1p-126;

struct Place {
  std::int64_t image, channel, y, x;
};

std::size_t index_in(const Shape& shape, const Place& at) {
  return static_cast<std::size_t>(
      ((at.image * shape[1] + at.channel) * shape[2] + at.y) * shape[3] + at.x);
}

/// The value that a kernel computes with.
float as_stored(Element element, float value) {
  return element == Element::bf16 ? from_bf16(to_bf16(value)) : value;
}

struct Sum {
  double value = 0.0;
  double magnitude = 0.0;
  std::int64_t products = 0;  ///< that are not zero
};

Sum sum_at(const ConvLayer& layer, const Tensor& input, const Place& out) {
  const ConvShape& shape = layer.shape;
  const std::int64_t group_in = shape.in_channels / shape.groups;
  const std::int64_t group = out.channel / (shape.out_channels / shape.groups);
  const int zero_point = layer.element == Element::u8 ? layer.input_zero_point : 0;
  Sum sum;
  for (std::int64_t i = 0; i < group_in; ++i) {
    for (std::int64_t ky = 0; ky < shape.kernel[0]; ++ky) {
      for (std::int64_t kx = 0; kx < shape.kernel[1]; ++kx) {
        const Place in{out.image, group * group_in + i,
                       out.y * shape.stride[0] - shape.pad_top + ky * shape.dilation[0],
                       out.x * shape.stride[1] - shape.pad_left + kx * shape.dilation[1]};
        if (in.y < 0 || in.y >= shape.height || in.x < 0 || in.x >= shape.width) continue;
        const float weight =
            layer.weights->values[index_in(layer.weights->shape, {out.channel, i, ky, kx})];
        const float value = input.values[index_in(input.shape, in)];
        const double product = static_cast<double>(as_stored(layer.element, weight)) *
                               (static_cast<double>(as_stored(layer.element, value)) - zero_point);
        sum.value += product;
        sum.magnitude += std::abs(product);
        sum.products += product != 0.0 ? 1 : 0;
      }
    }
  }
  return sum;
}

struct Output {
  float value = 0.0F;
  double bound = 0.0;
};

Output finish(const ConvLayer& layer, const Sum& sum, std::size_t channel, const float* residual) {
  const Epilogue& epilogue = layer.epilogue;
  const float scale = epilogue.scale.empty() ? 1.0F : epilogue.scale[channel];
  const float bias = epilogue.bias.empty() ? 0.0F : epilogue.bias[channel];
  const auto terms = static_cast<double>(sum.products + 2) * kRounding;
  const double start = epilogue.scale.empty() ? std::abs(bias) : 0.0;
  double bound = terms / (1.0 - terms) * (sum.magnitude + start) +
                 static_cast<double>(sum.products) * kSmallestNormal;

  float y = std::fma(static_cast<float>(sum.value), scale, bias);
  bound = bound * std::abs(scale) + 2 * kRounding * std::abs(y);
  if (residual != nullptr) {
    y = std::fma(as_stored(epilogue.output, *residual), epilogue.residual_scale, y);
    bound += 2 * kRounding * std::abs(y);
  }
  y = std::min(std::max(y, epilogue.low), epilogue.high);
  if (layer.element == Element::u8) bound = 0.0;
  switch (epilogue.output) {
    case Element::f32:
      return {y, bound};
    case Element::bf16:
      return {from_bf16(to_bf16(y)), bound + 2 * kBf16Rounding * (std::abs(y) + bound)};
    case Element::u8:
      return {std::clamp(std::nearbyint(y), 0.0F, 255.0F), 0.0};
  }
  return {};
}

void check_shape(const ConvLayer& layer, const char* what, const Shape& shape,
                 const Shape& expected) {
  if (shape == expected) return;
  throw Error(ErrorKind::input, fmt::format("layer {}: the {} is {}, expected {}", layer.name, what,
                                            wbs::to_string(shape), wbs::to_string(expected)));
}

}  // namespace

ReferenceConv reference_conv(const ConvLayer& layer, const Tensor& input, const Tensor* residual) {
  const ConvShape& shape = layer.shape;
  const Shape out_shape{shape.images, shape.out_channels, shape.out_height(), shape.out_width()};
  check_shape(layer, "input", input.shape,
              {shape.images, shape.in_channels, shape.height, shape.width});
  check_shape(layer, "weight tensor", layer.weights->shape, shape.weight_shape());
  WBS_ASSERT((residual != nullptr) == layer.epilogue.residual);
  if (residual != nullptr) check_shape(layer, "residual", residual->shape, out_shape);

  ReferenceConv result{Tensor(out_shape), Tensor(out_shape)};
  for (std::int64_t n = 0; n < shape.images; ++n) {
    for (std::int64_t o = 0; o < shape.out_channels; ++o) {
      for (std::int64_t y = 0; y < shape.out_height(); ++y) {
        for (std::int64_t x = 0; x < shape.out_width(); ++x) {
          const std::size_t at = index_in(out_shape, {n, o, y, x});
          const Output out =
              finish(layer, sum_at(layer, input, {n, o, y, x}), static_cast<std::size_t>(o),
                     residual != nullptr ? &residual->values[at] : nullptr);
          result.output.values[at] = out.value;
          // One fp32 step more, as the bound itself is rounded.
          result.bound.values[at] = static_cast<float>(out.bound * (1.0 + 0x1p-20));
        }
      }
    }
  }
  return result;
}

}  // namespace wbs::kernels
