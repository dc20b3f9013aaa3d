#include "runtime/peers/onednn_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/error.hpp"
#include "networks/quantisation.hpp"
#include "runtime/peers/onednn_layers.hpp"

namespace wbs::runtime::peers {
namespace {

using kernels::peers::plain_descriptor;
using networks::Node;
using networks::Op;
using Tag = dnnl::memory::format_tag;
using Type = dnnl::memory::data_type;
using Dims = dnnl::memory::dims;
using Descriptor = dnnl::memory::desc;

bool is_integer(Type type) {
  return type == Type::u8 || type == Type::s8;
}

/// 8-bit values with zero point 128 are signed numbers to oneDNN.
Type type_of(const Value& value) {
  if (!value.planes) return Type::f32;
  if (value.planes->element == kernels::Element::u8 && value.quant.zero_point != 0) return Type::s8;
  return kernels::peers::activation_type(value.planes->element);
}

/// A value that some step has written: in how many formats it exists by now.
struct Written {
  Stored stored;
  std::vector<MemoryId> versions;  ///< the first is the one the step wrote
};

class Planner {
 public:
  Planner(const Program& program, const networks::Weights& weights, const DenseOptions& options)
      : program_(program), weights_(weights), options_(options), written_(program.values.size()) {
    find_last_readers();
  }

  OnednnPlan all() {
    const Value& input = program_.values[program_.input];
    written_[program_.input].stored = {input.shape, Type::f32, 1.0F};
    written_[program_.input].versions = {
        add_memory(plain_descriptor(input.shape), Storage::Kind::input)};
    for (std::size_t i = 0; i < program_.steps.size(); ++i) emit(i, program_.steps[i]);
    const Value& output = program_.values[program_.output];
    const MemoryId last = add_memory(plain_descriptor(output.shape), Storage::Kind::output);
    add_reorder(program_.output, last, {output.shape, Type::f32, 1.0F});
    return std::move(plan_);
  }

 private:
  [[nodiscard]] const Node& node_of(const ProgramStep& step) const {
    return program_.graph.nodes[step.node];
  }

  /// The last step that reads each value; conversions and flattenings only rename.
  void find_last_readers() {
    last_reader_.assign(program_.values.size(), 0);
    last_reader_[program_.output] = program_.steps.size();
    for (std::size_t i = program_.steps.size(); i-- > 0;) {
      const ProgramStep& step = program_.steps[i];
      const bool renames = step.kind == StepKind::convert || step.kind == StepKind::flatten;
      const std::size_t last = renames ? std::max(i, last_reader_[step.output]) : i;
      for (const ValueId value : step.inputs) {
        if (value != kConstant) last_reader_[value] = std::max(last_reader_[value], last);
      }
      if (step.residual) last_reader_[*step.residual] = std::max(last_reader_[*step.residual], i);
    }
  }

  MemoryId add_memory(const Descriptor& descriptor, Storage::Kind kind) {
    plan_.storages.push_back({kind, static_cast<std::int64_t>(descriptor.get_size())});
    plan_.constants.emplace_back();
    plan_.memories.push_back({descriptor, plan_.storages.size() - 1});
    return plan_.memories.size() - 1;
  }

  /// The same bytes seen as another type or shape.
  MemoryId add_view(MemoryId memory, const Descriptor& descriptor) {
    plan_.memories.push_back({descriptor, plan_.memories[memory].storage});
    return plan_.memories.size() - 1;
  }

  MemoryId add_constant(const Descriptor& descriptor, const std::vector<float>& values,
                        const Dims& dims) {
    const MemoryId memory = add_memory(descriptor, Storage::Kind::constant);
    auto block = std::make_unique<kernels::peers::OnednnBlock>(descriptor, plan_.engine);
    block->fill(values, dims);
    plan_.constants[plan_.memories[memory].storage] = std::move(block);
    return memory;
  }

  void add_operation(const dnnl::primitive& primitive,
                     std::vector<std::pair<int, MemoryId>> arguments, DenseStep step,
                     const Descriptor& scratchpad) {
    if (scratchpad.get_size() > 0) {
      arguments.emplace_back(DNNL_ARG_SCRATCHPAD, add_memory(scratchpad, Storage::Kind::arena));
    }
    plan_.operations.push_back({primitive, std::move(arguments), std::move(step)});
  }

