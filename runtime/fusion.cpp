#include "runtime/fusion.hpp"

#include <algorithm>

namespace wbs::runtime {
namespace {

using networks::Graph;
using networks::Node;
using networks::NodeIndex;
using networks::Op;

bool has_kernel(const Node& node) {
  return node.op == Op::conv || node.op == Op::linear;
}

bool is_clip(const Node& node) {
  return node.op == Op::relu || node.op == Op::clip;
}

/// Windows that lie wholly in the padding have no maximum: only the reference knows what then.
bool windows_meet_image(const Node& node) {
  const networks::Padding& p = node.attributes.padding;
  const auto& kernel = node.attributes.kernel;
  return p.top < kernel[0] && p.bottom < kernel[0] && p.left < kernel[1] && p.right < kernel[1];
}

/// A flatten or reshape from [n][...] to [n][rest].
bool keeps_batch_and_flattens(const Graph& graph, const Node& node) {
  const Shape& from = graph.nodes[node.inputs[0]].output_shape;
  const Shape& to = node.output_shape;
  return !from.empty() && to.size() == 2 && to[0] == from[0];
}

Form form_of(const Graph& graph, const Node& node, const std::vector<Form>& forms) {
  const bool from_images = std::all_of(node.inputs.begin(), node.inputs.end(), [&](NodeIndex i) {
    return forms[i] == Form::images ||
           (forms[i] == Form::rows && graph.nodes[i].output_shape.size() == 2);
  });
  switch (node.op) {
    case Op::conv:
      return Form::images;
    case Op::linear:
      return Form::rows;
    case Op::max_pool:
    case Op::avg_pool:
      return from_images && windows_meet_image(node) ? Form::images : Form::dense;
    case Op::global_avg_pool:
    case Op::relu:
    case Op::clip:
    case Op::batch_norm:
      return from_images ? Form::images : Form::dense;
    case Op::add:
      return from_images && adds_equal_shapes(graph, node) ? Form::images : Form::dense;
    case Op::concat:
      return from_images && node.attributes.axis == 1 ? Form::images : Form::dense;
    case Op::flatten:
    case Op::reshape:
      return from_images && keeps_batch_and_flattens(graph, node) ? Form::images : Form::dense;
    default:
      return Form::dense;
  }
}

class Fuser {
 public:
  explicit Fuser(const Graph& graph)
      : graph_(graph), readers_(networks::consumers(graph)), group_of_(graph.nodes.size()) {}

  Fusion all() {
    Fusion fusion;
    fusion.forms.assign(graph_.nodes.size(), Form::dense);
    for (NodeIndex i = 0; i < graph_.nodes.size(); ++i) {
      fusion.forms[i] = form_of(graph_, graph_.nodes[i], fusion.forms);
      const Node& node = graph_.nodes[i];
      if (node.op == Op::input || node.op == Op::constant) continue;
      if (joins(i, fusion.forms)) continue;
      group_of_[i] = groups_.size();
      groups_.push_back({i, {}, {}, {}, i});
    }
    std::sort(groups_.begin(), groups_.end(),
              [](const Group& a, const Group& b) { return a.last < b.last; });
    fusion.groups = std::move(groups_);
    return fusion;
  }

 private:
  /// The group that ends in `node` and whose result only the next node reads.
  Group* open_group(NodeIndex node) {
    if (!group_of_[node] || readers_[node].size() != 1 || graph_.output == node) return nullptr;
    return &groups_[*group_of_[node]];
  }

  bool joins(NodeIndex index, const std::vector<Form>& forms) {
    const Node& node = graph_.nodes[index];
    if (forms[index] == Form::dense) return false;
    if (is_clip(node)) return joins_as_clip(index);
    if (node.op == Op::add) return joins_as_addition(index);
    return false;
  }

  bool joins_as_clip(NodeIndex index) {
    Group* group = open_group(graph_.nodes[index].inputs[0]);
    if (group == nullptr || group->clip) return false;
    const Node& head = graph_.nodes[group->head];
    if (!has_kernel(head) && head.op != Op::add && head.op != Op::batch_norm) return false;
    group->clip = index;
    return joined(index, *group);
  }

  bool joins_as_addition(NodeIndex index) {
    const Node& node = graph_.nodes[index];
    // The later operand: the other one is then ready when the group runs.
    std::array<NodeIndex, 2> operands{node.inputs[0], node.inputs[1]};
    if (operands[0] < operands[1]) std::swap(operands[0], operands[1]);
    for (std::size_t i = 0; i < 2; ++i) {
      Group* group = open_group(operands[i]);
      if (group == nullptr || group->clip || group->addition) continue;
      if (!has_kernel(graph_.nodes[group->head])) continue;
      group->addition = index;
      group->residual = operands[1 - i];
      return joined(index, *group);
    }
    return false;
  }

  bool joined(NodeIndex index, Group& group) {
    group_of_[index] = group_of_[group.head];
    group.last = index;
    return true;
  }

  const Graph& graph_;
  std::vector<std::vector<NodeIndex>> readers_;
  std::vector<std::optional<std::size_t>> group_of_;
  std::vector<Group> groups_;
};

}  // namespace

bool adds_equal_shapes(const Graph& graph, const Node& node) {
  return std::all_of(node.inputs.begin(), node.inputs.end(),
                     [&](NodeIndex i) { return graph.nodes[i].output_shape == node.output_shape; });
}

Fusion fuse(const Graph& graph) {
  return Fuser(graph).all();
}

}  // namespace wbs::runtime
