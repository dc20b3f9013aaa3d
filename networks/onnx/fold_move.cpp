// Folded operators that create or move constants without computing on them.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/error.hpp"
#include "networks/onnx/fold.hpp"
#include "networks/onnx/fold_gathered.hpp"
#include "networks/onnx/slice_bounds.hpp"

namespace wbs::networks::onnx_io {
namespace {

/// The same elements under another shape.
HostTensor reshaped(HostTensor tensor, Shape shape) {
  if (element_count(shape) != static_cast<std::int64_t>(tensor.size())) {
    throw Error(ErrorKind::input,
                fmt::format("{} cannot take shape {}", to_string(tensor.shape), to_string(shape)));
  }
  tensor.shape = std::move(shape);
  return tensor;
}

std::optional<std::vector<std::int64_t>> axes_of(const NodeReader& node) {
  return node.has_input(1) ? node.integers(1, "axes") : node.integer_list("axes");
}

}  // namespace

std::vector<std::size_t> strides_of(const Shape& shape, bool broadcasts) {
  std::vector<std::size_t> strides(shape.size());
  std::size_t stride = 1;
  for (std::size_t k = shape.size(); k-- > 0;) {
    strides[k] = broadcasts && shape[k] == 1 ? 0 : stride;
    stride *= static_cast<std::size_t>(shape[k]);
  }
  return strides;
}

std::size_t strided_offset(std::size_t i, const Shape& shape,
                           const std::vector<std::size_t>& strides) {
  std::size_t offset = 0;
  for (std::size_t k = shape.size(); k-- > 0;) {
    const auto extent = static_cast<std::size_t>(shape[k]);
    offset += (i % extent) * strides[k];
    i /= extent;
  }
  return offset;
}

Shape broadcast_shape(const Shape& left, const Shape& right) {
  Shape result(std::max(left.size(), right.size()));
  for (std::size_t k = 0; k < result.size(); ++k) {
    const std::int64_t a = k < left.size() ? left[left.size() - 1 - k] : 1;
    const std::int64_t b = k < right.size() ? right[right.size() - 1 - k] : 1;
    if (a != b && a != 1 && b != 1) {
      throw Error(ErrorKind::input, fmt::format("{} and {} cannot be broadcast together",
                                                to_string(left), to_string(right)));
    }
    result[result.size() - 1 - k] = a == 1 ? b : a;
  }
  return result;
}

std::vector<std::size_t> broadcast_strides(const Shape& shape, const Shape& target) {
  std::vector<std::size_t> strides(target.size() - shape.size(), 0);
  const std::vector<std::size_t> own = strides_of(shape, true);
  strides.insert(strides.end(), own.begin(), own.end());
  return strides;
}

bool fold_constant(NodeReader& node) {
  using ::onnx::AttributeProto;
  if (node.proto().attribute_size() != 1) {
    throw Error(ErrorKind::input, "a Constant has exactly one attribute");
  }
  const AttributeProto& attribute = node.proto().attribute(0);
  const std::string& name = attribute.name();
  HostTensor value;
  if (name == "value" && attribute.type() == AttributeProto::TENSOR) {
    value = decode_tensor(attribute.t());
  } else if (name == "value_float" && attribute.type() == AttributeProto::FLOAT) {
    value = real_tensor({}, {attribute.f()});
  } else if (name == "value_int" && attribute.type() == AttributeProto::INT) {
    value = integer_tensor({}, {attribute.i()});
  } else if (name == "value_floats" && attribute.type() == AttributeProto::FLOATS) {
    value = real_tensor({attribute.floats_size()},
                        {attribute.floats().begin(), attribute.floats().end()});
  } else if (name == "value_ints" && attribute.type() == AttributeProto::INTS) {
    value =
        integer_tensor({attribute.ints_size()}, {attribute.ints().begin(), attribute.ints().end()});
  } else {
    throw Error(ErrorKind::unsupported,
                fmt::format("attribute '{}' of type {}; value (a tensor), value_float, value_int, "
                            "value_floats and value_ints are supported",
                            name, AttributeProto::AttributeType_Name(attribute.type())));
  }
  node.set_output(std::move(value));
  if (node.importer().own_file) node.materialise_output();
  return true;
}

bool fold_shape(NodeReader& node) {
  const Shape shape = node.shape(0);
  const auto rank = static_cast<std::int64_t>(shape.size());
  const auto bound = [&](const char* name, std::int64_t absent) {
    const std::int64_t index = node.integer(name, absent);
    return std::clamp<std::int64_t>(index < 0 ? index + rank : index, 0, rank);
  };
  const std::int64_t start = bound("start", 0);
  const std::int64_t end = std::max(start, bound("end", rank));
  HostTensor result = integer_tensor({end - start}, {shape.begin() + start, shape.begin() + end});
  result.from_shape = !node.is_constant(0);
  node.set_output(std::move(result));
  return true;
}

bool fold_size(NodeReader& node) {
  HostTensor result = integer_tensor({}, {element_count(node.shape(0))});
  result.from_shape = !node.is_constant(0);
  node.set_output(std::move(result));
  return true;
}

bool fold_identity(NodeReader& node) {
  node.alias_output(0);
  // Our exporter writes a learned constant as an initialiser behind an Identity of its name.
  if (node.importer().own_file) node.materialise_output();
  return true;
}

bool fold_reshape(NodeReader& node) {
  std::vector<std::int64_t> target = node.integers(1, "shape");
  HostTensor tensor = node.constant(0);
  const bool keeps_zero = node.integer("allowzero", 0) != 0;
  std::int64_t known = 1;
  std::optional<std::size_t> inferred;
  for (std::size_t k = 0; k < target.size(); ++k) {
    if (target[k] == 0 && !keeps_zero) {
      if (k >= tensor.shape.size())
        throw Error(ErrorKind::input, "keeps an axis that is not there");
      target[k] = tensor.shape[k];
    }
    if (target[k] == -1) {
      if (inferred) throw Error(ErrorKind::input, "infers two extents");
      inferred = k;
    } else if (target[k] < 0 || __builtin_mul_overflow(known, target[k], &known)) {
      throw Error(ErrorKind::input, fmt::format("shape {} is not possible", to_string(target)));
    }
  }
  if (inferred) {
    target[*inferred] = known == 0 ? 0 : static_cast<std::int64_t>(tensor.size()) / known;
  }
  node.set_output(reshaped(std::move(tensor), std::move(target)));
  return true;
}

bool fold_squeeze(NodeReader& node) {
  HostTensor tensor = node.constant(0);
  const auto axes = axes_of(node);
  std::vector<bool> removed(tensor.shape.size(), false);
  for (std::size_t k = 0; !axes && k < tensor.shape.size(); ++k) removed[k] = tensor.shape[k] == 1;
  for (const std::int64_t axis : axes.value_or(std::vector<std::int64_t>())) {
    removed[static_cast<std::size_t>(resolved_axis(axis, tensor.shape.size()))] = true;
  }
  Shape target;
  for (std::size_t k = 0; k < tensor.shape.size(); ++k) {
    if (!removed[k]) target.push_back(tensor.shape[k]);
  }
  node.set_output(reshaped(std::move(tensor), std::move(target)));
  return true;
}

bool fold_unsqueeze(NodeReader& node) {
  HostTensor tensor = node.constant(0);
  const auto axes = axes_of(node);
  if (!axes) throw Error(ErrorKind::input, "axes are missing");
  const std::size_t rank = tensor.shape.size() + axes->size();
  std::vector<bool> inserted(rank, false);
  for (const std::int64_t axis : *axes) {
    const auto index = static_cast<std::size_t>(resolved_axis(axis, rank));
    if (inserted[index]) throw Error(ErrorKind::input, fmt::format("axis {} is there twice", axis));
    inserted[index] = true;
  }
  Shape target;
  auto extent = tensor.shape.begin();
  for (std::size_t k = 0; k < rank; ++k) target.push_back(inserted[k] ? 1 : *extent++);
  node.set_output(reshaped(std::move(tensor), std::move(target)));
  return true;
}

bool fold_transpose(NodeReader& node) {
  const HostTensor tensor = node.constant(0);
  const std::size_t rank = tensor.shape.size();
  std::vector<std::int64_t> permutation(rank);
  std::iota(permutation.rbegin(), permutation.rend(), 0);
  if (const auto list = node.integer_list("perm")) permutation = *list;
  std::vector<std::int64_t> sorted = permutation;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t k = 0; k < sorted.size(); ++k) {
    if (sorted.size() != rank || sorted[k] != static_cast<std::int64_t>(k)) {
      throw Error(ErrorKind::input, fmt::format("({}) is not a permutation of {} axes",
                                                to_string(permutation), rank));
    }
  }
  const std::vector<std::size_t> own = strides_of(tensor.shape);
  Shape shape;
  std::vector<std::size_t> strides;
  for (const std::int64_t axis : permutation) {
    shape.push_back(tensor.shape[static_cast<std::size_t>(axis)]);
    strides.push_back(own[static_cast<std::size_t>(axis)]);
  }
  node.set_output(
      gathered(tensor, shape, [&](std::size_t i) { return strided_offset(i, shape, strides); }));
  return true;
}