  /// Copies the value to `to`, whose numbers mean `as`.
  void add_reorder(ValueId value, MemoryId to, const Stored& as) {
    const Written& from = written_[value];
    const float from_scale = is_integer(from.stored.type) ? from.stored.scale : 1.0F;
    const float to_scale = is_integer(as.type) ? as.scale : 1.0F;
    const Descriptor out = plan_.memories[to].descriptor;
    // A renamed value has other extents over the same elements.
    Descriptor in = plan_.memories[from.versions.front()].descriptor;
    if (in.dims() != out.dims()) in = in.reshape(out.dims());
    const MemoryId source = add_view(from.versions.front(), in);
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (from_scale != to_scale) attributes.set_output_scales(0, {from_scale / to_scale});
    const dnnl::reorder::primitive_desc chosen(plan_.engine, in, plan_.engine, out, attributes);
    add_operation(dnnl::reorder(chosen), {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, to}},
                  {program_.values[value].name, "reorder", chosen.impl_info_str()},
                  chosen.scratchpad_desc());
  }

  /// The value in this format and meaning; reordered once if it does not exist in it.
  MemoryId memory_for(ValueId value, const Descriptor& wanted, const Stored& as) {
    Written& written = written_[value];
    const bool same_scale = !is_integer(as.type) ||
                            (is_integer(written.stored.type) && as.scale == written.stored.scale);
    for (const MemoryId version : written.versions) {
      if (same_scale && plan_.memories[version].descriptor == wanted) return version;
    }
    const MemoryId made = add_memory(wanted, Storage::Kind::arena);
    add_reorder(value, made, as);
    if (same_scale) written.versions.push_back(made);
    return made;
  }

  [[nodiscard]] Stored stored_as(const Value& value, const Dims& dims) const {
    return {dims, type_of(value), is_integer(type_of(value)) ? value.quant.scale : 1.0F};
  }

  void write(ValueId value, const Stored& stored, MemoryId memory) {
    written_[value] = {stored, {memory}};
  }

  void emit(std::size_t index, const ProgramStep& step) {
    switch (step.kind) {
      case StepKind::convert:
        return emit_convert(step);
      case StepKind::conv:
        return emit_layer(index, step);
      case StepKind::pool:
      case StepKind::global_average:
        return emit_pool(step);
      case StepKind::add:
        return emit_add(step);
      case StepKind::affine:
        return emit_affine(step);
      case StepKind::concat:
        return emit_concat(step);
      case StepKind::flatten:
        written_[step.output] = written_[step.inputs[0]];
        return;
      case StepKind::reference:
        return emit_reference(step);
    }
  }

  /// Whoever reads the result asks for its format and type, and then it is reordered at once; only
  /// quantisation is done here, so that its readers share it.
  void emit_convert(const ProgramStep& step) {
    const Value& to = program_.values[step.output];
    const Written& from = written_[step.inputs[0]];
    const Stored stored = stored_as(to, from.stored.dims);
    if (!to.planes || stored.type == from.stored.type) {
      written_[step.output] = from;
      return;
    }
    const bool image = from.stored.dims.size() == 4;
    const Descriptor wanted = image ? Descriptor(stored.dims, stored.type, Tag::nhwc)
                                    : plain_descriptor(stored.dims, stored.type);
    const MemoryId made = add_memory(wanted, Storage::Kind::arena);
    add_reorder(step.inputs[0], made, stored);
    write(step.output, stored, made);
  }

