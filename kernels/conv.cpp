#include "kernels/conv.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/algorithm.hpp"
#include "kernels/conv_kernel.hpp"
#include "kernels/pack.hpp"
#include "kernels/reload.hpp"

namespace wbs::kernels {
namespace {

std::int64_t out_extent(std::int64_t in, std::int64_t pads, std::int64_t kernel,
                        std::int64_t dilation, std::int64_t stride) noexcept {
  return (in + pads - dilation * (kernel - 1) - 1) / stride + 1;
}

void check_shape(const ConvLayer& layer) {
  const ConvShape& shape = layer.shape;
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorKind::input, fmt::format("layer {}: {}", layer.name, what));
  };
  if (shape.images < 1 || shape.in_channels < 1 || shape.out_channels < 1 || shape.height < 1 ||
      shape.width < 1) {
    fail("images, channels, height and width must be positive");
  }
  for (const auto& pair : {shape.kernel, shape.stride, shape.dilation}) {
    if (pair[0] < 1 || pair[1] < 1) fail("kernel, stride and dilation must be positive");
  }
  if (std::min({shape.pad_top, shape.pad_left, shape.pad_bottom, shape.pad_right}) < 0) {
    fail("paddings must not be negative");
  }
  if (shape.groups < 1 || shape.in_channels % shape.groups != 0 ||
      shape.out_channels % shape.groups != 0) {
    fail(fmt::format("{} groups do not divide {} input and {} output channels", shape.groups,
                     shape.in_channels, shape.out_channels));
  }
  if (shape.out_height() < 1 || shape.out_width() < 1) {
    fail(fmt::format("a {}x{} image is too small for the kernel", shape.height, shape.width));
  }
  const auto channels = static_cast<std::size_t>(shape.out_channels);
  const Epilogue& epilogue = layer.epilogue;
  if ((!epilogue.scale.empty() && epilogue.scale.size() != channels) ||
      (!epilogue.bias.empty() && epilogue.bias.size() != channels)) {
    fail(fmt::format("scale and bias must have {} values", channels));
  }
  if (epilogue.output != Element::f32 && epilogue.output != layer.element) {
    fail(fmt::format("output of {} from {} is not possible", to_string(epilogue.output),
                     to_string(layer.element)));
  }
}

std::unique_ptr<ConvKernel> make_kernel(const ConvLayer& layer, const ConvOptions& options) {
  WBS_ASSERT(layer.weights != nullptr);
  check_shape(layer);
  check_weights(layer);
  check_reload_sources(layer, options.reload_sources);
  const Implementation& implementation = *value_or_throw(
      choose_implementation(layer.element, options.force_impl), ErrorKind::unsupported);
  const std::string_view algorithm =
      options.algorithm == "auto" ? best_algorithm(layer, implementation) : options.algorithm;
  if (algorithm.empty() || algorithm == "direct") {
    return make_direct_conv(layer, implementation, options);
  }
  if (algorithm == "winograd2" || algorithm == "winograd4") {
    return make_winograd_conv(layer, implementation, algorithm == "winograd2" ? 2 : 4, options);
  }
  throw Error(
      ErrorKind::unsupported,
      fmt::format("layer {}: no algorithm '{}'; there are direct, winograd2, winograd4, auto",
                  layer.name, algorithm));
}

}  // namespace

std::int64_t ConvShape::out_height() const noexcept {
  return out_extent(height, pad_top + pad_bottom, kernel[0], dilation[0], stride[0]);
}

std::int64_t ConvShape::out_width() const noexcept {
  return out_extent(width, pad_left + pad_right, kernel[1], dilation[1], stride[1]);
}

std::int64_t ConvShape::macs() const noexcept {
  return images * out_height() * out_width() * out_channels * (in_channels / groups) * taps();
}

Shape ConvShape::weight_shape() const {
  return {out_channels, in_channels / groups, kernel[0], kernel[1]};
}

ConvKernel::ConvKernel(const ConvLayer& layer, const Implementation& implementation)
    : input_(planes_of(layer.element, layer.shape.images, layer.shape.in_channels,
                       layer.shape.height, layer.shape.width, layer.input_zero_point)),
      output_(
          planes_of(layer.epilogue.output, layer.shape.images, layer.shape.out_channels,
                    layer.shape.out_height(), layer.shape.out_width(),
                    layer.epilogue.output == Element::u8 ? layer.epilogue.output_zero_point : 0)),
      implementation_(implementation.name) {}

ConvPlan::ConvPlan(const ConvLayer& layer, const ConvOptions& options)
    : kernel_(make_kernel(layer, options)) {}
ConvPlan::~ConvPlan() = default;
ConvPlan::ConvPlan(ConvPlan&&) noexcept = default;
ConvPlan& ConvPlan::operator=(ConvPlan&&) noexcept = default;

void ConvPlan::run(const ConvBuffers& buffers) const noexcept {
  kernel_->run(buffers);
}
void ConvPlan::reload(const float* values) noexcept {
  kernel_->reload(values);
}
const Planes& ConvPlan::input() const noexcept {
  return kernel_->input();
}
const Planes& ConvPlan::output() const noexcept {
  return kernel_->output();
}
std::int64_t ConvPlan::scratch_bytes() const noexcept {
  return kernel_->scratch_bytes();
}
std::int64_t ConvPlan::weight_bytes() const noexcept {
  return kernel_->weight_bytes();
}
std::int64_t ConvPlan::packed_macs() const noexcept {
  return kernel_->packed_macs();
}
std::string_view ConvPlan::implementation() const noexcept {
  return kernel_->implementation();
}
std::string_view ConvPlan::algorithm() const noexcept {
  return kernel_->algorithm();
}
std::string_view ConvPlan::packing() const noexcept {
  return kernel_->packing();
}

}  // namespace wbs::kernels