bool fold_concat(NodeReader& node) {
  if (!node.has_attribute("axis")) throw Error(ErrorKind::input, "attribute 'axis' is missing");
  std::vector<HostTensor> parts;
  parts.reserve(node.input_count());
  for (std::size_t i = 0; i < node.input_count(); ++i) parts.push_back(node.constant(i));
  HostTensor result;
  result.kind = parts[0].kind;
  result.shape = parts[0].shape;
  const auto axis =
      static_cast<std::size_t>(resolved_axis(node.integer("axis", 0), result.shape.size()));
  result.shape[axis] = 0;
  for (const HostTensor& part : parts) {
    Shape expected = part.shape;
    if (expected.size() == result.shape.size()) expected[axis] = result.shape[axis];
    if (part.kind != result.kind || expected != result.shape) {
      throw Error(ErrorKind::input,
                  fmt::format("{} and {} cannot be joined along axis {}", to_string(parts[0].shape),
                              to_string(part.shape), axis));
    }
    result.shape[axis] += part.shape[axis];
    result.from_shape = result.from_shape || part.from_shape;
  }
  const auto count = element_count(result.shape);
  node.require_room(count);
  (result.is_real() ? result.reals.resize(static_cast<std::size_t>(count))
                    : result.integers.resize(static_cast<std::size_t>(count)));
  const auto after = static_cast<std::ptrdiff_t>(axis) + 1;
  const auto inner = static_cast<std::size_t>(
      element_count(Shape(result.shape.begin() + after, result.shape.end())));
  const std::size_t whole_run = static_cast<std::size_t>(result.shape[axis]) * inner;
  std::size_t start = 0;
  for (const HostTensor& part : parts) {
    const std::size_t run = static_cast<std::size_t>(part.shape[axis]) * inner;
    for (std::size_t from = 0, to = start; from < part.size(); from += run, to += whole_run) {
      if (part.is_real()) {
        std::copy_n(&part.reals[from], run, &result.reals[to]);
      } else {
        std::copy_n(&part.integers[from], run, &result.integers[to]);
      }
    }
    start += run;
  }
  node.set_output(std::move(result));
  return true;
}

