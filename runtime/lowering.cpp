#include "runtime/lowering.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/error.hpp"
#include "runtime/fusion.hpp"

namespace wbs::runtime {
namespace {

using kernels::Element;
using kernels::Planes;
using networks::Graph;
using networks::Node;
using networks::NodeIndex;
using networks::Op;

bool has_kernel(const Node& node) {
  return node.op == Op::conv || node.op == Op::linear;
}

bool same_planes(const Planes& a, const Planes& b) {
  return a.element == b.element && a.images == b.images && a.channels == b.channels &&
         a.height == b.height && a.width == b.width && a.zero_point == b.zero_point;
}

class Lowerer {
 public:
  Lowerer(const Graph& graph, const LoweringOptions& options)
      : options_(options), fusion_(fuse(graph)), values_of_(graph.nodes.size()) {
    program_.graph = graph;
    find_reduced();
    if (options.element == Element::u8) find_quants();
  }

  Program all() {
    program_.input = add_value(0, std::nullopt);
    for (const Group& group : fusion_.groups) emit(group);
    const NodeIndex output = program_.graph.output;
    if (nodes()[output].op == Op::constant) {
      throw Error(ErrorKind::unsupported,
                  fmt::format("network '{}': the output is a constant", program_.graph.name));
    }
    program_.output = as_dense(output);
    if (program_.output == program_.input) {
      const ValueId copy = add_value(output, std::nullopt);
      add_conversion(program_.input, copy);
      program_.output = copy;
    }
    return std::move(program_);
  }

 private:
  [[nodiscard]] const std::vector<Node>& nodes() const { return program_.graph.nodes; }

  /// Values that a convolution or matrix product will read, possibly through other operators on
  /// planes, are of the reduced element type.
  void find_reduced() {
    reduced_.assign(nodes().size(), false);
    if (options_.element == Element::f32) return;
    const auto readers = networks::consumers(program_.graph);
    for (NodeIndex i = nodes().size(); i-- > 0;) {
      reduced_[i] = std::any_of(readers[i].begin(), readers[i].end(), [&](NodeIndex reader) {
        return has_kernel(nodes()[reader]) ||
               (fusion_.forms[reader] != Form::dense && reduced_[reader]);
      });
    }
  }

  [[nodiscard]] Element element_of(NodeIndex node) const {
    return reduced_[node] ? options_.element : Element::f32;
  }

  void find_quants() {
    WBS_ASSERT(options_.quantisation != nullptr);
    quants_.resize(nodes().size());
    const auto look_up = [&](NodeIndex node) {
      if (!reduced_[node]) return;
      const auto found = options_.quantisation->activations.find(nodes()[node].name);
      if (found == options_.quantisation->activations.end()) {
        throw Error(ErrorKind::input,
                    fmt::format("network '{}': the quantisation has no scale for '{}'",
                                program_.graph.name, nodes()[node].name));
      }
      quants_[node] = found->second;
    };
    look_up(0);
    std::vector<bool> chooses(nodes().size(), false);  // the step can write any scale
    for (const Group& group : fusion_.groups) {
      if (keeps_scale(group)) continue;
      look_up(group.last);
      chooses[group.last] = fusion_.forms[group.last] != Form::dense;
    }
    for (auto group = fusion_.groups.rbegin(); group != fusion_.groups.rend(); ++group) {
      if (nodes()[group->head].op != Op::concat || !reduced_[group->last]) continue;
      if (fusion_.forms[group->last] == Form::dense) continue;
      for (const NodeIndex part : nodes()[group->head].inputs) {
        if (chooses[part]) quants_[part] = quants_[group->last];
      }
    }
    for (const Group& group : fusion_.groups) {
      if (keeps_scale(group)) quants_[group.last] = quants_[nodes()[group.head].inputs[0]];
    }
  }

  /// Whether the step moves u8 numbers without computing on them.
  [[nodiscard]] bool keeps_scale(const Group& group) const {
    const Op op = nodes()[group.head].op;
    return fusion_.forms[group.last] != Form::dense &&
           (op == Op::max_pool || op == Op::flatten || op == Op::reshape);
  }

  [[nodiscard]] Quant quant_of(NodeIndex node) const {
    return quants_.empty() ? Quant{} : quants_[node];
  }

  ValueId add_value(NodeIndex node, const std::optional<Planes>& planes) {
    const Quant quant = planes && planes->element == Element::u8 ? quant_of(node) : Quant{1.0F, 0};
    program_.values.push_back({nodes()[node].name, nodes()[node].output_shape, planes, quant});
    values_of_[node].push_back(program_.values.size() - 1);
    return program_.values.size() - 1;
  }

