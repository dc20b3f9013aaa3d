#include "core/npy.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <fstream>
#include <sstream>

#include "core/error.hpp"
#include "core/text.hpp"

namespace wbs {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kLargestHeader = 65536;
constexpr std::size_t kMostDimensions = 32;  // as in NumPy

[[noreturn]] void fail(const std::string& label, std::string_view reason) {
  throw Error(ErrorKind::input, fmt::format("{}: not a .npy file: {}", label, reason));
}

/// The header dictionary and the array's bytes.
struct Parts {
  std::string_view header;
  std::string_view data;
};

Parts split_file(std::string_view bytes, const std::string& label) {
  if (!bytes.starts_with(kMagic)) fail(label, "it does not begin with NumPy's magic");
  if (bytes.size() < 10) fail(label, "it is truncated in the header");
  const int major = static_cast<unsigned char>(bytes[6]);
  if (major < 1 || major > 3) fail(label, fmt::format("its format version is {}", major));
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  const std::size_t start = 8 + length_bytes;
  if (bytes.size() < start) fail(label, "it is truncated in the header");
  std::size_t length = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) {
    length |= static_cast<std::size_t>(static_cast<unsigned char>(bytes[8 + i])) << (8 * i);
  }
  if (length > kLargestHeader || length > bytes.size() - start) {
    fail(label, fmt::format("its header claims {} bytes", length));
  }
  return {bytes.substr(start, length), bytes.substr(start + length)};
}

/// The text after "'key':" in the header, up to the header's end.
std::string_view value_of(std::string_view header, std::string_view key, const std::string& label) {
  const std::string quoted = fmt::format("'{}':", key);
  const std::size_t at = header.find(quoted);
  if (at == std::string_view::npos) fail(label, fmt::format("its header has no '{}'", key));
  return trim(header.substr(at + quoted.size()));
}

Shape parse_shape(std::string_view text, const std::string& label) {
  const std::size_t close = text.find(')');
  if (text.empty() || text.front() != '(' || close == std::string_view::npos) {
    fail(label, "its shape is not in parentheses");
  }
  Shape shape;
  for (const std::string_view part : split(text.substr(1, close - 1), ',')) {
    const std::string_view word = trim(part);
    if (word.empty()) continue;  // after the last comma
    const auto extent = parse_integer(word);
    if (!extent || *extent < 0) fail(label, "its shape has an extent that is not a number");
    shape.push_back(*extent);
    if (shape.size() > kMostDimensions) fail(label, "its shape has too many dimensions");
  }
  return shape;
}

template <typename Stored>
void convert_all(std::string_view data, std::vector<float>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, data.data() + i * sizeof(Stored), sizeof(Stored));
    values[i] = static_cast<float>(stored);
  }
}

std::size_t element_size(std::string_view type) {
  if (type == "|u1") return 1;
  if (type == "<f4" || type == "<i4") return 4;
  if (type == "<f8" || type == "<i8") return 8;
  return 0;
}

void convert(std::string_view type, std::string_view data, std::vector<float>& values) {
  if (type == "|u1") convert_all<std::uint8_t>(data, values);
  if (type == "<f4") convert_all<float>(data, values);
  if (type == "<i4") convert_all<std::int32_t>(data, values);
  if (type == "<f8") convert_all<double>(data, values);
  if (type == "<i8") convert_all<std::int64_t>(data, values);
}

}  // namespace

Tensor parse_npy(std::string_view bytes, const std::string& label) {
  const auto [header, data] = split_file(bytes, label);
  const std::string_view quoted_type = value_of(header, "descr", label);
  if (quoted_type.size() < 5 || quoted_type[0] != '\'' || quoted_type[4] != '\'') {
    fail(label, "its element type is not a simple one");
  }
  const std::string_view type = quoted_type.substr(1, 3);
  const std::size_t size = element_size(type);
  if (size == 0) {
    throw Error(
        ErrorKind::unsupported,
        fmt::format("{}: elements of type '{}'; <f4, <f8, <i4, <i8 and |u1 are read", label, type));
  }
  if (!value_of(header, "fortran_order", label).starts_with("False")) {
    throw Error(ErrorKind::unsupported, label + ": the array is in Fortran order");
  }
  const Shape shape = parse_shape(value_of(header, "shape", label), label);
  const auto count = static_cast<std::size_t>(element_count(shape));
  if (data.size() % size != 0 || data.size() / size != count) {
    fail(label,
         fmt::format("shape {} needs {} elements of {} bytes, but {} bytes follow the header",
                     to_string(shape), count, size, data.size()));
  }
  Tensor tensor(shape);
  convert(type, data, tensor.values);
  return tensor;
}

Tensor read_npy(const std::string& path) {
  const std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorKind::input, path + ": cannot be opened");
  std::ostringstream bytes;
  bytes << file.rdbuf();
  if (file.bad()) throw Error(ErrorKind::input, path + ": cannot be read");
  return parse_npy(bytes.str(), path);
}

}  // namespace wbs
