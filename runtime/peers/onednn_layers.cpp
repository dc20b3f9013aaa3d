#include "runtime/peers/onednn_layers.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "kernels/peers/onednn_memory.hpp"

namespace wbs::runtime::peers {
namespace {

using Tag = dnnl::memory::format_tag;
using Type = dnnl::memory::data_type;
using Descriptor = dnnl::memory::desc;
using kernels::peers::OnednnBlock;

bool is_integer(Type type) {
  return type == Type::u8 || type == Type::s8;
}

Descriptor any(const Stored& stored) {
  return {stored.dims, stored.type, Tag::any};
}

Descriptor bias_of(const LayerRequest& request) {
  return {{request.destination.dims[1]}, Type::f32, Tag::x};
}

/// Milliseconds of the fastest of a few runs of a convolution on its own, and of the reorders from
/// and to the formats of `beside`.
double time_of(const dnnl::convolution_forward::primitive_desc& chosen,
               const dnnl::convolution_forward::primitive_desc& beside,
               const dnnl::engine& engine) {
  using Clock = std::chrono::steady_clock;
  dnnl::stream stream(engine);
  OnednnBlock source(chosen.src_desc(), engine);
  OnednnBlock weights(chosen.weights_desc(), engine);
  OnednnBlock bias(chosen.bias_desc(), engine);
  OnednnBlock destination(chosen.dst_desc(), engine);
  OnednnBlock scratchpad(chosen.scratchpad_desc(), engine);
  OnednnBlock outer_source(beside.src_desc(), engine);
  OnednnBlock outer_destination(beside.dst_desc(), engine);
  const dnnl::convolution_forward convolution(chosen);
  const dnnl::reorder in(outer_source.memory, source.memory);
  const dnnl::reorder out(destination.memory, outer_destination.memory);
  const bool reorders = chosen.src_desc() != beside.src_desc();
  double fastest = 1e9;
  for (int i = 0; i < 6; ++i) {
    const Clock::time_point start = Clock::now();
    if (reorders) in.execute(stream, outer_source.memory, source.memory);
    convolution.execute(stream, {{DNNL_ARG_SRC, source.memory},
                                 {DNNL_ARG_WEIGHTS, weights.memory},
                                 {DNNL_ARG_BIAS, bias.memory},
                                 {DNNL_ARG_DST, destination.memory},
                                 {DNNL_ARG_SCRATCHPAD, scratchpad.memory}});
    if (reorders) out.execute(stream, destination.memory, outer_destination.memory);
    stream.wait();
    fastest =
        std::min(fastest, std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  return fastest;
}

}  // namespace

void append_clip(dnnl::post_ops& operations, float low, float high, float scale) {
  if (std::isinf(high) && low == 0.0F) {
    operations.append_eltwise(1.0F, dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
  } else if (!std::isinf(high) || !std::isinf(low)) {
    operations.append_eltwise(1.0F, dnnl::algorithm::eltwise_clip, low / scale, high / scale);
  }
}

dnnl::primitive_attr layer_attributes(const LayerRequest& request) {
  const float out = is_integer(request.destination.type) ? request.destination.scale : 1.0F;
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (!request.weight_scales.empty()) {
    std::vector<float> scales = request.weight_scales;
    for (float& scale : scales) scale *= request.source.scale / out;
    attributes.set_output_scales(1 << 1, scales);
  }
  dnnl::post_ops operations;
  if (request.after.residual) {
    const Stored& residual = *request.after.residual;
    if (is_integer(residual.type)) {
      operations.append_sum(residual.scale / out, residual.type);
    } else {
      operations.append_sum(1.0F);
    }
  }
  // A u8 result saturates at 0 by itself.
  const bool saturates = request.destination.type == Type::u8 && request.after.low == 0.0F &&
                         std::isinf(request.after.high);
  if (!saturates) append_clip(operations, request.after.low, request.after.high, out);
  attributes.set_post_ops(operations);
  return attributes;
}

dnnl::convolution_forward::primitive_desc describe_convolution(const LayerRequest& request,
                                                               dnnl::algorithm algorithm,
                                                               const dnnl::engine& engine) {
  const networks::Attributes& a = request.node->attributes;
  const dnnl::convolution_forward::desc operation(
      dnnl::prop_kind::forward_inference, algorithm, any(request.source),
      {request.weight_dims, request.weight_type, Tag::any}, bias_of(request),
      any(request.destination), {a.stride[0], a.stride[1]}, {a.dilation[0] - 1, a.dilation[1] - 1},
      {a.padding.top, a.padding.left}, {a.padding.bottom, a.padding.right});
  return {operation, layer_attributes(request), engine};
}

dnnl::inner_product_forward::primitive_desc describe_product(const LayerRequest& request,
                                                             const dnnl::engine& engine) {
  const dnnl::inner_product_forward::desc operation(
      dnnl::prop_kind::forward_inference, any(request.source),
      {request.weight_dims, request.weight_type, Tag::any}, bias_of(request),
      any(request.destination));
  return {operation, layer_attributes(request), engine};
}

std::optional<dnnl::convolution_forward::primitive_desc> faster_winograd(
    const LayerRequest& request, const dnnl::convolution_forward::primitive_desc& direct,
    const dnnl::engine& engine) {
  const networks::Attributes& a = request.node->attributes;
  const bool fits = request.source.type == Type::f32 && a.groups == 1 &&
                    a.kernel == std::array<std::int64_t, 2>{3, 3} &&
                    a.stride == std::array<std::int64_t, 2>{1, 1};
  if (!fits) return std::nullopt;
  try {
    auto winograd = describe_convolution(request, dnnl::algorithm::convolution_winograd, engine);
    const double without = time_of(direct, direct, engine);
    if (time_of(winograd, direct, engine) < without) return winograd;
  } catch (const dnnl::error&) {
    return std::nullopt;  // no Winograd for this shape
  }
  return std::nullopt;
}

}  // namespace wbs::runtime::peers
