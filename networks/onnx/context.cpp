#include "networks/onnx/context.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "core/error.hpp"
#include "networks/onnx/model_reader.hpp"

namespace wbs::networks::onnx_io {
namespace {

using ::onnx::AttributeProto;

/// Longest constant that makes sense as a shape, an axis list or slice bounds.
constexpr std::int64_t kLongestList = 4096;

void charge(std::int64_t& left, std::int64_t elements, const char* what) {
  if (elements > left) {
    throw Error(ErrorKind::unsupported,
                fmt::format("{} of the network need too much memory ({} more elements, {} left)",
                            what, elements, left));
  }
  left -= elements;
}

Shape constant_shape(const Value& value) {
  return value.constant ? value.constant->shape : shape_of(*value.initialiser);
}

}  // namespace

std::int64_t resolved_axis(std::int64_t axis, std::size_t rank) {
  const auto signed_rank = static_cast<std::int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank) {
    throw Error(ErrorKind::input,
                fmt::format("axis {} is outside a tensor of {} dimensions", axis, rank));
  }
  return axis < 0 ? axis + signed_rank : axis;
}

double shortest_double(float value) {
  if (!std::isfinite(value)) return static_cast<double>(value);
  const std::string text = fmt::format("{}", value);
  double result = 0.0;
  const auto end = text.data() + text.size();
  return std::from_chars(text.data(), end, result).ptr == end ? result : static_cast<double>(value);
}

NodeIndex Importer::add_node(Node node, std::map<std::string, Tensor> tensors) {
  std::int64_t elements = 0;
  for (auto& [role, tensor] : tensors) {
    elements += static_cast<std::int64_t>(tensor.values.size());
    node.weight_shapes[role] = tensor.shape;
  }
  charge(weight_elements_left, elements, "weights");
  const NodeIndex index = builder.add(std::move(node));
  for (auto& [role, tensor] : tensors) {
    weights[weight_key(builder.graph().nodes[index], role)] = std::move(tensor);
  }
  return index;
}

bool NodeReader::has_input(std::size_t index) const {
  return index < input_count() && !proto_.input(static_cast<int>(index)).empty();
}

Value& NodeReader::value(std::size_t index) const {
  if (!has_input(index)) {
    throw Error(ErrorKind::input, fmt::format("input {} is missing", index));
  }
  const std::string& input = proto_.input(static_cast<int>(index));
  const auto found = importer_.values.find(input);
  if (found != importer_.values.end()) return found->second;
  const auto producer = importer_.producers.find(input);
  if (producer == importer_.producers.end()) {
    throw Error(ErrorKind::input, fmt::format("input {} does not exist", in_quotes(input)));
  }
  throw Error(ErrorKind::input,
              fmt::format("input {} is computed only later, by node {} ({}): the graph has a cycle "
                          "or is not in execution order",
                          in_quotes(input), in_quotes(producer->second->name()),
                          in_quotes(producer->second->op_type())));
}

bool NodeReader::is_constant(std::size_t index) const {
  return value(index).is_constant();
}

bool NodeReader::is_from_shape(std::size_t index) const {
  const Value& operand = value(index);
  return operand.constant != nullptr && operand.constant->from_shape;
}

Shape NodeReader::shape(std::size_t index) const {
  const Value& operand = value(index);
  return operand.node ? importer_.builder.shape(*operand.node) : constant_shape(operand);
}

HostTensor NodeReader::decoded(const Value& operand) const {
  return operand.constant ? *operand.constant : decode_tensor(*operand.initialiser);
}

NodeIndex NodeReader::activation(std::size_t index) {
  Value& operand = value(index);
  const std::string& input = proto_.input(static_cast<int>(index));
  if (!operand.node) {
    operand.node = constant_node(operand, input, importer_.names.wanted_value(input));
  }
  return *operand.node;
}

