// Operators that take parts of a tensor or add to its border.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/error.hpp"
#include "networks/onnx/model_reader.hpp"
#include "networks/onnx/operators.hpp"
#include "networks/onnx/slice_bounds.hpp"

namespace wbs::networks::onnx_io {
namespace {

/// An index as Slice means it: from the end when negative, then clamped.
std::int64_t clamped(std::int64_t index, std::int64_t extent, std::int64_t low, std::int64_t high) {
  return std::clamp(index < 0 ? index + extent : index, low, high);
}

SliceBounds bounds_along(std::size_t axis, std::int64_t extent, std::int64_t start,
                         std::int64_t end, std::int64_t step) {
  if (step == 0 || step == std::numeric_limits<std::int64_t>::min()) {
    throw Error(ErrorKind::input, fmt::format("a slice cannot have step {}", step));
  }
  SliceBounds bounds;
  bounds.axis = axis;
  bounds.step = step;
  if (step > 0) {
    bounds.begin = clamped(start, extent, 0, extent);
    bounds.end = clamped(end, extent, 0, extent);
    const std::int64_t span = std::max<std::int64_t>(bounds.end - bounds.begin, 0);
    bounds.count = span / step + (span % step != 0 ? 1 : 0);
    bounds.end = std::max(bounds.end, end);  // past the extent, the IR means the extent as well
  } else {
    bounds.begin = clamped(start, extent, -1, extent - 1);
    bounds.end = clamped(end, extent, -1, extent - 1);
    const std::int64_t span = std::max<std::int64_t>(bounds.begin - bounds.end, 0);
    bounds.count = span / -step + (span % -step != 0 ? 1 : 0);
  }
  return bounds;
}

/// Appends [begin, end) of axis `axis` of `x`; `x` itself when that is all of it.
NodeIndex add_slice(NodeReader& node, std::string_view wanted, NodeIndex x,
                    const SliceBounds& bounds) {
  Attributes attributes;
  attributes.axis = static_cast<std::int64_t>(bounds.axis);
  attributes.begin = bounds.begin;
  attributes.end = bounds.end;
  attributes.step = bounds.step;
  return node.add_named(wanted, Op::slice, {x}, std::move(attributes));
}

SliceBounds simple_bounds(std::size_t axis, std::int64_t begin, std::int64_t end) {
  SliceBounds bounds;
  bounds.axis = axis;
  bounds.begin = begin;
  bounds.end = end;
  bounds.count = end - begin;
  return bounds;
}

/// Where consecutive `indices` begin in an axis of `extent`; Error when they are not consecutive.
std::int64_t first_of_run(const std::vector<std::int64_t>& indices, std::int64_t extent) {
  std::int64_t first = 0;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const std::int64_t index = indices[i] < 0 ? indices[i] + extent : indices[i];
    if (index < 0 || index >= extent) {
      throw Error(ErrorKind::input,
                  fmt::format("index {} is outside an axis of {}", indices[i], extent));
    }
    if (i == 0) first = index;
    if (index != first + static_cast<std::int64_t>(i)) {
      throw Error(ErrorKind::unsupported,
                  "gathers indices of an activation that are not "
                  "consecutive");
    }
  }
  return first;
}

}  // namespace

std::vector<SliceBounds> slice_bounds(const NodeReader& node) {
  const Shape shape = node.shape(0);
  const std::vector<std::int64_t> starts = node.integers(1, "starts");
  const std::vector<std::int64_t> ends = node.integers(2, "ends");
  std::vector<std::int64_t> axes(starts.size());
  std::iota(axes.begin(), axes.end(), 0);
  if (node.has_input(3)) axes = node.integers(3, "axes");
  std::vector<std::int64_t> steps(starts.size(), 1);
  if (node.has_input(4)) steps = node.integers(4, "steps");
  if (ends.size() != starts.size() || axes.size() != starts.size() ||
      steps.size() != starts.size()) {
    throw Error(
        ErrorKind::input,
        fmt::format("{} starts, {} ends, {} axes and {} steps; as many of each are expected",
                    starts.size(), ends.size(), axes.size(), steps.size()));
  }
  std::vector<SliceBounds> slices;
  std::vector<bool> seen(shape.size(), false);
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const auto axis = static_cast<std::size_t>(resolved_axis(axes[i], shape.size()));
    if (seen[axis]) throw Error(ErrorKind::input, fmt::format("axis {} is there twice", axis));
    seen[axis] = true;
    slices.push_back(bounds_along(axis, shape[axis], starts[i], ends[i], steps[i]));
  }
  return slices;
}

