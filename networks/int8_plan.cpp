#include "networks/int8_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "core/error.hpp"

namespace wbs::networks::int8 {
namespace {

using Kind = Int8Op::Kind;

/// For each conv and linear the batch norms that were folded into it, the last one first.
std::map<std::string, std::vector<std::string>> folded_norms(const Graph& original,
                                                             const Graph& folded) {
  std::set<std::string> kept;
  for (const Node& node : folded.nodes) kept.insert(node.name);
  std::map<std::string, std::vector<std::string>> norms;
  std::vector<std::string> layer_of(original.nodes.size());
  for (NodeIndex i = 0; i < original.nodes.size(); ++i) {
    const Node& node = original.nodes[i];
    const bool gone = node.op != Op::input && !kept.contains(node.name);
    layer_of[i] = gone ? layer_of[node.inputs[0]] : node.name;
    if (!gone || node.op != Op::batch_norm) continue;
    std::vector<std::string>& of_layer = norms[layer_of[i]];
    of_layer.insert(of_layer.begin(), node.name);
  }
  return norms;
}

/// The nodes that the output depends on, when a softmax at the end is left out.
std::vector<bool> needed_nodes(const Graph& graph, NodeIndex output) {
  std::vector<bool> needed(graph.nodes.size(), false);
  needed[0] = true;
  needed[output] = true;
  for (NodeIndex i = graph.nodes.size(); i-- > 0;) {
    if (!needed[i]) continue;
    for (const NodeIndex input : graph.nodes[i].inputs) needed[input] = true;
  }
  return needed;
}

std::string operands(const Graph& graph, const Node& node) {
  std::string text;
  for (const NodeIndex input : node.inputs) {
    text += (text.empty() ? "" : ", ") + wbs::to_string(graph.nodes[input].output_shape);
  }
  return text;
}

class Planner {
 public:
  Planner(const Graph& original, const Graph& graph, const Int8Options& options)
      : graph_(graph),
        options_(options),
        norms_(folded_norms(original, graph)),
        output_(graph.output),
        draft_of_(graph.nodes.size(), kNone),
        readers_(graph.nodes.size()) {
    if (graph.nodes[output_].op == Op::softmax) output_ = graph.nodes[output_].inputs[0];
    needed_ = needed_nodes(graph, output_);
    for (NodeIndex i = 0; i < graph.nodes.size(); ++i) {
      if (!needed_[i]) continue;
      for (const NodeIndex input : graph.nodes[i].inputs) ++readers_[input];
    }
    ++readers_[output_];  // the caller
  }

  Plan all() {
    for (NodeIndex i = 0; i < graph_.nodes.size(); ++i) {
      if (needed_[i]) visit(i);
    }
    if (draft_of_[output_] == kNone) refuse(graph_.nodes[output_], "it is the network's output");
    plan_.output = draft_of_[output_];
    return std::move(plan_);
  }

 private:
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

  [[noreturn]] void refuse(const Node& node, const std::string& why) const {
    throw Error(ErrorKind::unsupported,
                fmt::format("network '{}', node '{}' ({} of {}): not an integer operation: {}",
                            graph_.name, node.name, op_name(node.op), operands(graph_, node), why));
  }

  void visit(NodeIndex index) {
    const Node& node = graph_.nodes[index];
    switch (node.op) {
      case Op::input:
        return input(index);
      case Op::constant:
        return;  // its reader is refused
      case Op::conv:
        return conv(index);
      case Op::linear:
        return linear(index);
      case Op::max_pool:
      case Op::avg_pool:
        return pool(index);
      case Op::global_avg_pool:
      case Op::reduce_mean:
        return mean(index);
      case Op::add:
        return add(index);
      case Op::concat:
        return concat(index);
      case Op::relu:
      case Op::clip:
        return clip(index);
      case Op::flatten:
      case Op::reshape:
        return flatten(index);
      default:
        refuse(node, "no rule for this operator");
    }
  }

  /// The operation that gives the operand.
  std::size_t operand(const Node& node, std::size_t which) const {
    const std::size_t draft = draft_of_[node.inputs[which]];
    if (draft == kNone) refuse(node, "an operand is a constant");
    return draft;
  }

  const Int8Shape& shape_of(std::size_t draft) const { return plan_.drafts[draft].op.output; }

  Draft draft(NodeIndex index, Kind kind, const std::vector<std::size_t>& inputs) const {
    Draft result;
    const Node& node = graph_.nodes[index];
    result.op.kind = kind;
    result.op.name = result.op.result = node.name;
    result.op.inputs = inputs;
    result.node = index;
    result.scale_names = {node.name};
    if (const auto norms = norms_.find(node.name); norms != norms_.end()) {
      result.op.result = norms->second[0];
      result.scale_names.insert(result.scale_names.begin(), norms->second.begin(),
                                norms->second.end());
    }
    return result;
  }

  void append(NodeIndex index, Draft draft) {
    draft_of_[index] = plan_.drafts.size();
    plan_.drafts.push_back(std::move(draft));
    tips_.push_back(index);
  }

