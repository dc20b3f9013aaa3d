#include "runtime/layer_plan.hpp"

#include <optional>
#include <utility>

namespace wbs::runtime {
namespace {

using kernels::Element;
using networks::Node;

/// Real numbers to the numbers that the output stores: y * slope + zero.
struct Units {
  float slope = 1.0F;
  float zero = 0.0F;
};

Units units_of(const Value& value) {
  if (!value.planes || value.planes->element != Element::u8) return {};
  return {1.0F / value.quant.scale, static_cast<float>(value.quant.zero_point)};
}

kernels::Epilogue epilogue_of(const Program& program, const ProgramStep& step,
                              const std::vector<float>& bias,
                              const std::vector<float>& weight_scales) {
  const Value& in = program.values[step.inputs[0]];
  const Value& out = program.values[step.output];
  const Units units = units_of(out);
  kernels::Epilogue epilogue;
  epilogue.output = out.planes->element;
  epilogue.output_zero_point = out.planes->zero_point;
  epilogue.bias = bias;
  for (float& value : epilogue.bias) value = value * units.slope + units.zero;
  for (const float scale : weight_scales) {
    epilogue.scale.push_back(in.quant.scale * scale * units.slope);
  }
  if (step.residual) {
    const Value& residual = program.values[*step.residual];
    epilogue.residual = true;
    if (residual.planes->element == Element::u8) {
      epilogue.residual_scale = residual.quant.scale * units.slope;
      const float offset = static_cast<float>(residual.quant.zero_point) * epilogue.residual_scale;
      for (float& value : epilogue.bias) value -= offset;
    }
  }
  epilogue.low = step.low * units.slope + units.zero;
  epilogue.high = step.high * units.slope + units.zero;
  return epilogue;
}

}  // namespace

kernels::ConvShape conv_shape(const Program& program, const ProgramStep& step) {
  const Node& node = program.graph.nodes[step.node];
  const kernels::Planes& in = *program.values[step.inputs[0]].planes;
  const Shape& weight = node.weight_shapes.at("weight");
  kernels::ConvShape shape;
  shape.images = in.images;
  shape.in_channels = in.channels;
  shape.height = in.height;
  shape.width = in.width;
  shape.out_channels = weight[0];
  if (node.op == networks::Op::linear) return shape;
  shape.kernel = {weight[2], weight[3]};
  shape.stride = node.attributes.stride;
  shape.dilation = node.attributes.dilation;
  shape.groups = node.attributes.groups;
  shape.pad_top = node.attributes.padding.top;
  shape.pad_left = node.attributes.padding.left;
  shape.pad_bottom = node.attributes.padding.bottom;
  shape.pad_right = node.attributes.padding.right;
  return shape;
}

kernels::ConvPlan plan_layer(const Program& program, const ProgramStep& step,
                             const networks::Weights& weights, const sparsity::Mask* mask,
                             const ExecutorOptions& options) {
  const Node& node = program.graph.nodes[step.node];
  kernels::ConvLayer layer;
  layer.name = node.name;
  layer.shape = conv_shape(program, step);
  layer.element = program.values[step.inputs[0]].planes->element;
  layer.input_zero_point = program.values[step.inputs[0]].planes->zero_point;

  const Tensor& stored = weights.at(networks::weight_key(node, "weight"));
  Tensor prepared;  // what differs from the stored weights: shape, or integers
  std::vector<float> scales;
  layer.weights = &stored;
  if (layer.element == Element::u8) {
    networks::QuantisedWeights quantised =
        networks::quantise_weights(stored, options.quantisation->options.power_of_two);
    prepared = std::move(quantised.integers);
    scales = std::move(quantised.scales);
    layer.weights = &prepared;
  }
  std::optional<sparsity::Mask> image_mask;
  layer.mask = mask;
  if (node.op == networks::Op::linear) {
    if (layer.weights == &stored) prepared = stored;
    prepared.shape = layer.shape.weight_shape();
    layer.weights = &prepared;
    if (mask != nullptr && mask->shape().size() == 2) {
      image_mask = sparsity::Mask::from_words(prepared.shape, mask->granularity(),
                                              {mask->words().begin(), mask->words().end()});
      layer.mask = &*image_mask;
    }
  }
  std::vector<float> bias(static_cast<std::size_t>(layer.shape.out_channels), 0.0F);
  if (node.weight_shapes.contains("bias")) {
    bias = weights.at(networks::weight_key(node, "bias")).values;
  }
  layer.epilogue = epilogue_of(program, step, bias, scales);

  LayerChoice choice;
  if (options.choose) {
    choice = options.choose({node.name, layer.shape, layer.element, layer.mask, *layer.weights});
  }
  kernels::ConvOptions how;
  how.algorithm = choice.algorithm;
  how.force_impl = choice.force_impl;
  how.threads = options.threads;
  return kernels::ConvPlan(layer, how);
}

}  // namespace wbs::runtime