  void emit_layer(std::size_t index, const ProgramStep& step) {
    const Node& node = node_of(step);
    const Value& to = program_.values[step.output];
    LayerRequest request;
    request.node = &node;
    request.source = written_[step.inputs[0]].stored;
    // Where the program reads planes of a reduced type, the value may still be fp32.
    const Value& from = program_.values[step.inputs[0]];
    request.source.type = is_integer(request.source.type) ? request.source.type : type_of(from);
    const Shape& weight_shape = node.weight_shapes.at("weight");
    const Tensor& original = weights_.at(networks::weight_key(node, "weight"));
    const bool linear = node.op == Op::linear;
    Dims out_dims = to.shape;
    request.weight_dims = weight_shape;
    if (linear) {
      Dims& in = request.source.dims;
      if (in.size() == 3) in = {in[0] * in[1], in[2]};
      if (in.size() == 4) request.weight_dims = {weight_shape[0], in[1], in[2], in[3]};
      out_dims = {in[0], weight_shape[0]};
    } else if (node.attributes.groups != 1) {
      const std::int64_t groups = node.attributes.groups;
      request.weight_dims = {groups, weight_shape[0] / groups, weight_shape[1], weight_shape[2],
                             weight_shape[3]};
    }
    request.destination = stored_as(to, out_dims);
    request.weight_type = is_integer(request.source.type) ? Type::s8 : request.source.type;
    std::vector<float> values = original.values;
    if (request.weight_type == Type::s8) {
      networks::QuantisedWeights quantised =
          networks::quantise_weights(original, options_.quantisation->options.power_of_two);
      request.weight_scales = std::move(quantised.scales);
      values = std::move(quantised.integers.values);
    }
    request.after.low = step.low;
    request.after.high = step.high;
    if (step.residual) {
      request.after.residual = written_[*step.residual].stored;
      if (!is_integer(request.after.residual->type)) {
        request.after.residual->type = request.destination.type;
      }
    }
    if (linear) {
      const auto chosen = describe_product(request, plan_.engine);
      add_layer(index, step, request, chosen, dnnl::inner_product_forward(chosen), values);
      return;
    }
    auto chosen = describe_convolution(request, dnnl::algorithm::convolution_direct, plan_.engine);
    if (options_.winograd) {
      if (auto winograd = faster_winograd(request, chosen, plan_.engine)) chosen = *winograd;
    }
    add_layer(index, step, request, chosen, dnnl::convolution_forward(chosen), values);
  }

  template <typename PrimitiveDescriptor>
  void add_layer(std::size_t index, const ProgramStep& step, const LayerRequest& request,
                 const PrimitiveDescriptor& chosen, const dnnl::primitive& primitive,
                 const std::vector<float>& values) {
    const MemoryId source = memory_for(step.inputs[0], chosen.src_desc(), request.source);
    const MemoryId weights = add_constant(chosen.weights_desc(), values, request.weight_dims);
    const MemoryId bias =
        add_constant(chosen.bias_desc(), bias_of(request), {request.destination.dims[1]});
    const MemoryId destination = request.after.residual
                                     ? residual_place(index, step, request, chosen.dst_desc())
                                     : add_memory(chosen.dst_desc(), Storage::Kind::arena);
    add_operation(primitive,
                  {{DNNL_ARG_SRC, source},
                   {DNNL_ARG_WEIGHTS, weights},
                   {DNNL_ARG_BIAS, bias},
                   {DNNL_ARG_DST, destination}},
                  {step.name, "conv", chosen.impl_info_str()}, chosen.scratchpad_desc());
    write(step.output, request.destination, destination);
  }

  /// In int8 the bias joins the integer sum, before the scale.
  std::vector<float> bias_of(const LayerRequest& request) const {
    const auto channels = static_cast<std::size_t>(request.destination.dims[1]);
    std::vector<float> bias(channels, 0.0F);
    if (request.node->weight_shapes.contains("bias")) {
      bias = weights_.at(networks::weight_key(*request.node, "bias")).values;
    }
    for (std::size_t i = 0; i < request.weight_scales.size(); ++i) {
      bias[i] /= request.weight_scales[i] * request.source.scale;
    }
    return bias;
  }

  /// The residual's own bytes when nobody reads them later, else a copy of them.
  MemoryId residual_place(std::size_t index, const ProgramStep& step, const LayerRequest& request,
                          const Descriptor& destination) {
    const ValueId value = *step.residual;
    Descriptor wanted = destination;
    wanted.data.data_type = dnnl::memory::convert_to_c(request.after.residual->type);
    const MemoryId residual = memory_for(value, wanted, *request.after.residual);
    const Storage& storage = plan_.storages[plan_.memories[residual].storage];
    if (last_reader_[value] <= index && storage.kind == Storage::Kind::arena) {
      return add_view(residual, destination);
    }
    const MemoryId copy = add_memory(wanted, Storage::Kind::arena);
    add_reorder(value, copy, *request.after.residual);
    return add_view(copy, destination);
  }

