#include "networks/onnx/host_tensor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/error.hpp"
#include "networks/onnx/model_reader.hpp"

namespace wbs::networks::onnx_io {
namespace {

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian");

using ::onnx::TensorProto;

/// Bytes per element in raw_data; 0 for types that are not read.
std::size_t raw_size(int type) {
  switch (type) {
    case TensorProto::FLOAT:
    case TensorProto::INT32:
      return 4;
    case TensorProto::DOUBLE:
    case TensorProto::INT64:
      return 8;
    case TensorProto::FLOAT16:
    case TensorProto::BFLOAT16:
    case TensorProto::INT16:
      return 2;
    case TensorProto::INT8:
    case TensorProto::UINT8:
    case TensorProto::BOOL:
      return 1;
    default:
      return 0;
  }
}

/// Number of values in the typed field that goes with the data type.
std::size_t typed_count(const TensorProto& proto) {
  switch (proto.data_type()) {
    case TensorProto::FLOAT:
      return static_cast<std::size_t>(proto.float_data_size());
    case TensorProto::DOUBLE:
      return static_cast<std::size_t>(proto.double_data_size());
    case TensorProto::INT64:
      return static_cast<std::size_t>(proto.int64_data_size());
    default:
      return static_cast<std::size_t>(proto.int32_data_size());
  }
}

std::string type_name(int type) {
  return TensorProto::DataType_IsValid(type)
             ? TensorProto::DataType_Name(static_cast<TensorProto::DataType>(type))
             : fmt::format("number {}", type);
}

/// Element `index` of raw_data as a `Stored`, whatever its alignment.
template <typename Stored>
Stored raw_element(const std::string& raw, std::size_t index) {
  Stored value;
  std::memcpy(&value, raw.data() + index * sizeof(Stored), sizeof(Stored));
  return value;
}

template <typename Stored, typename Target, typename Convert>
void fill(std::vector<Target>& values, const TensorProto& proto, Convert convert) {
  if (proto.has_raw_data()) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = convert(raw_element<Stored>(proto.raw_data(), i));
    }
    return;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto index = static_cast<int>(i);
    if constexpr (std::is_same_v<Stored, double>) {
      values[i] = convert(proto.double_data(index));
    } else if constexpr (std::is_same_v<Stored, std::int64_t>) {
      values[i] = convert(proto.int64_data(index));
    } else {
      values[i] = convert(static_cast<Stored>(proto.int32_data(index)));
    }
  }
}

void fill_floats(std::vector<float>& values, const TensorProto& proto) {
  if (values.empty()) return;
  const void* source = proto.has_raw_data() ? static_cast<const void*>(proto.raw_data().data())
                                            : proto.float_data().data();
  std::memcpy(values.data(), source, values.size() * sizeof(float));
}

float bfloat_to_float(std::uint16_t bits) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

constexpr auto kWiden = [](auto value) { return static_cast<std::int64_t>(value); };

}  // namespace

float half_to_float(std::uint16_t bits) noexcept {
  const int exponent = (bits >> 10) & 0x1F;
  const int fraction = bits & 0x3FF;
  float magnitude = 0.0F;
  if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(fraction), -24);
  } else if (exponent == 31) {
    const std::uint32_t pattern = 0x7F800000U | (static_cast<std::uint32_t>(fraction) << 13);
    magnitude = std::bit_cast<float>(pattern);
  } else {
    magnitude = std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  }
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

HostTensor integer_tensor(Shape shape, std::vector<std::int64_t> values) {
  HostTensor tensor;
  tensor.shape = std::move(shape);
  tensor.integers = std::move(values);
  WBS_ASSERT(element_count(tensor.shape) == static_cast<std::int64_t>(tensor.integers.size()));
  return tensor;
}

HostTensor real_tensor(Shape shape, std::vector<float> values) {
  HostTensor tensor;
  tensor.kind = HostTensor::Kind::real;
  tensor.shape = std::move(shape);
  tensor.reals = std::move(values);
  WBS_ASSERT(element_count(tensor.shape) == static_cast<std::int64_t>(tensor.reals.size()));
  return tensor;
}

