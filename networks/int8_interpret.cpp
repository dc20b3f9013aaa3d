#include "networks/int8_interpret.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "core/error.hpp"

namespace wbs::networks::int8 {
namespace {

constexpr std::int64_t kLargest32 = std::numeric_limits<std::int32_t>::max();

std::size_t at(std::int64_t index) {
  return static_cast<std::size_t>(index);
}

/// An operand as 16-bit integers, which hold both byte types.
struct Image {
  Int8Shape shape;
  std::vector<std::int16_t> values;

  [[nodiscard]] const std::int16_t* row(std::int64_t channel, std::int64_t y) const {
    return values.data() + (channel * shape.rows + y) * shape.columns;
  }
};

Image image_of(const Int8Shape& shape, const Bytes& bytes) {
  WBS_ASSERT(static_cast<std::int64_t>(bytes.size()) == shape.elements());
  Image image{shape, std::vector<std::int16_t>(bytes.size())};
  if (shape.is_unsigned) {
    std::copy(bytes.begin(), bytes.end(), image.values.begin());
  } else {
    std::transform(bytes.begin(), bytes.end(), image.values.begin(),
                   [](std::uint8_t byte) { return static_cast<std::int8_t>(byte); });
  }
  return image;
}

/// Aborts unless all sums of weights with 8-bit inputs, and the bias and a second input shifted by
/// `second_shift`, fit 32 bits.
void check_sum(std::span<const std::int8_t> weights, std::int32_t bias,
               std::optional<std::uint8_t> second_shift = std::nullopt) {
  std::int64_t bound = std::abs(std::int64_t{bias});
  if (second_shift) bound += std::int64_t{255} << *second_shift;
  for (const std::int8_t weight : weights) bound += std::abs(std::int64_t{255} * weight);
  WBS_ASSERT(bound <= kLargest32);
}

/// The inputs of the windows of one output row, [columns][length], in the weights' order
/// [channel][row][column]; zero in the padding.
class Windows {
 public:
  Windows(const Int8Op& op, const Image& image)
      : op_(op),
        image_(image),
        length_(image.shape.channels * op.window[0] * op.window[1]),
        values_(at(op.output.columns * length_)) {}

  [[nodiscard]] std::int64_t length() const { return length_; }
  [[nodiscard]] const std::int16_t* of(std::int64_t column) const {
    return values_.data() + column * length_;
  }

  void fill(std::int64_t output_row) {
    for (std::int64_t column = 0; column < op_.output.columns; ++column) {
      std::int16_t* to = values_.data() + column * length_;
      const std::int64_t left = column * op_.stride[1] - op_.padding.left;
      const std::int64_t begin = std::clamp<std::int64_t>(-left, 0, op_.window[1]);
      const std::int64_t end =
          std::clamp<std::int64_t>(image_.shape.columns - left, begin, op_.window[1]);
      for (std::int64_t channel = 0; channel < image_.shape.channels; ++channel) {
        for (std::int64_t r = 0; r < op_.window[0]; ++r, to += op_.window[1]) {
          const std::int64_t y = output_row * op_.stride[0] - op_.padding.top + r;
          if (y < 0 || y >= image_.shape.rows) {
            std::fill(to, to + op_.window[1], std::int16_t{0});
            continue;
          }
          const std::int16_t* from = image_.row(channel, y);
          for (std::int64_t s = 0; s < begin; ++s) to[s] = 0;
          for (std::int64_t s = begin; s < end; ++s) to[s] = from[left + s];
          for (std::int64_t s = end; s < op_.window[1]; ++s) to[s] = 0;
        }
      }
    }
  }

