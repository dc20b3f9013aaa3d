#include "networks/int8_network.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "core/error.hpp"

namespace wbs::networks {
namespace {

std::string print(const Int8Op& op, std::size_t index) {
  const Int8Shape& out = op.output;
  std::string line = fmt::format("{:>4} {:<12} {}", index, to_string(op.kind), op.name);
  if (op.result != op.name) line += fmt::format(" -> {}", op.result);
  line += fmt::format(" {}x{}x{} {}*2^{}", out.channels, out.rows, out.columns,
                      out.is_unsigned ? "u8" : "i8", out.exponent);
  if (!op.inputs.empty()) line += fmt::format(" of {}", fmt::join(op.inputs, ","));
  if (op.window != std::array<std::int64_t, 2>{1, 1}) {
    line += fmt::format(" window {}x{}", op.window[0], op.window[1]);
  }
  if (op.stride != std::array<std::int64_t, 2>{1, 1}) {
    line += fmt::format(" stride {}x{}", op.stride[0], op.stride[1]);
  }
  if (op.padding != Padding{}) {
    line += fmt::format(" padding {},{},{},{}", op.padding.top, op.padding.left, op.padding.bottom,
                        op.padding.right);
  }
  if (!op.shift.empty()) {
    const auto [least, most] = std::minmax_element(op.shift.begin(), op.shift.end());
    line += fmt::format(" shift {}..{}", *least, *most);
  }
  if (!op.second_shift.empty()) {
    const auto [least, most] = std::minmax_element(op.second_shift.begin(), op.second_shift.end());
    line += fmt::format(" adds <<{}..{}", *least, *most);
  }
  if (op.kind == Int8Op::Kind::average_pool) {
    line += fmt::format(" *{}>>{}", op.multiplier, op.pool_shift);
  }
  if (op.kind == Int8Op::Kind::add) {
    line += fmt::format(" <<{},{}>>{}", op.shift_input, op.shift_second, op.pool_shift);
  }
  if (op.kind == Int8Op::Kind::slice) {
    line += fmt::format(" rows {}..{}", op.first_row, op.first_row + out.rows - 1);
  }
  if (op.kind != Int8Op::Kind::input) line += fmt::format(" [{},{}]", op.minimum, op.maximum);
  if (!op.weights.empty()) {
    const auto zeros = std::count(op.weights.begin(), op.weights.end(), std::int8_t{0});
    line += fmt::format(" density {:.3f}",
                        1.0 - static_cast<double>(zeros) / static_cast<double>(op.weights.size()));
  }
  return line + "\n";
}

}  // namespace

std::string_view to_string(Int8Op::Kind kind) noexcept {
  switch (kind) {
    case Int8Op::Kind::input:
      return "input";
    case Int8Op::Kind::conv:
      return "conv";
    case Int8Op::Kind::depthwise:
      return "depthwise";
    case Int8Op::Kind::max_pool:
      return "max_pool";
    case Int8Op::Kind::average_pool:
      return "average_pool";
    case Int8Op::Kind::add:
      return "add";
    case Int8Op::Kind::concat:
      return "concat";
    case Int8Op::Kind::slice:
      return "slice";
    case Int8Op::Kind::stack:
      return "stack";
  }
  return "?";
}

std::vector<std::uint8_t> quantise_image(const Int8Network& network, const Tensor& image) {
  const Int8Shape& shape = network.operations.at(0).output;
  Shape expected{1, shape.channels, shape.rows, shape.columns};
  const bool batched = image.shape == expected;
  expected.erase(expected.begin());
  const bool flat =
      shape.rows == 1 && shape.columns == 1 && image.shape == Shape{1, shape.channels};
  if ((!batched && !flat && image.shape != expected) ||
      static_cast<std::int64_t>(image.values.size()) != shape.elements()) {
    throw Error(ErrorKind::input,
                fmt::format("network '{}': the image is {}, expected {}", network.name,
                            wbs::to_string(image.shape), wbs::to_string(expected)));
  }
  const double least = shape.is_unsigned ? 0.0 : -128.0;
  const double most = shape.is_unsigned ? 255.0 : 127.0;
  std::vector<std::uint8_t> bytes;
  bytes.reserve(image.values.size());
  for (const float value : image.values) {
    if (!std::isfinite(value)) {
      throw Error(ErrorKind::input,
                  fmt::format("network '{}': a value of the image is not finite", network.name));
    }
    const double steps = std::nearbyint(std::ldexp(double{value}, -shape.exponent));
    bytes.push_back(static_cast<std::uint8_t>(static_cast<int>(std::clamp(steps, least, most))));
  }
  return bytes;
}

std::int64_t total_macs(const Int8Network& network) {
  std::int64_t macs = 0;
  for (const Int8Op& op : network.operations) macs += op.macs;
  return macs;
}

std::string print(const Int8Network& network) {
  std::string text = fmt::format("{}: {} operations, {} MACs, result {}\n", network.name,
                                 network.operations.size(), total_macs(network), network.output);
  for (std::size_t i = 0; i < network.operations.size(); ++i) {
    text += print(network.operations[i], i);
  }
  return text;
}

}  // namespace wbs::networks
