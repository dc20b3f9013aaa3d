// Folded operators that compute: integers as int64 with checked division, reals as fp32.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/error.hpp"
#include "networks/onnx/fold.hpp"
#include "networks/onnx/fold_gathered.hpp"

namespace wbs::networks::onnx_io {
namespace {

using Integer = std::int64_t;

/// Two's-complement wrap-around, as ONNX's integer operators do it.
template <typename Operation>
Integer wrapped(Integer a, Integer b, Operation operation) {
  return static_cast<Integer>(
      operation(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b)));
}

Integer checked_divide(Integer a, Integer b) {
  if (b == 0 || (b == -1 && a == std::numeric_limits<Integer>::min())) {
    throw Error(ErrorKind::input, fmt::format("divides {} by {}", a, b));
  }
  return a / b;
}

Integer integer_power(Integer base, Integer exponent) {
  if (exponent < 0) throw Error(ErrorKind::input, "raises an integer to a negative power");
  Integer result = 1;
  const auto times = [](std::uint64_t a, std::uint64_t b) { return a * b; };
  for (; exponent != 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result = wrapped(result, base, times);
    base = wrapped(base, base, times);
  }
  return result;
}

struct BinaryRow {
  std::string_view name;
  Integer (*integers)(Integer, Integer);
  float (*reals)(float, float);
  bool gives_boolean;
};

constexpr std::array kBinary = {
    BinaryRow{"Add",
              [](Integer a, Integer b) {
                return wrapped(a, b, [](std::uint64_t x, std::uint64_t y) { return x + y; });
              },
              [](float a, float b) { return a + b; }, false},
    BinaryRow{"Sub",
              [](Integer a, Integer b) {
                return wrapped(a, b, [](std::uint64_t x, std::uint64_t y) { return x - y; });
              },
              [](float a, float b) { return a - b; }, false},
    BinaryRow{"Mul",
              [](Integer a, Integer b) {
                return wrapped(a, b, [](std::uint64_t x, std::uint64_t y) { return x * y; });
              },
              [](float a, float b) { return a * b; }, false},
    BinaryRow{"Div", checked_divide, [](float a, float b) { return a / b; }, false},
    BinaryRow{"Pow", integer_power, [](float a, float b) { return std::pow(a, b); }, false},
    BinaryRow{"Min", [](Integer a, Integer b) { return std::min(a, b); },
              [](float a, float b) { return std::min(a, b); }, false},
    BinaryRow{"Max", [](Integer a, Integer b) { return std::max(a, b); },
              [](float a, float b) { return std::max(a, b); }, false},
    BinaryRow{"Equal", [](Integer a, Integer b) { return Integer{a == b}; },
              [](float a, float b) { return a == b ? 1.0F : 0.0F; }, true},
    BinaryRow{"Less", [](Integer a, Integer b) { return Integer{a < b}; },
              [](float a, float b) { return a < b ? 1.0F : 0.0F; }, true},
    BinaryRow{"Greater", [](Integer a, Integer b) { return Integer{a > b}; },
              [](float a, float b) { return a > b ? 1.0F : 0.0F; }, true},
    BinaryRow{"And", [](Integer a, Integer b) { return Integer{a != 0 && b != 0}; }, nullptr, true},
    BinaryRow{"Or", [](Integer a, Integer b) { return Integer{a != 0 || b != 0}; }, nullptr, true},
};

struct UnaryRow {
  std::string_view name;
  Integer (*integers)(Integer);
  float (*reals)(float);
};

constexpr std::array kUnary = {
    UnaryRow{"Neg",
             [](Integer a) {
               return wrapped(0, a, [](std::uint64_t x, std::uint64_t y) { return x - y; });
             },
             [](float a) { return -a; }},
    UnaryRow{"Not", [](Integer a) { return Integer{a == 0}; }, nullptr},
    UnaryRow{"Floor", nullptr, [](float a) { return std::floor(a); }},
    UnaryRow{"Ceil", nullptr, [](float a) { return std::ceil(a); }},
    UnaryRow{"Sqrt", nullptr, [](float a) { return std::sqrt(a); }},
    UnaryRow{"Reciprocal", nullptr, [](float a) { return 1.0F / a; }},
};

template <typename Row, std::size_t count>
const Row& row_of(const std::array<Row, count>& rows, std::string_view name) {
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.name == name; });
  WBS_ASSERT(found != rows.end());
  return *found;
}

/// fp32 to int64 the way Cast does it, with values that do not fit refused.
Integer truncated(float value) {
  if (!(std::fabs(value) < 9.2e18F)) {
    throw Error(ErrorKind::input, fmt::format("casts {} to an integer", value));
  }
  return static_cast<Integer>(value);
}

}  // namespace

bool fold_binary(NodeReader& node) {
  const BinaryRow& row = row_of(kBinary, node.op());
  const HostTensor left = node.constant(0);
  const HostTensor right = node.constant(1);
  if (left.kind != right.kind) {
    throw Error(ErrorKind::input,
                "one operand holds integers and the other floating-point numbers");
  }
  if (left.is_real() ? row.reals == nullptr : row.integers == nullptr) return false;
  HostTensor result;
  result.shape = broadcast_shape(left.shape, right.shape);
  result.from_shape = left.from_shape || right.from_shape;
  node.require_room(element_count(result.shape));
  const auto count = static_cast<std::size_t>(element_count(result.shape));
  const std::vector<std::size_t> left_strides = broadcast_strides(left.shape, result.shape);
  const std::vector<std::size_t> right_strides = broadcast_strides(right.shape, result.shape);
  const bool real_result = left.is_real() && !row.gives_boolean;
  result.kind = real_result ? HostTensor::Kind::real : HostTensor::Kind::integer;
  (real_result ? result.reals.resize(count) : result.integers.resize(count));
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t a = strided_offset(i, result.shape, left_strides);
    const std::size_t b = strided_offset(i, result.shape, right_strides);
    if (!left.is_real()) {
      result.integers[i] = row.integers(left.integers[a], right.integers[b]);
    } else if (real_result) {
      result.reals[i] = row.reals(left.reals[a], right.reals[b]);
    } else {
      result.integers[i] = row.reals(left.reals[a], right.reals[b]) != 0.0F ? 1 : 0;
    }
  }
  node.set_output(std::move(result));
  return true;
}