 private:
  const Int8Op& op_;
  const Image& image_;
  std::int64_t length_;
  std::vector<std::int16_t> values_;
};

/// Compilers make multiply-add instructions of pairs of 16-bit products out of this.
std::int32_t dot(const std::int16_t* a, const std::int16_t* b, std::int64_t length) {
  std::int32_t sum = 0;
  for (std::int64_t i = 0; i < length; ++i) sum += std::int32_t{a[i]} * std::int32_t{b[i]};
  return sum;
}

void conv(const Int8Op& op, const Image& image, std::vector<std::int32_t>& sums) {
  // So many channels at once share the gathered windows and keep the widened weights small.
  constexpr std::int64_t kChannels = 64;
  Windows windows(op, image);
  const std::int64_t length = windows.length();
  WBS_ASSERT(static_cast<std::int64_t>(op.weights.size()) == op.output.channels * length);
  const std::span<const std::int8_t> weights(op.weights);
  std::vector<std::int16_t> wide;
  for (std::int64_t first = 0; first < op.output.channels; first += kChannels) {
    const std::int64_t end = std::min(first + kChannels, op.output.channels);
    const auto block = weights.subspan(at(first * length), at((end - first) * length));
    wide.assign(block.begin(), block.end());
    for (std::int64_t o = first; o < end; ++o) {
      std::optional<std::uint8_t> second;
      if (!op.second_shift.empty()) second = op.second_shift[at(o)];
      check_sum(weights.subspan(at(o * length), at(length)), op.bias[at(o)], second);
    }
    for (std::int64_t y = 0; y < op.output.rows; ++y) {
      windows.fill(y);
      for (std::int64_t o = first; o < end; ++o) {
        const std::int16_t* filter = wide.data() + (o - first) * length;
        std::int32_t* to = sums.data() + (o * op.output.rows + y) * op.output.columns;
        for (std::int64_t x = 0; x < op.output.columns; ++x) {
          to[x] = op.bias[at(o)] + dot(filter, windows.of(x), length);
        }
      }
    }
  }
}

/// The residual sum of a convolution with a second input.
void add_second(const Int8Op& op, const Image& second, std::vector<std::int32_t>& sums) {
  WBS_ASSERT(second.values.size() == sums.size());
  const std::size_t plane = at(op.output.rows * op.output.columns);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    sums[i] += second.values[i] * (1 << op.second_shift[i / plane]);
  }
}

/// Calls visit(channel, y, x, input element, tap) for every input element of every window.
template <typename Visit>
void for_windows(const Int8Op& op, const Image& image, Visit visit) {
  const Int8Shape& out = op.output;
  for (std::int64_t c = 0; c < out.channels; ++c) {
    for (std::int64_t r = 0; r < op.window[0]; ++r) {
      for (std::int64_t s = 0; s < op.window[1]; ++s) {
        for (std::int64_t y = 0; y < out.rows; ++y) {
          const std::int64_t from_y = y * op.stride[0] - op.padding.top + r;
          if (from_y < 0 || from_y >= image.shape.rows) continue;
          const std::int16_t* from = image.row(c, from_y);
          for (std::int64_t x = 0; x < out.columns; ++x) {
            const std::int64_t from_x = x * op.stride[1] - op.padding.left + s;
            if (from_x < 0 || from_x >= image.shape.columns) continue;
            visit(c, at((c * out.rows + y) * out.columns + x), from[from_x], r * op.window[1] + s);
          }
        }
      }
    }
  }
}

void depthwise(const Int8Op& op, const Image& image, std::vector<std::int32_t>& sums) {
  const std::int64_t taps = op.window[0] * op.window[1];
  const std::int64_t plane = op.output.rows * op.output.columns;
  for (std::int64_t c = 0; c < op.output.channels; ++c) {
    check_sum(std::span(op.weights).subspan(at(c * taps), at(taps)), op.bias[at(c)]);
    std::fill_n(sums.begin() + c * plane, plane, op.bias[at(c)]);
  }
  for_windows(op, image, [&](std::int64_t c, std::size_t to, int value, std::int64_t tap) {
    sums[to] += value * op.weights[at(c * taps + tap)];
  });
}

void average(const Int8Op& op, const Image& image, std::vector<std::int32_t>& sums) {
  WBS_ASSERT(255 * op.window[0] * op.window[1] * op.multiplier <= kLargest32);
  for_windows(op, image,
              [&](std::int64_t, std::size_t to, int value, std::int64_t) { sums[to] += value; });
  for (std::int32_t& sum : sums) sum *= op.multiplier;
}

void add(const Int8Op& op, const Image& a, const Image& b, std::vector<std::int32_t>& sums) {
  WBS_ASSERT(op.shift_input <= 22 && op.shift_second <= 22);
  WBS_ASSERT(a.values.size() == sums.size() && b.values.size() == sums.size());
  const std::int32_t scale_a = 1 << op.shift_input;
  const std::int32_t scale_b = 1 << op.shift_second;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    sums[i] = a.values[i] * scale_a + b.values[i] * scale_b;
  }
}

Bytes max_pool(const Int8Op& op, const Image& image) {
  WBS_ASSERT(op.padding == Padding{} || image.shape.is_unsigned);
  // Zero padding never wins over an unsigned element; without padding each window has elements.
  std::vector<int> largest(at(op.output.elements()), image.shape.is_unsigned ? 0 : -128);
  for_windows(op, image, [&](std::int64_t, std::size_t to, int value, std::int64_t) {
    largest[to] = std::max(largest[to], value);
  });
  Bytes result(largest.size());
  std::transform(largest.begin(), largest.end(), result.begin(),
                 [](int value) { return static_cast<std::uint8_t>(value); });
  return result;
}

Bytes concat(const Int8Network& network, const Int8Op& op, std::span<const Bytes> results) {
  Bytes result;
  for (const std::size_t input : op.inputs) {
    const Int8Shape& part = network.operations[input].output;
    WBS_ASSERT(part.exponent == op.output.exponent && part.is_unsigned == op.output.is_unsigned);
    result.insert(result.end(), results[input].begin(), results[input].end());
  }
  return result;
}