Shape shape_of(const TensorProto& proto) {
  if (proto.dims_size() > 16) {
    throw Error(ErrorKind::input, fmt::format("tensor {} has {} dimensions; at most 16 make sense",
                                              in_quotes(proto.name()), proto.dims_size()));
  }
  Shape shape(proto.dims().begin(), proto.dims().end());
  static_cast<void>(element_count(shape));
  return shape;
}

void check_tensor(const TensorProto& proto) {
  const std::string name = in_quotes(proto.name());
  if (proto.data_location() == TensorProto::EXTERNAL || proto.external_data_size() > 0) {
    throw Error(ErrorKind::unsupported,
                fmt::format("tensor {} is stored in another file (external data), which is not "
                            "read; save the model with its weights inside",
                            name));
  }
  if (proto.has_segment()) {
    throw Error(ErrorKind::unsupported, fmt::format("tensor {} is stored in segments", name));
  }
  const std::size_t size = raw_size(proto.data_type());
  if (size == 0) {
    throw Error(ErrorKind::unsupported,
                fmt::format("tensor {} is of type {}; float, float16, bfloat16, double, bool and "
                            "8 to 64-bit integers are read",
                            name, type_name(proto.data_type())));
  }
  const Shape shape = shape_of(proto);
  const auto count = static_cast<std::size_t>(element_count(shape));
  const bool raw = proto.has_raw_data();
  const std::size_t stored = raw ? proto.raw_data().size() / size : typed_count(proto);
  if (stored != count || (raw && proto.raw_data().size() % size != 0)) {
    throw Error(
        ErrorKind::input,
        fmt::format("tensor {} of shape {} needs {} values of type {}, but {} {} stored", name,
                    to_string(shape), count, type_name(proto.data_type()),
                    raw ? proto.raw_data().size() : stored, raw ? "bytes are" : "values are"));
  }
}

bool holds_reals(const TensorProto& proto) noexcept {
  const int type = proto.data_type();
  return type == TensorProto::FLOAT || type == TensorProto::DOUBLE ||
         type == TensorProto::FLOAT16 || type == TensorProto::BFLOAT16;
}

HostTensor decode_tensor(const TensorProto& proto) {
  check_tensor(proto);
  HostTensor tensor;
  tensor.shape = shape_of(proto);
  const auto count = static_cast<std::size_t>(element_count(tensor.shape));
  const int type = proto.data_type();
  const bool real = holds_reals(proto);
  tensor.kind = real ? HostTensor::Kind::real : HostTensor::Kind::integer;
  if (real) {
    tensor.reals.resize(count);
  } else {
    tensor.integers.resize(count);
  }
  switch (type) {
    case TensorProto::FLOAT:
      fill_floats(tensor.reals, proto);
      break;
    case TensorProto::DOUBLE:
      fill<double>(tensor.reals, proto, [](double value) { return static_cast<float>(value); });
      break;
    case TensorProto::FLOAT16:
      fill<std::uint16_t>(tensor.reals, proto, half_to_float);
      break;
    case TensorProto::BFLOAT16:
      fill<std::uint16_t>(tensor.reals, proto, bfloat_to_float);
      break;
    case TensorProto::INT64:
      fill<std::int64_t>(tensor.integers, proto, kWiden);
      break;
    case TensorProto::INT32:
      fill<std::int32_t>(tensor.integers, proto, kWiden);
      break;
    case TensorProto::INT16:
      fill<std::int16_t>(tensor.integers, proto, kWiden);
      break;
    case TensorProto::INT8:
      fill<std::int8_t>(tensor.integers, proto, kWiden);
      break;
    default:
      fill<std::uint8_t>(tensor.integers, proto, kWiden);
      break;
  }
  return tensor;
}

}  // namespace wbs::networks::onnx_io