  void emit_pool(const ProgramStep& step) {
    const Node& node = node_of(step);
    const Written& from = written_[step.inputs[0]];
    const Descriptor source = plan_.memories[from.versions.front()].descriptor;
    const Dims& in = from.stored.dims;
    const Shape& out = program_.values[step.output].shape;
    const networks::Attributes& a = node.attributes;
    const bool global = step.kind == StepKind::global_average;
    const Dims kernel = global ? Dims{in[2], in[3]} : Dims{a.kernel[0], a.kernel[1]};
    const Dims stride = global ? Dims{1, 1} : Dims{a.stride[0], a.stride[1]};
    const Dims before = global ? Dims{0, 0} : Dims{a.padding.top, a.padding.left};
    // With ceil_mode the last window may go beyond the padding.
    const Dims after{(out[2] - 1) * stride[0] + kernel[0] - in[2] - before[0],
                     (out[3] - 1) * stride[1] + kernel[1] - in[3] - before[1]};
    const bool beyond = !global && (after[0] > a.padding.bottom || after[1] > a.padding.right);
    auto algorithm = dnnl::algorithm::pooling_max;
    if (global || node.op == Op::avg_pool) {
      const bool padding_counts = !global && a.count_include_pad;
      if (padding_counts && beyond) {
        throw NotPrepared{fmt::format("{}: windows beyond the counted padding", node.name)};
      }
      algorithm = padding_counts ? dnnl::algorithm::pooling_avg_include_padding
                                 : dnnl::algorithm::pooling_avg_exclude_padding;
    }
    const Stored stored{out, from.stored.type, from.stored.scale};
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::pooling_forward::desc operation(dnnl::prop_kind::forward_inference, algorithm,
                                                source, {stored.dims, stored.type, Tag::any},
                                                stride, kernel, before, after);
    const dnnl::pooling_forward::primitive_desc chosen(operation, attributes, plan_.engine);
    const MemoryId made = add_memory(chosen.dst_desc(), Storage::Kind::arena);
    add_operation(dnnl::pooling_forward(chosen),
                  {{DNNL_ARG_SRC, from.versions.front()}, {DNNL_ARG_DST, made}},
                  {step.name, "pool", chosen.impl_info_str()}, chosen.scratchpad_desc());
    write(step.output, stored, made);
  }

  void emit_add(const ProgramStep& step) {
    const Stored stored =
        stored_as(program_.values[step.output], written_[step.inputs[0]].stored.dims);
    const Written& left = written_[step.inputs[0]];
    const MemoryId first = left.versions.front();
    Descriptor other = plan_.memories[first].descriptor;
    const Stored& right = written_[step.inputs[1]].stored;
    other.data.data_type = dnnl::memory::convert_to_c(right.type);
    const float left_scale = left.stored.scale;
    const MemoryId second = memory_for(step.inputs[1], other, right);
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (is_integer(stored.type)) {
      attributes.set_scales(DNNL_ARG_SRC_0, 0, {left_scale / stored.scale});
      attributes.set_scales(DNNL_ARG_SRC_1, 0, {right.scale / stored.scale});
    }
    dnnl::post_ops operations;
    append_clip(operations, step.low, step.high, stored.scale);
    attributes.set_post_ops(operations);
    Descriptor destination = plan_.memories[first].descriptor;
    destination.data.data_type = dnnl::memory::convert_to_c(stored.type);
    const dnnl::binary::desc operation(dnnl::algorithm::binary_add,
                                       plan_.memories[first].descriptor, other, destination);
    const dnnl::binary::primitive_desc chosen(operation, attributes, plan_.engine);
    const MemoryId made = add_memory(destination, Storage::Kind::arena);
    add_operation(dnnl::binary(chosen),
                  {{DNNL_ARG_SRC_0, first}, {DNNL_ARG_SRC_1, second}, {DNNL_ARG_DST, made}},
                  {step.name, "add", chosen.impl_info_str()}, chosen.scratchpad_desc());
    write(step.output, stored, made);
  }