bool fold_gather(NodeReader& node) {
  const HostTensor tensor = node.constant(0);
  const HostTensor indices = node.constant(1);
  if (indices.is_real()) throw Error(ErrorKind::input, "the indices are not integers");
  const auto axis =
      static_cast<std::size_t>(resolved_axis(node.integer("axis", 0), tensor.shape.size()));
  const std::int64_t extent = tensor.shape[axis];
  std::vector<std::size_t> picked;
  for (const std::int64_t index : indices.integers) {
    if (index < -extent || index >= extent) {
      throw Error(ErrorKind::input,
                  fmt::format("index {} is outside an axis of {}", index, extent));
    }
    picked.push_back(static_cast<std::size_t>(index < 0 ? index + extent : index));
  }
  const auto split = tensor.shape.begin() + static_cast<std::ptrdiff_t>(axis);
  Shape shape(tensor.shape.begin(), split);
  shape.insert(shape.end(), indices.shape.begin(), indices.shape.end());
  shape.insert(shape.end(), split + 1, tensor.shape.end());
  node.require_room(element_count(shape));
  const auto inner = static_cast<std::size_t>(element_count(Shape(split + 1, tensor.shape.end())));
  node.set_output(gathered(tensor, std::move(shape), [&](std::size_t i) {
    const std::size_t row = i / inner;
    const std::size_t outer = row / picked.size();
    return (outer * static_cast<std::size_t>(extent) + picked[row % picked.size()]) * inner +
           i % inner;
  }));
  return true;
}

bool fold_slice(NodeReader& node) {
  const std::vector<SliceBounds> slices = slice_bounds(node);
  const HostTensor tensor = node.constant(0);
  Shape shape = tensor.shape;
  std::vector<std::int64_t> first(shape.size(), 0);
  std::vector<std::int64_t> step(shape.size(), 1);
  for (const SliceBounds& bounds : slices) {
    shape[bounds.axis] = bounds.count;
    first[bounds.axis] = bounds.begin;
    step[bounds.axis] = bounds.step;
  }
  const std::vector<std::size_t> strides = strides_of(tensor.shape);
  node.set_output(gathered(tensor, shape, [&](std::size_t i) {
    std::size_t offset = 0;
    for (std::size_t k = shape.size(); k-- > 0;) {
      const auto extent = static_cast<std::size_t>(shape[k]);
      const std::int64_t at = first[k] + static_cast<std::int64_t>(i % extent) * step[k];
      offset += static_cast<std::size_t>(at) * strides[k];
      i /= extent;
    }
    return offset;
  }));
  return true;
}

bool fold_expand(NodeReader& node) {
  const HostTensor tensor = node.constant(0);
  const Shape wanted = node.integers(1, "shape");
  static_cast<void>(element_count(wanted));
  const Shape shape = broadcast_shape(tensor.shape, wanted);
  node.require_room(element_count(shape));
  const std::vector<std::size_t> strides = broadcast_strides(tensor.shape, shape);
  node.set_output(
      gathered(tensor, shape, [&](std::size_t i) { return strided_offset(i, shape, strides); }));
  return true;
}

bool fold_constant_of_shape(NodeReader& node) {
  Shape shape = node.integers(0, "shape");
  node.require_room(element_count(shape));
  HostTensor value = real_tensor({1}, {0.0F});
  if (const ::onnx::AttributeProto* attribute = node.find_attribute("value")) {
    if (attribute->type() != ::onnx::AttributeProto::TENSOR) {
      throw Error(ErrorKind::input, "attribute 'value' is not a tensor");
    }
    value = decode_tensor(attribute->t());
  }
  if (value.size() != 1) {
    throw Error(ErrorKind::input,
                fmt::format("attribute 'value' holds {} values; one is expected", value.size()));
  }
  value.from_shape = node.is_from_shape(0);
  node.set_output(gathered(value, std::move(shape), [](std::size_t) { return std::size_t{0}; }));
  return true;
}

}  // namespace wbs::networks::onnx_io