  /// The draft that may take over the node: nothing else reads its result.
  std::optional<std::size_t> open_draft(const Node& node) const {
    const NodeIndex from = node.inputs[0];
    const std::size_t draft = draft_of_[from];
    if (draft == kNone || tips_[draft] != from || readers_[from] != 1) return std::nullopt;
    return draft;
  }

  void set_image(const Node& node, Draft& draft) const {
    const Shape& shape = node.output_shape;
    const bool image = shape.size() == 4;
    if (!image && shape.size() != 2) refuse(node, "neither images nor vectors");
    draft.op.output.channels = shape[1];
    draft.op.output.rows = image ? shape[2] : 1;
    draft.op.output.columns = image ? shape[3] : 1;
  }

  void input(NodeIndex index) {
    Draft result = draft(index, Kind::input, {});
    set_image(graph_.nodes[index], result);
    append(index, std::move(result));
  }

  /// Window, stride and padding of an operation on `in`; rows and columns of padding that no window
  /// reaches are left out, those that only an incomplete last window needs are added.
  void set_window(const Node& node, Draft& draft) const {
    const Attributes& a = node.attributes;
    if (a.dilation != std::array<std::int64_t, 2>{1, 1}) refuse(node, "dilated windows");
    const Int8Shape& in = shape_of(draft.op.inputs[0]);
    const Int8Shape& out = draft.op.output;
    draft.op.window = a.kernel;
    draft.op.stride = a.stride;
    const auto after = [](std::int64_t count, std::int64_t stride, std::int64_t window,
                          std::int64_t before, std::int64_t extent) {
      return std::max<std::int64_t>((count - 1) * stride + window - before - extent, 0);
    };
    draft.op.padding = {a.padding.top, a.padding.left,
                        after(out.rows, a.stride[0], a.kernel[0], a.padding.top, in.rows),
                        after(out.columns, a.stride[1], a.kernel[1], a.padding.left, in.columns)};
  }

  void conv(NodeIndex index) {
    const Node& node = graph_.nodes[index];
    const std::size_t from = operand(node, 0);
    const std::int64_t channels = shape_of(from).channels;
    const std::int64_t groups = node.attributes.groups;
    const bool depthwise = groups > 1 && groups == channels && node.output_shape[1] == channels;
    Draft result = draft(index, depthwise ? Kind::depthwise : Kind::conv, {from});
    set_image(node, result);
    set_window(node, result);
    result.op.macs = result.op.output.elements() * (channels / groups) * result.op.window[0] *
                     result.op.window[1];
    append(index, std::move(result));
  }

  void linear(NodeIndex index) {
    const Node& node = graph_.nodes[index];
    const std::size_t from = operand(node, 0);
    Draft result = draft(index, Kind::conv, {from});
    set_image(node, result);
    if (graph_.nodes[node.inputs[0]].output_shape.size() != 2) {
      refuse(node, "a product of other than [batch][features]");
    }
    result.op.window = {shape_of(from).rows, shape_of(from).columns};
    result.op.macs = result.op.output.channels * shape_of(from).elements();
    append(index, std::move(result));
  }

  void pool(NodeIndex index) {
    const Node& node = graph_.nodes[index];
    const Attributes& a = node.attributes;
    const bool largest = node.op == Op::max_pool;
    Draft result = draft(index, largest ? Kind::max_pool : Kind::average_pool, {operand(node, 0)});
    set_image(node, result);
    set_window(node, result);
    const std::array<std::int64_t, 2> one{1, 1};
    if (a.kernel == one && a.stride == one && a.padding == Padding{}) {
      return reuse(index, result.op.inputs[0]);
    }
    const Padding& used = result.op.padding;
    if (!largest && used != Padding{} && !a.count_include_pad) {
      refuse(node, "averages that leave out the padding");
    }
    if (!largest && (used.bottom > a.padding.bottom || used.right > a.padding.right)) {
      refuse(node, "averages of incomplete windows");
    }
    append(index, std::move(result));
  }

  void mean(NodeIndex index) {
    const Node& node = graph_.nodes[index];
    const std::size_t from = operand(node, 0);
    if (graph_.nodes[node.inputs[0]].output_shape.size() != 4) {
      refuse(node, "a mean of other than images");
    }
    std::vector<std::int64_t> axes = node.attributes.axes;
    std::sort(axes.begin(), axes.end());
    if (node.op == Op::reduce_mean && axes != std::vector<std::int64_t>{2, 3}) {
      refuse(node, "a mean over other than rows and columns");
    }
    Draft result = draft(index, Kind::average_pool, {from});
    set_image(node, result);
    result.op.window = {shape_of(from).rows, shape_of(from).columns};
    append(index, std::move(result));
  }

  static bool same_extents(const Int8Shape& a, const Int8Shape& b) {
    return a.channels == b.channels && a.rows == b.rows && a.columns == b.columns;
  }