  void add_conversion(ValueId from, ValueId to) {
    ProgramStep step;
    step.kind = StepKind::convert;
    step.name = program_.values[to].name;
    step.inputs = {from};
    step.output = to;
    program_.steps.push_back(std::move(step));
  }

  ValueId as_dense(NodeIndex node) {
    for (const ValueId value : values_of_[node]) {
      if (!program_.values[value].planes) return value;
    }
    const ValueId native = values_of_[node].at(0);
    const ValueId dense = add_value(node, std::nullopt);
    add_conversion(native, dense);
    return dense;
  }

  ValueId as_planes(NodeIndex node, const Planes& wanted) {
    for (const ValueId value : values_of_[node]) {
      const std::optional<Planes>& planes = program_.values[value].planes;
      if (planes && same_planes(*planes, wanted)) return value;
    }
    const ValueId dense = as_dense(node);
    const ValueId value = add_value(node, wanted);
    add_conversion(dense, value);
    return value;
  }

  ValueId as_images(NodeIndex node, Element element) {
    return as_planes(node,
                     image_planes(nodes()[node].output_shape, element, quant_of(node).zero_point));
  }

  [[nodiscard]] StepKind kind_of(const Group& group) const {
    if (fusion_.forms[group.head] == Form::dense) return StepKind::reference;
    switch (nodes()[group.head].op) {
      case Op::conv:
      case Op::linear:
        return StepKind::conv;
      case Op::max_pool:
      case Op::avg_pool:
        return StepKind::pool;
      case Op::global_avg_pool:
        return StepKind::global_average;
      case Op::add:
        return StepKind::add;
      case Op::concat:
        return StepKind::concat;
      case Op::flatten:
      case Op::reshape:
        return StepKind::flatten;
      default:
        return StepKind::affine;
    }
  }

  static void clip_to(const Node& node, ProgramStep& step) {
    if (node.op == Op::relu) step.low = 0.0F;
    if (node.op != Op::clip) return;
    step.low = static_cast<float>(node.attributes.minimum);
    step.high = static_cast<float>(node.attributes.maximum);
  }

  void emit(const Group& group) {
    ProgramStep step;
    step.kind = kind_of(group);
    step.node = group.head;
    step.name = nodes()[group.last].name;
    if (step.kind == StepKind::reference) return emit_reference(std::move(step));
    const Node& head = nodes()[group.head];
    clip_to(head, step);
    if (group.clip) clip_to(nodes()[*group.clip], step);
    const Element element = element_of(group.last);
    const int zero_point = quant_of(group.last).zero_point;
    const bool rows = head.op == Op::linear;
    const Shape& shape = nodes()[group.last].output_shape;
    const Planes out =
        rows ? row_planes(shape, element, zero_point) : image_planes(shape, element, zero_point);
    if (step.kind == StepKind::conv) {
      const NodeIndex x = head.inputs[0];
      const Shape& from = nodes()[x].output_shape;
      const int zero = quant_of(x).zero_point;
      step.inputs = {as_planes(x, rows ? row_planes(from, options_.element, zero)
                                       : image_planes(from, options_.element, zero))};
      if (group.residual) {
        Planes other = out;
        if (element == Element::u8) other.zero_point = quant_of(*group.residual).zero_point;
        step.residual = as_planes(*group.residual, other);
      }
    } else {
      for (const NodeIndex x : head.inputs) step.inputs.push_back(as_images(x, element));
    }
    const Planes& in = *program_.values[step.inputs[0]].planes;
    if (step.kind == StepKind::flatten && in.height * in.width == 1) {
      values_of_[group.last] = {step.inputs[0]};  // the same planes already
      return;
    }
    step.output = add_value(group.last, out);
    program_.steps.push_back(std::move(step));
  }

  void emit_reference(ProgramStep step) {
    for (const NodeIndex x : nodes()[step.node].inputs) {
      step.inputs.push_back(nodes()[x].op == Op::constant ? kConstant : as_dense(x));
    }
    step.output = add_value(step.node, std::nullopt);
    program_.steps.push_back(std::move(step));
  }

  const LoweringOptions& options_;
  Program program_;
  Fusion fusion_;
  std::vector<bool> reduced_;
  std::vector<Quant> quants_;
  std::vector<std::vector<ValueId>> values_of_;  // of each node, the one its step wrote first
};

}  // namespace

Program lower(const Graph& graph, const LoweringOptions& options) {
  return Lowerer(graph, options).all();
}

}  // namespace wbs::runtime
