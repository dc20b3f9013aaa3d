#include "runtime/step_builder.hpp"

#include <cmath>
#include <optional>
#include <utility>

#include "runtime/layer_plan.hpp"

namespace wbs::runtime {
namespace {

using kernels::Element;
using kernels::Planes;
using networks::Node;
using networks::Op;

bool is_u8(const Value& value) {
  return value.planes && value.planes->element == Element::u8;
}

class Builder {
 public:
  Builder(const Program& program, const networks::Weights& weights, const Masks& masks,
          const ExecutorOptions& options)
      : program_(program), weights_(weights), masks_(masks), options_(options) {}

  BuiltSteps all() {
    for (const ProgramStep& step : program_.steps) plan(step);
    built_.memory = plan_memory(program_, scratch_bytes_);
    for (std::size_t i = 0; i < program_.steps.size(); ++i) built_.steps.push_back(step_of(i));
    return std::move(built_);
  }

 private:
  [[nodiscard]] const Value& input(const ProgramStep& step, std::size_t index = 0) const {
    return program_.values[step.inputs[index]];
  }
  [[nodiscard]] const Value& output(const ProgramStep& step) const {
    return program_.values[step.output];
  }
  [[nodiscard]] const Node& node_of(const ProgramStep& step) const {
    return program_.graph.nodes[step.node];
  }
  [[nodiscard]] const Place& place(ValueId value) const { return built_.memory.values[value]; }

  void plan(const ProgramStep& step) {
    StepInfo info;
    info.name = step.kind == StepKind::conv ? node_of(step).name : step.name;
    info.kind = step.kind;
    info.operation =
        step.kind == StepKind::convert ? "convert" : networks::op_name(node_of(step).op);
    std::optional<kernels::ConvPlan> layer;
    std::int64_t scratch = 0;
    if (step.kind == StepKind::conv) {
      const auto mask = masks_.find(info.name);
      layer = plan_layer(program_, step, weights_, mask == masks_.end() ? nullptr : &mask->second,
                         options_);
      scratch = layer->scratch_bytes();
      info.implementation = layer->implementation();
      info.algorithm = layer->algorithm();
      info.packing = layer->packing();
      info.shape = conv_shape(program_, step);
      info.packed_macs = layer->packed_macs();
      info.weight_bytes = layer->weight_bytes();
      built_.weight_bytes += info.weight_bytes;
    } else if (step.kind == StepKind::pool) {
      scratch = kernels::pool_scratch_bytes(pool_of(step), *input(step).planes,
                                            *output(step).planes, options_.threads);
    }
    layers_.push_back(std::move(layer));
    scratch_bytes_.push_back(scratch);
    built_.infos.push_back(std::move(info));
  }

  /// Input step over output step: what a value must be multiplied with between them.
  static float ratio(const Value& in, const Value& out) {
    return is_u8(in) ? in.quant.scale / out.quant.scale : 1.0F;
  }

  [[nodiscard]] kernels::Pool pool_of(const ProgramStep& step) const {
    const networks::Attributes& a = node_of(step).attributes;
    kernels::Pool pool;
    pool.average = node_of(step).op == Op::avg_pool;
    pool.kernel = a.kernel;
    pool.stride = a.stride;
    pool.dilation = a.dilation;
    pool.pad_top = a.padding.top;
    pool.pad_left = a.padding.left;
    pool.pad_bottom = a.padding.bottom;
    pool.pad_right = a.padding.right;
    pool.count_include_pad = a.count_include_pad;
    pool.scale = ratio(input(step), output(step));
    return pool;
  }

  /// y = x * scale + bias per channel of real numbers, as a map of what the planes store.
  static kernels::Affine affine_of(const Value& in, const Value& out, std::vector<float> scale,
                                   std::vector<float> bias, float low, float high) {
    kernels::Affine how{std::move(scale), std::move(bias), low, high};
    if (!is_u8(in)) return how;
    const auto channels = static_cast<std::size_t>(in.planes->channels);
    how.scale.resize(channels, 1.0F);
    how.bias.resize(channels, 0.0F);
    for (std::size_t c = 0; c < channels; ++c) {
      how.scale[c] *= ratio(in, out);
      how.bias[c] = how.bias[c] / out.quant.scale + static_cast<float>(out.quant.zero_point) -
                    static_cast<float>(in.quant.zero_point) * how.scale[c];
    }
    how.low = low / out.quant.scale + static_cast<float>(out.quant.zero_point);
    how.high = high / out.quant.scale + static_cast<float>(out.quant.zero_point);
    return how;
  }

  [[nodiscard]] Step step_of(std::size_t index) {
    const ProgramStep& step = program_.steps[index];
    switch (step.kind) {
      case StepKind::convert:
        return conversion(step);
      case StepKind::conv: {
        const Place residual = step.residual ? place(*step.residual) : Place{};
        return ConvStep{
            std::move(*layers_[index]), place(step.inputs[0]),     residual,
            place(step.output),         step.residual.has_value(), built_.memory.scratch[index]};
      }
      case StepKind::pool:
        return PoolStep{pool_of(step),         *input(step).planes, *output(step).planes,
                        place(step.inputs[0]), place(step.output),  built_.memory.scratch[index]};
      case StepKind::global_average:
        return GlobalAverageStep{*input(step).planes, *output(step).planes,
                                 ratio(input(step), output(step)), place(step.inputs[0]),
                                 place(step.output)};
      case StepKind::add:
        return addition(step);
      case StepKind::affine:
        return affine(step);
      case StepKind::concat:
        return concatenation(index);
      case StepKind::flatten:
        return FlattenStep{*input(step).planes, *output(step).planes, place(step.inputs[0]),
                           place(step.output)};
      case StepKind::reference:
        return reference(step);
    }
    throw Error(ErrorKind::internal, "a step of no known kind");
  }