NodeIndex NodeReader::constant_node(const Value& constant, const std::string& shown,
                                    const std::string& wanted) {
  HostTensor tensor = decoded(constant);
  if (!tensor.is_real()) {
    throw Error(ErrorKind::unsupported,
                fmt::format("input {} is an integer constant; a float tensor is expected",
                            in_quotes(shown)));
  }
  Node node;
  node.op = Op::constant;
  node.name = importer_.names.unique(wanted);
  std::map<std::string, Tensor> tensors;
  if (tensor.shape.empty()) {
    node.attributes.value = shortest_double(tensor.reals[0]);
  } else {
    node.attributes.learned = constant.initialiser != nullptr;
    tensors.emplace("value", Tensor(tensor.shape, std::move(tensor.reals)));
  }
  return importer_.add_node(std::move(node), std::move(tensors));
}

void NodeReader::materialise_output() {
  const std::string& output = proto_.output(0);
  const auto found = importer_.values.find(output);
  if (found == importer_.values.end()) return;
  Value& result = found->second;
  if (result.initialiser != nullptr ? !holds_reals(*result.initialiser)
                                    : !result.constant->is_real()) {
    return;
  }
  result.node = constant_node(result, output, name());
}

HostTensor NodeReader::constant(std::size_t index) {
  const Value& operand = value(index);
  if (!operand.is_constant()) {
    throw Error(ErrorKind::unsupported,
                fmt::format("input {} must be a constant, but the network computes it",
                            in_quotes(proto_.input(static_cast<int>(index)))));
  }
  charge(importer_.folded_elements_left, element_count(constant_shape(operand)), "constants");
  return decoded(operand);
}

Tensor NodeReader::weight(std::size_t index, const char* role) {
  const Value& operand = value(index);
  const std::string& input = proto_.input(static_cast<int>(index));
  if (!operand.is_constant()) {
    throw Error(ErrorKind::unsupported,
                fmt::format("{} {} must be a constant, but the network computes it", role,
                            in_quotes(input)));
  }
  const std::int64_t elements = element_count(constant_shape(operand));
  if (elements > importer_.weight_elements_left) {
    charge(importer_.weight_elements_left, elements, "weights");
  }
  HostTensor tensor = decoded(operand);
  if (!tensor.is_real()) {
    throw Error(ErrorKind::input, fmt::format("{} {} holds integers; floating-point numbers are "
                                              "expected",
                                              role, in_quotes(input)));
  }
  return {std::move(tensor.shape), std::move(tensor.reals)};
}

std::vector<std::int64_t> NodeReader::integers(std::size_t index, const char* role) const {
  const Value& operand = value(index);
  const std::string shown = in_quotes(proto_.input(static_cast<int>(index)));
  if (!operand.is_constant()) {
    throw Error(ErrorKind::unsupported,
                fmt::format("{} {} must be known without running the network", role, shown));
  }
  const Shape extents = constant_shape(operand);
  if (extents.size() > 1 || element_count(extents) > kLongestList) {
    throw Error(ErrorKind::input, fmt::format("{} {} is of shape {}; a short list is expected",
                                              role, shown, to_string(extents)));
  }
  HostTensor tensor = decoded(operand);
  if (tensor.is_real()) {
    throw Error(ErrorKind::input, fmt::format("{} {} holds floating-point numbers; integers are "
                                              "expected",
                                              role, shown));
  }
  return std::move(tensor.integers);
}

float NodeReader::scalar(std::size_t index, const char* role) const {
  const Value& operand = value(index);
  const std::string shown = in_quotes(proto_.input(static_cast<int>(index)));
  if (!operand.is_constant()) {
    throw Error(ErrorKind::unsupported,
                fmt::format("{} {} must be a constant, but the network computes it", role, shown));
  }
  if (element_count(constant_shape(operand)) != 1) {
    throw Error(ErrorKind::input, fmt::format("{} {} is of shape {}; one number is expected", role,
                                              shown, to_string(constant_shape(operand))));
  }
  const HostTensor tensor = decoded(operand);
  return tensor.is_real() ? tensor.reals[0] : static_cast<float>(tensor.integers[0]);
}

const AttributeProto* NodeReader::find_attribute(std::string_view name) const {
  for (const AttributeProto& attribute : proto_.attribute()) {
    if (attribute.name() == name) return &attribute;
  }
  return nullptr;
}

bool NodeReader::has_attribute(std::string_view name) const {
  return find_attribute(name) != nullptr;
}