Bytes slice(const Int8Op& op, const Int8Shape& whole, const Bytes& bytes) {
  WBS_ASSERT(op.first_row >= 0 && op.first_row + op.output.rows <= whole.rows);
  Bytes result;
  for (std::int64_t channel = 0; channel < whole.channels; ++channel) {
    const auto from = bytes.begin() + (channel * whole.rows + op.first_row) * whole.columns;
    result.insert(result.end(), from, from + op.output.rows * whole.columns);
  }
  return result;
}

Bytes stack(const Int8Network& network, const Int8Op& op, std::span<const Bytes> results) {
  Bytes result;
  for (std::int64_t channel = 0; channel < op.output.channels; ++channel) {
    for (const std::size_t input : op.inputs) {
      const Int8Shape& part = network.operations[input].output;
      const std::int64_t plane = part.rows * part.columns;
      const auto from = results[input].begin() + channel * plane;
      result.insert(result.end(), from, from + plane);
    }
  }
  return result;
}

Image operand(const Int8Network& network, const Int8Op& op, std::size_t which,
              std::span<const Bytes> results) {
  const std::size_t input = op.inputs.at(which);
  return image_of(network.operations.at(input).output, results[input]);
}

}  // namespace

std::vector<std::int32_t> sums_of(const Int8Network& network, const Int8Op& op,
                                  std::span<const Bytes> results) {
  std::vector<std::int32_t> sums(at(op.output.elements()));
  const Image input = operand(network, op, 0, results);
  switch (op.kind) {
    case Int8Op::Kind::conv:
      conv(op, input, sums);
      if (op.inputs.size() > 1) add_second(op, operand(network, op, 1, results), sums);
      break;
    case Int8Op::Kind::depthwise:
      depthwise(op, input, sums);
      break;
    case Int8Op::Kind::average_pool:
      average(op, input, sums);
      break;
    case Int8Op::Kind::add:
      add(op, input, operand(network, op, 1, results), sums);
      break;
    default:
      WBS_ASSERT(!"an operation without sums");
  }
  return sums;
}

Bytes result_of(const Int8Network& network, const Int8Op& op, std::span<const Bytes> results) {
  Bytes bytes;
  if (op.kind == Int8Op::Kind::max_pool) {
    bytes = max_pool(op, operand(network, op, 0, results));
  } else if (op.kind == Int8Op::Kind::concat) {
    bytes = concat(network, op, results);
  } else if (op.kind == Int8Op::Kind::slice) {
    bytes = slice(op, network.operations[op.inputs.at(0)].output, results[op.inputs[0]]);
  } else if (op.kind == Int8Op::Kind::stack) {
    bytes = stack(network, op, results);
  } else {
    const std::vector<std::int32_t> sums = sums_of(network, op, results);
    const std::size_t plane = at(op.output.rows * op.output.columns);
    bytes.resize(sums.size());
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const unsigned shift = op.shift.empty() ? op.pool_shift : op.shift[i / plane];
      bytes[i] = static_cast<std::uint8_t>(
          std::clamp<std::int32_t>(round_shift(sums[i], shift), op.minimum, op.maximum));
    }
  }
  WBS_ASSERT(static_cast<std::int64_t>(bytes.size()) == op.output.elements());
  return bytes;
}

Multiplier mean_multiplier(std::int64_t elements, std::int32_t exponent) {
  constexpr std::int64_t kLargestMultiplier = 32767;
  const std::int64_t limit = std::min(kLargestMultiplier, kLargest32 / 255 / elements);
  for (int shift = 31; shift >= 0; --shift) {
    const double exact = std::ldexp(1.0 / static_cast<double>(elements), shift + exponent);
    if (exact <= static_cast<double>(limit)) {
      return {static_cast<std::int32_t>(std::nearbyint(exact)), static_cast<std::uint8_t>(shift)};
    }
  }
  return {static_cast<std::int32_t>(limit), 0};
}

}  // namespace wbs::networks::int8

namespace wbs::networks {

std::vector<std::vector<std::uint8_t>> interpret(const Int8Network& network,
                                                 std::span<const std::uint8_t> image) {
  const std::vector<Int8Op>& operations = network.operations;
  WBS_ASSERT(!operations.empty() && operations[0].kind == Int8Op::Kind::input);
  if (static_cast<std::int64_t>(image.size()) != operations[0].output.elements()) {
    throw Error(ErrorKind::input,
                fmt::format("network '{}': an image of {} bytes, expected {}", network.name,
                            image.size(), operations[0].output.elements()));
  }
  std::vector<int8::Bytes> results;
  results.emplace_back(image.begin(), image.end());
  for (std::size_t i = 1; i < operations.size(); ++i) {
    results.push_back(int8::result_of(network, operations[i], results));
  }
  return results;
}

}  // namespace wbs::networks