  [[nodiscard]] Step conversion(const ProgramStep& step) const {
    const Value& in = input(step);
    const Value& out = output(step);
    if (!in.planes && out.planes) {
      return LoadStep{*out.planes, out.quant.scale, place(step.inputs[0]), place(step.output)};
    }
    return UnloadStep{in.planes.value_or(Planes{}), in.quant.scale, element_count(in.shape),
                      place(step.inputs[0]), place(step.output)};
  }

  [[nodiscard]] Step addition(const ProgramStep& step) const {
    const Value& other = input(step, 1);
    kernels::Affine how = affine_of(input(step), output(step), {}, {}, step.low, step.high);
    float other_scale = 1.0F;
    if (is_u8(other)) {
      other_scale = ratio(other, output(step));
      for (float& bias : how.bias) {
        bias -= static_cast<float>(other.quant.zero_point) * other_scale;
      }
    }
    return AddStep{*output(step).planes,  std::move(how),        other_scale,
                   place(step.inputs[0]), place(step.inputs[1]), place(step.output)};
  }

  [[nodiscard]] Step affine(const ProgramStep& step) const {
    const Node& node = node_of(step);
    std::vector<float> scale;
    std::vector<float> bias;
    if (node.op == Op::batch_norm) {
      const auto values = [&](const char* role) -> const std::vector<float>& {
        return weights_.at(networks::weight_key(node, role)).values;
      };
      if (options_.batch_norms != BatchNorms::folded) {
        BatchNorm::Parameters parameters{values("scale"),
                                         values("bias"),
                                         values("mean"),
                                         values("variance"),
                                         node.attributes.epsilon,
                                         step.low,
                                         step.high,
                                         options_.batch_norms == BatchNorms::by_batch};
        BatchStatisticsStep statistics;
        statistics.norm = std::make_unique<BatchNorm>(std::move(parameters));
        statistics.planes = *output(step).planes;
        statistics.in = place(step.inputs[0]);
        statistics.out = place(step.output);
        return statistics;
      }
      for (std::size_t c = 0; c < values("scale").size(); ++c) {
        const double factor =
            values("scale")[c] / std::sqrt(double{values("variance")[c]} + node.attributes.epsilon);
        scale.push_back(static_cast<float>(factor));
        bias.push_back(static_cast<float>(values("bias")[c] - factor * values("mean")[c]));
      }
    }
    return AffineStep{*input(step).planes,
                      *output(step).planes,
                      affine_of(input(step), output(step), std::move(scale), std::move(bias),
                                step.low, step.high),
                      0,
                      place(step.inputs[0]),
                      place(step.output)};
  }

  [[nodiscard]] Step concatenation(std::size_t index) const {
    constexpr float kAny = std::numeric_limits<float>::infinity();
    const ProgramStep& step = program_.steps[index];
    ConcatStep result;
    for (const std::size_t part : built_.memory.copied[index]) {
      std::int64_t first = 0;
      for (std::size_t i = 0; i < part; ++i) first += input(step, i).planes->channels;
      result.copies.push_back({*input(step, part).planes, *output(step).planes,
                               affine_of(input(step, part), output(step), {}, {}, -kAny, kAny),
                               first, place(step.inputs[part]), place(step.output)});
    }
    return result;
  }

  [[nodiscard]] Step reference(const ProgramStep& step) const {
    ReferenceStep result;
    result.node = node_of(step);
    for (const auto& [role, shape] : result.node.weight_shapes) {
      const std::string key = networks::weight_key(result.node, role);
      result.weights[key] = weights_.at(key);
    }
    for (std::size_t i = 0; i < step.inputs.size(); ++i) {
      ReferenceStep::Input input;
      if (step.inputs[i] == kConstant) {
        const Node& constant = program_.graph.nodes[result.node.inputs[i]];
        input.is_constant = true;
        input.constant =
            constant.weight_shapes.contains("value")
                ? weights_.at(networks::weight_key(constant, "value"))
                : Tensor(constant.output_shape, static_cast<float>(constant.attributes.value));
      } else {
        input.place = place(step.inputs[i]);
        input.shape = program_.values[step.inputs[i]].shape;
      }
      result.inputs.push_back(std::move(input));
    }
    result.out = place(step.output);
    return result;
  }

  const Program& program_;
  const networks::Weights& weights_;
  const Masks& masks_;
  const ExecutorOptions& options_;
  BuiltSteps built_;
  std::vector<std::optional<kernels::ConvPlan>> layers_;
  std::vector<std::int64_t> scratch_bytes_;
};

}  // namespace

BuiltSteps build_steps(const Program& program, const networks::Weights& weights, const Masks& masks,
                       const ExecutorOptions& options) {
  return Builder(program, weights, masks, options).all();
}

}  // namespace wbs::runtime