  void emit_affine(const ProgramStep& step) {
    const Node& node = node_of(step);
    const Written from = written_[step.inputs[0]];
    if (node.op != Op::relu && node.op != Op::clip) {
      throw NotPrepared{fmt::format("{}: {} outside a convolution is not prepared for oneDNN",
                                    node.name, networks::op_name(node.op))};
    }
    const bool relu = node.op == Op::relu;
    const float scale = from.stored.scale;
    const Descriptor descriptor = plan_.memories[from.versions.front()].descriptor;
    const dnnl::eltwise_forward::desc operation(
        dnnl::prop_kind::forward_inference,
        relu ? dnnl::algorithm::eltwise_relu : dnnl::algorithm::eltwise_clip, descriptor,
        relu ? 0.0F : step.low / scale, relu ? 0.0F : step.high / scale);
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::eltwise_forward::primitive_desc chosen(operation, attributes, plan_.engine);
    const MemoryId made = add_memory(chosen.dst_desc(), Storage::Kind::arena);
    add_operation(dnnl::eltwise_forward(chosen),
                  {{DNNL_ARG_SRC, from.versions.front()}, {DNNL_ARG_DST, made}},
                  {step.name, "relu", chosen.impl_info_str()}, chosen.scratchpad_desc());
    write(step.output, from.stored, made);
  }

  void emit_concat(const ProgramStep& step) {
    const Stored stored =
        stored_as(program_.values[step.output], program_.values[step.output].shape);
    std::vector<Descriptor> sources;
    std::vector<std::pair<int, MemoryId>> arguments;
    for (const ValueId value : step.inputs) {
      const Dims dims = written_[value].stored.dims;
      const Descriptor wanted = dims.size() == 4 ? Descriptor(dims, stored.type, Tag::nhwc)
                                                 : plain_descriptor(dims, stored.type);
      arguments.emplace_back(DNNL_ARG_MULTIPLE_SRC + static_cast<int>(sources.size()),
                             memory_for(value, wanted, {dims, stored.type, stored.scale}));
      sources.push_back(wanted);
    }
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::concat::primitive_desc chosen(1, sources, plan_.engine, attributes);
    const MemoryId made = add_memory(chosen.dst_desc(), Storage::Kind::arena);
    arguments.emplace_back(DNNL_ARG_DST, made);
    add_operation(dnnl::concat(chosen), std::move(arguments),
                  {step.name, "concat", chosen.impl_info_str()}, chosen.scratchpad_desc());
    write(step.output, stored, made);
  }

  void emit_reference(const ProgramStep& step) {
    const Node& node = node_of(step);
    if (node.op != Op::softmax) {
      throw NotPrepared{
          fmt::format("{}: {} is not prepared for oneDNN", node.name, networks::op_name(node.op))};
    }
    const Stored stored{program_.values[step.output].shape, Type::f32, 1.0F};
    const Descriptor plain = plain_descriptor(stored.dims);
    const MemoryId source = memory_for(step.inputs[0], plain, stored);
    const dnnl::softmax_forward::desc operation(dnnl::prop_kind::forward_inference, plain,
                                                static_cast<int>(node.attributes.axis));
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::softmax_forward::primitive_desc chosen(operation, attributes, plan_.engine);
    const MemoryId made = add_memory(plain, Storage::Kind::arena);
    add_operation(dnnl::softmax_forward(chosen), {{DNNL_ARG_SRC, source}, {DNNL_ARG_DST, made}},
                  {step.name, "softmax", chosen.impl_info_str()}, chosen.scratchpad_desc());
    write(step.output, stored, made);
  }

  const Program& program_;
  const networks::Weights& weights_;
  const DenseOptions& options_;
  OnednnPlan plan_;
  std::vector<Written> written_;
  std::vector<std::size_t> last_reader_;
};

}  // namespace

OnednnPlan plan_onednn(const Program& program, const networks::Weights& weights,
                       const DenseOptions& options) {
  return Planner(program, weights, options).all();
}

}  // namespace wbs::runtime::peers