bool fold_unary(NodeReader& node) {
  const UnaryRow& row = row_of(kUnary, node.op());
  HostTensor tensor = node.constant(0);
  if (tensor.is_real() ? row.reals == nullptr : row.integers == nullptr) return false;
  for (float& value : tensor.reals) value = row.reals(value);
  for (Integer& value : tensor.integers) value = row.integers(value);
  node.set_output(std::move(tensor));
  return true;
}

bool fold_cast(NodeReader& node) {
  using ::onnx::TensorProto;
  const std::int64_t type = node.integer("to", 0);
  const HostTensor tensor = node.constant(0);
  const bool to_real = type == TensorProto::FLOAT || type == TensorProto::DOUBLE ||
                       type == TensorProto::FLOAT16 || type == TensorProto::BFLOAT16;
  const bool to_boolean = type == TensorProto::BOOL;
  if (!to_real && !to_boolean && type != TensorProto::INT64 && type != TensorProto::INT32) {
    throw Error(ErrorKind::unsupported, fmt::format("casts to type number {}", type));
  }
  HostTensor result;
  result.shape = tensor.shape;
  result.from_shape = tensor.from_shape;
  result.kind = to_real ? HostTensor::Kind::real : HostTensor::Kind::integer;
  for (const float value : tensor.reals) {
    if (to_real) {
      result.reals.push_back(value);
    } else {
      result.integers.push_back(to_boolean ? Integer{value != 0.0F} : truncated(value));
    }
  }
  for (const Integer value : tensor.integers) {
    if (to_real) {
      result.reals.push_back(static_cast<float>(value));
    } else {
      result.integers.push_back(to_boolean ? Integer{value != 0} : value);
    }
  }
  node.set_output(std::move(result));
  return true;
}

bool fold_where(NodeReader& node) {
  const HostTensor condition = node.constant(0);
  const HostTensor yes = node.constant(1);
  const HostTensor no = node.constant(2);
  if (condition.is_real() || yes.kind != no.kind) {
    throw Error(ErrorKind::input, "the operands' types do not fit together");
  }
  const Shape shape = broadcast_shape(broadcast_shape(condition.shape, yes.shape), no.shape);
  node.require_room(element_count(shape));
  const std::vector<std::size_t> condition_strides = broadcast_strides(condition.shape, shape);
  const std::vector<std::size_t> yes_strides = broadcast_strides(yes.shape, shape);
  const std::vector<std::size_t> no_strides = broadcast_strides(no.shape, shape);
  HostTensor result;
  result.kind = yes.kind;
  result.shape = shape;
  result.from_shape = condition.from_shape || yes.from_shape || no.from_shape;
  const auto count = static_cast<std::size_t>(element_count(shape));
  for (std::size_t i = 0; i < count; ++i) {
    const bool pick = condition.integers[strided_offset(i, shape, condition_strides)] != 0;
    const HostTensor& source = pick ? yes : no;
    const std::size_t at = strided_offset(i, shape, pick ? yes_strides : no_strides);
    if (source.is_real()) {
      result.reals.push_back(source.reals[at]);
    } else {
      result.integers.push_back(source.integers[at]);
    }
  }
  node.set_output(std::move(result));
  return true;
}

bool fold_range(NodeReader& node) {
  std::array<Integer, 3> bounds{};
  for (std::size_t i = 0; i < 3; ++i) {
    const std::vector<Integer> values = node.integers(i, "bound");
    if (values.size() != 1) throw Error(ErrorKind::input, "a bound of Range is not one number");
    bounds[i] = values[0];
  }
  const auto [start, limit, delta] = bounds;
  Integer span = 0;
  if (delta == 0 || delta == std::numeric_limits<Integer>::min() ||
      __builtin_sub_overflow(limit, start, &span)) {
    throw Error(ErrorKind::input, fmt::format("a range from {} to {} by {}", start, limit, delta));
  }
  Integer count = 0;
  if ((span > 0) == (delta > 0) && span != 0) {
    count = span / delta + (span % delta != 0 ? 1 : 0);
  }
  node.require_room(count);
  std::vector<Integer> values;
  values.reserve(static_cast<std::size_t>(count));
  for (Integer i = 0; i < count; ++i) values.push_back(start + i * delta);
  HostTensor result = integer_tensor({count}, std::move(values));
  result.from_shape = node.is_from_shape(0) || node.is_from_shape(1) || node.is_from_shape(2);
  node.set_output(std::move(result));
  return true;
}

bool fold_reduce_prod(NodeReader& node) {
  const HostTensor tensor = node.constant(0);
  if (tensor.is_real() || tensor.shape.size() != 1) return false;
  Integer product = 1;
  for (const Integer value : tensor.integers) {
    product = wrapped(product, value, [](std::uint64_t x, std::uint64_t y) { return x * y; });
  }
  HostTensor result =
      integer_tensor(node.integer("keepdims", 1) != 0 ? Shape{1} : Shape{}, {product});
  result.from_shape = tensor.from_shape;
  node.set_output(std::move(result));
  return true;
}

}  // namespace wbs::networks::onnx_io