const AttributeProto* NodeReader::typed(std::string_view name,
                                        AttributeProto::AttributeType type) const {
  const AttributeProto* attribute = find_attribute(name);
  if (attribute != nullptr && attribute->type() != type) {
    throw Error(ErrorKind::input, fmt::format("attribute '{}' is of type {}, expected {}", name,
                                              AttributeProto::AttributeType_Name(attribute->type()),
                                              AttributeProto::AttributeType_Name(type)));
  }
  return attribute;
}

std::int64_t NodeReader::integer(std::string_view name, std::int64_t absent) const {
  const AttributeProto* attribute = typed(name, AttributeProto::INT);
  return attribute != nullptr ? attribute->i() : absent;
}

double NodeReader::real(std::string_view name, double absent) const {
  const AttributeProto* attribute = typed(name, AttributeProto::FLOAT);
  if (attribute == nullptr) return absent;
  if (!std::isfinite(attribute->f())) {
    throw Error(ErrorKind::input, fmt::format("attribute '{}' is not a finite number", name));
  }
  return shortest_double(attribute->f());
}

std::string NodeReader::text(std::string_view name, std::string_view absent) const {
  const AttributeProto* attribute = typed(name, AttributeProto::STRING);
  return attribute != nullptr ? attribute->s() : std::string(absent);
}

std::optional<std::vector<std::int64_t>> NodeReader::integer_list(std::string_view name) const {
  const AttributeProto* attribute = typed(name, AttributeProto::INTS);
  if (attribute == nullptr) return std::nullopt;
  if (attribute->ints_size() > kLongestList) {
    throw Error(ErrorKind::input,
                fmt::format("attribute '{}' has {} values", name, attribute->ints_size()));
  }
  return std::vector<std::int64_t>(attribute->ints().begin(), attribute->ints().end());
}

std::string NodeReader::name() const {
  return importer_.names.wanted(proto_, {});
}

std::string NodeReader::parameter_name() const {
  for (int i = 1; i < proto_.input_size(); ++i) {
    if (!parameter_prefix(proto_.input(i)).empty()) {
      return importer_.names.wanted(proto_, proto_.input(i));
    }
  }
  return importer_.names.wanted(proto_, "parameter without a module path");
}

NodeIndex NodeReader::add(Op op, std::vector<NodeIndex> inputs, Attributes attributes) {
  return add_named(name(), op, std::move(inputs), std::move(attributes));
}

NodeIndex NodeReader::add_named(std::string_view wanted, Op op, std::vector<NodeIndex> inputs,
                                Attributes attributes, std::map<std::string, Tensor> tensors) {
  Node node;
  node.op = op;
  node.name = importer_.names.unique(wanted);
  node.inputs = std::move(inputs);
  node.attributes = std::move(attributes);
  return importer_.add_node(std::move(node), std::move(tensors));
}

void NodeReader::define(Value new_value, std::size_t index) {
  if (index >= static_cast<std::size_t>(proto_.output_size())) {
    if (index == 0) throw Error(ErrorKind::input, "it has no output");
    return;
  }
  const std::string& output = proto_.output(static_cast<int>(index));
  if (output.empty()) return;
  if (!importer_.values.emplace(output, std::move(new_value)).second) {
    throw Error(ErrorKind::input, fmt::format("output {} is defined twice", in_quotes(output)));
  }
}

void NodeReader::set_output(NodeIndex node, std::size_t index) {
  Value result;
  result.node = node;
  define(std::move(result), index);
}

void NodeReader::set_output(HostTensor constant, std::size_t index) {
  charge(importer_.folded_elements_left, static_cast<std::int64_t>(constant.size()), "constants");
  Value result;
  result.constant = std::make_shared<const HostTensor>(std::move(constant));
  define(std::move(result), index);
}

void NodeReader::require_room(std::int64_t elements) const {
  std::int64_t left = importer_.folded_elements_left;
  charge(left, elements, "constants");
}

void NodeReader::alias_output(std::size_t input_index) {
  define(value(input_index), 0);
}

void NodeReader::require_outputs(std::size_t count) const {
  for (int i = static_cast<int>(count); i < proto_.output_size(); ++i) {
    if (!proto_.output(i).empty()) {
      throw Error(ErrorKind::unsupported,
                  fmt::format("output {} ({}) is not supported", i, in_quotes(proto_.output(i))));
    }
  }
}

}  // namespace wbs::networks::onnx_io