void import_slice(NodeReader& node) {
  const std::vector<SliceBounds> slices = slice_bounds(node);
  const Shape shape = node.shape(0);
  std::vector<SliceBounds> needed;
  for (const SliceBounds& bounds : slices) {
    if (bounds.count < 1) {
      throw Error(ErrorKind::unsupported, fmt::format("the slice along axis {} of {} is empty",
                                                      bounds.axis, to_string(shape)));
    }
    if (bounds.step < 0) {
      throw Error(ErrorKind::unsupported, "slices an activation backwards");
    }
    const bool whole = bounds.step == 1 && bounds.count == shape[bounds.axis];
    if (!whole || slices.size() == 1) needed.push_back(bounds);
  }
  NodeIndex x = node.activation(0);
  if (needed.empty()) return node.alias_output(0);
  for (std::size_t i = 0; i < needed.size(); ++i) {
    const bool last = i + 1 == needed.size();
    x = add_slice(node, last ? node.name() : fmt::format("{}.axis{}", node.name(), needed[i].axis),
                  x, needed[i]);
  }
  node.set_output(x);
}

void import_gather(NodeReader& node) {
  const Shape shape = node.shape(0);
  const auto axis = static_cast<std::size_t>(resolved_axis(node.integer("axis", 0), shape.size()));
  const bool single = node.shape(1).empty();
  const std::vector<std::int64_t> indices = node.integers(1, "indices");
  if (indices.empty()) throw Error(ErrorKind::unsupported, "gathers nothing");
  const std::int64_t first = first_of_run(indices, shape[axis]);
  const SliceBounds bounds =
      simple_bounds(axis, first, first + static_cast<std::int64_t>(indices.size()));
  const NodeIndex x = node.activation(0);
  if (!single) {
    node.set_output(add_slice(node, node.name(), x, bounds));
    return;
  }
  const NodeIndex part = add_slice(node, node.name() + ".slice", x, bounds);
  Attributes attributes;
  attributes.shape = shape;
  attributes.shape.erase(attributes.shape.begin() + static_cast<std::ptrdiff_t>(axis));
  if (axis > 0) attributes.shape[0] = 0;
  node.set_output(node.add(Op::reshape, {part}, std::move(attributes)));
}

void import_split(NodeReader& node) {
  const Shape shape = node.shape(0);
  const auto axis = static_cast<std::size_t>(resolved_axis(node.integer("axis", 0), shape.size()));
  const int outputs = node.proto().output_size();
  if (outputs == 0) throw Error(ErrorKind::input, "it has no output");
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(outputs), shape[axis] / outputs);
  if (node.has_input(1)) {
    sizes = node.integers(1, "split");
  } else if (const auto list = node.integer_list("split")) {
    sizes = *list;
  } else if (shape[axis] % outputs != 0) {
    throw Error(ErrorKind::input, fmt::format("an axis of {} cannot be split into {} equal parts",
                                              shape[axis], outputs));
  }
  const auto in_range = [&](std::int64_t size) { return size >= 1 && size <= shape[axis]; };
  if (sizes.size() != static_cast<std::size_t>(outputs) ||
      !std::all_of(sizes.begin(), sizes.end(), in_range) ||
      std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0}) != shape[axis]) {
    throw Error(ErrorKind::input,
                fmt::format("the parts ({}) must be positive, one per output, and add up to {}",
                            to_string(sizes), shape[axis]));
  }
  const NodeIndex x = node.activation(0);
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const NodeIndex part = add_slice(node, fmt::format("{}.{}", node.name(), i), x,
                                     simple_bounds(axis, begin, begin + sizes[i]));
    node.set_output(part, i);
    begin += sizes[i];
  }
}

void import_pad(NodeReader& node) {
  if (const std::string mode = node.text("mode", "constant"); mode != "constant") {
    throw Error(ErrorKind::unsupported,
                fmt::format("mode is {}; only constant padding is supported", in_quotes(mode)));
  }
  const float filling = node.has_input(2) ? node.scalar(2, "constant_value") : 0.0F;
  if (filling != 0.0F) {
    throw Error(ErrorKind::unsupported,
                fmt::format("pads with {}; only padding with 0 is supported", filling));
  }
  const std::size_t rank = node.shape(0).size();
  Attributes attributes;
  attributes.pads = node.integers(1, "pads");
  if (attributes.pads.size() != 2 * rank ||
      std::any_of(attributes.pads.begin(), attributes.pads.end(), [](std::int64_t value) {
        return value < 0 || value > std::numeric_limits<std::int32_t>::max();
      })) {
    throw Error(ErrorKind::unsupported,
                fmt::format("pads are {}; {} numbers from 0 on are expected",
                            to_string(attributes.pads), 2 * rank));
  }
  node.set_output(node.add(Op::pad, {node.activation(0)}, std::move(attributes)));
}

}  // namespace wbs::networks::onnx_io