  /// The sum becomes part of its later operand, where that is a 1x1 convolution which nobody else
  /// reads and which nothing has clamped: its accumulators then start where the sum ends.
  bool fuse_sum(NodeIndex index, const std::vector<std::size_t>& operands) {
    const Node& node = graph_.nodes[index];
    const std::size_t later = operands[0] > operands[1] ? 0 : 1;
    const NodeIndex from = node.inputs[later];
    Draft& conv = plan_.drafts[operands[later]];
    const std::array<std::int64_t, 2> one{1, 1};
    const bool clamped = std::isfinite(conv.low) || std::isfinite(conv.high);
    if (operands[0] == operands[1] || conv.op.kind != Kind::conv || conv.op.window != one ||
        conv.op.inputs.size() != 1 || clamped || tips_[operands[later]] != from ||
        readers_[from] != 1) {
      return false;
    }
    conv.op.inputs.push_back(operands[1 - later]);
    conv.op.result = node.name;
    conv.scale_names = {node.name};
    draft_of_[index] = operands[later];
    tips_[operands[later]] = index;
    return true;
  }

  void add(NodeIndex index) {
    const Node& node = graph_.nodes[index];
    Draft result = draft(index, Kind::add, {operand(node, 0), operand(node, 1)});
    const Int8Shape& left = shape_of(result.op.inputs[0]);
    if (!same_extents(left, shape_of(result.op.inputs[1]))) refuse(node, "operands of two shapes");
    if (options_.fuse_add && fuse_sum(index, result.op.inputs)) return;
    result.op.output = left;
    append(index, std::move(result));
  }

  void concat(NodeIndex index) {
    const Node& node = graph_.nodes[index];
    std::vector<std::size_t> parts;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) parts.push_back(operand(node, i));
    if (node.attributes.axis != 1) refuse(node, "parts along another axis than channels");
    Draft result = draft(index, Kind::concat, parts);
    Int8Shape& out = result.op.output;
    out = shape_of(parts[0]);
    out.channels = 0;
    for (const std::size_t part : parts) {
      const Int8Shape& in = shape_of(part);
      if (in.rows != out.rows || in.columns != out.columns) refuse(node, "parts of two extents");
      out.channels += in.channels;
    }
    append(index, std::move(result));
  }

  static bool clamps(Kind kind) {
    return kind == Kind::conv || kind == Kind::depthwise || kind == Kind::add ||
           kind == Kind::average_pool;
  }

  /// Into the operation before, or else an average of 1x1 windows, which rescales and clamps.
  void clip(NodeIndex index) {
    const Node& node = graph_.nodes[index];
    const bool relu = node.op == Op::relu;
    const double low = relu ? 0.0 : node.attributes.minimum;
    const double high = relu ? std::numeric_limits<double>::infinity() : node.attributes.maximum;
    std::optional<std::size_t> open = open_draft(node);
    if (!open || !clamps(plan_.drafts[*open].op.kind)) {
      Draft own = draft(index, Kind::average_pool, {operand(node, 0)});
      own.op.output = shape_of(own.op.inputs[0]);
      open = plan_.drafts.size();
      append(index, std::move(own));
    } else {
      Draft& before = plan_.drafts[*open];
      before.op.result = node.name;
      before.scale_names.insert(before.scale_names.begin(), node.name);
      draft_of_[index] = *open;
      tips_[*open] = index;
    }
    Draft& clipped = plan_.drafts[*open];
    clipped.low = std::clamp(clipped.low, low, high);
    clipped.high = std::clamp(clipped.high, low, high);
  }

  /// Images and vectors of the same elements have the same bytes.
  void flatten(NodeIndex index) {
    const Node& node = graph_.nodes[index];
    const std::size_t from = operand(node, 0);
    Draft as_image;
    set_image(node, as_image);
    const bool vector = node.output_shape.size() == 2 && node.output_shape[0] == 1;
    if (!vector && !same_extents(as_image.op.output, shape_of(from))) {
      refuse(node, "neither the same image nor a vector of all of it");
    }
    reuse(index, from);
  }

  /// The node's result is that of an operation which is there already.
  void reuse(NodeIndex index, std::size_t draft) {
    const NodeIndex from = graph_.nodes[index].inputs[0];
    draft_of_[index] = draft;
    if (tips_[draft] == from && readers_[from] == 1) tips_[draft] = index;
  }

  const Graph& graph_;
  const Int8Options& options_;
  std::map<std::string, std::vector<std::string>> norms_;
  NodeIndex output_;
  std::vector<std::size_t> draft_of_;  // by node
  std::vector<std::size_t> readers_;   // of each node, among those that are needed
  std::vector<bool> needed_;
  std::vector<NodeIndex> tips_;  // of each draft, the last node that is in it
  Plan plan_;
};

}  // namespace

Plan make_plan(const Graph& original, const Graph& folded, const Int8Options& options) {
  return Planner(original, folded, options).all();
}

}  // namespace wbs::networks::int8
