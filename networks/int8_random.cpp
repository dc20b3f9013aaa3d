#include "networks/int8_random.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "networks/int8_interpret.hpp"

namespace wbs::networks {
namespace {

using Kind = Int8Op::Kind;
using Window = std::array<std::int64_t, 2>;

constexpr std::int64_t kBlock = 8;

/// Exponent and signedness that a result is to have.
struct Target {
  bool is_unsigned = false;
  std::int32_t exponent = 0;
};

class Generator {
 public:
  Generator(std::uint64_t seed, const RandomOptions& options)
      : options_(options), rng_(seed, stream_of("int8_random", 11)) {
    network_.name = fmt::format("random{}", seed);
    Int8Op input;
    input.name = input.result = "input";
    input.output = {rng_.bernoulli(0.5) ? 3 : channels(),
                    between(options.least_pixels, options.most_pixels),
                    between(options.least_pixels, options.most_pixels), rng_.bernoulli(0.3),
                    -static_cast<std::int32_t>(rng_.below(8))};
    network_.operations.push_back(input);
    results_.push_back(random_int8_image(network_, rng_.next_u64()));
  }

  Int8Network all() {
    const std::int64_t layers = between(options_.least_layers, options_.most_layers);
    last_ = conv(0, target());  // whatever the input's channels, the rest has blocks of 8
    for (std::int64_t i = 1; i < layers; ++i) layer();
    if (options_.classifier) {
      const Int8Shape& shape = output(last_);
      if (rng_.bernoulli(0.5)) last_ = average(last_, {shape.rows, shape.columns}, {1, 1});
      last_ = linear(last_);
    }
    network_.output = last_;
    return std::move(network_);
  }

 private:
  [[nodiscard]] const Int8Shape& output(std::size_t op) const {
    return network_.operations[op].output;
  }
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return least +
           static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(most - least + 1)));
  }
  std::int64_t channels() {
    return kBlock * between(1, std::max(options_.most_channels / kBlock, std::int64_t{1}));
  }
  Target target() { return {rng_.bernoulli(0.6), -static_cast<std::int32_t>(rng_.below(9))}; }

  void layer() {
    enum Choice { conv_layer, depthwise_layer, max_layer, average_layer, residual, branches };
    std::vector<Choice> choices{conv_layer, conv_layer};
    if (options_.depthwise) choices.push_back(depthwise_layer);
    if (options_.pools) choices.insert(choices.end(), {max_layer, average_layer});
    if (options_.branches) choices.insert(choices.end(), {residual, branches});
    switch (choices[rng_.below(choices.size())]) {
      case conv_layer:
        last_ = conv(last_, target());
        return;
      case depthwise_layer:
        last_ = depthwise(last_, target());
        return;
      case max_layer:
        last_ = max_pool(last_);
        return;
      case average_layer: {
        const std::int64_t size = between(1, smallest(last_, 3));
        last_ = average(last_, {size, size}, strides());
        return;
      }
      case residual: {
        if (rng_.bernoulli(0.5)) {
          last_ = fused_residual();
          return;
        }
        const std::size_t side = conv_of(last_, window(), {1, 1}, output(last_).channels, target());
        last_ = add(side, last_);
        return;
      }
      case branches:
        last_ = concat();
        return;
    }
  }

  Window window() {
    constexpr std::array<Window, 6> kWindows{{{1, 1}, {3, 3}, {3, 3}, {5, 5}, {1, 7}, {7, 1}}};
    return kWindows[rng_.below(kWindows.size())];
  }
  Window strides() {
    const std::int64_t stride = between(1, 2);
    return {stride, stride};
  }
  [[nodiscard]] std::int64_t smallest(std::size_t op, std::int64_t bound) const {
    return std::min({output(op).rows, output(op).columns, bound});
  }

  /// Padding that keeps the extent with stride 1, as much of it as the windows reach.
  static void slide(const Int8Shape& in, Int8Op& op, bool padded) {
    const auto pads = [padded](std::int64_t extent, std::int64_t window, std::int64_t stride) {
      const std::int64_t before = padded ? window / 2 : 0;
      const std::int64_t room = extent + 2 * before - window;
      const std::int64_t count = room / stride + 1;
      const std::int64_t after = (count - 1) * stride + window - before - extent;
      return std::array<std::int64_t, 3>{before, std::max<std::int64_t>(after, 0), count};
    };
    const auto rows = pads(in.rows, op.window[0], op.stride[0]);
    const auto columns = pads(in.columns, op.window[1], op.stride[1]);
    op.padding = {rows[0], columns[0], rows[1], columns[1]};
    op.output.rows = rows[2];
    op.output.columns = columns[2];
  }

  std::size_t conv(std::size_t from, const Target& to) {
    return conv_of(from, window(), strides(), channels(), to);
  }

  Int8Op layer_on(std::size_t from, Kind kind, const Target& to) {
    Int8Op op;
    op.kind = kind;
    op.inputs = {from};
    op.output = output(from);
    op.output.is_unsigned = to.is_unsigned;
    op.output.exponent = to.exponent;
    return op;
  }

  std::size_t conv_of(std::size_t from, const Window& window, const Window& stride,
                      std::int64_t out_channels, const Target& to) {
    Int8Op op = layer_on(from, Kind::conv, to);
    op.window = window;
    op.stride = stride;
    op.output.channels = out_channels;
    slide(output(from), op, true);
    return dense_layer(std::move(op));
  }

  /// A conv or two beside the last result, which the second one adds.
  std::size_t fused_residual() {
    const std::size_t from =
        rng_.bernoulli(0.7) ? conv_of(last_, window(), {1, 1}, channels(), target()) : last_;
    Int8Op op = layer_on(from, Kind::conv, target());
    op.output.channels = output(last_).channels;
    slide(output(from), op, false);
    op.inputs.push_back(last_);
    for (std::int64_t o = 0; o < op.output.channels; ++o) {
      op.second_shift.push_back(static_cast<std::uint8_t>(between(4, 14)));
    }
    return dense_layer(std::move(op));
  }

  std::size_t linear(std::size_t from) {
    Int8Op op = layer_on(from, Kind::conv, {false, 0});
    op.window = {op.output.rows, op.output.columns};
    op.output.channels = std::max<std::int64_t>(channels(), 16);
    op.output.rows = op.output.columns = 1;
    return dense_layer(std::move(op));
  }

  std::size_t dense_layer(Int8Op op) {
    const std::int64_t in = output(op.inputs[0]).channels;
    const std::int64_t taps = op.window[0] * op.window[1];
    op.macs = op.output.elements() * in * taps;
    op.weights = random_weights(op.output.channels, in, taps);
    if (rng_.bernoulli(options_.two_of_four)) thin_out(op.weights, in, taps);
    return finish_layer(std::move(op));
  }

  std::size_t depthwise(std::size_t from, const Target& to) {
    Int8Op op = layer_on(from, Kind::depthwise, to);
    op.window = window();
    op.stride = strides();
    slide(output(from), op, true);
    const std::int64_t taps = op.window[0] * op.window[1];
    op.macs = op.output.elements() * taps;
    op.weights = random_weights(op.output.channels, 1, taps);
    return finish_layer(std::move(op));
  }

  /// Random weights [out][in][taps], some 8x8 blocks of channels zero.
  std::vector<std::int8_t> random_weights(std::int64_t out, std::int64_t in, std::int64_t taps) {
    const double share = std::min(1.0, 2.0 * options_.zero_blocks * rng_.uniform());
    const std::int64_t in_blocks = (in + kBlock - 1) / kBlock;
    std::vector<bool> zero(static_cast<std::size_t>((out + kBlock - 1) / kBlock * in_blocks));
    for (std::size_t i = 1; i < zero.size(); ++i) zero[i] = rng_.bernoulli(share);
    std::vector<std::int8_t> weights;
    for (std::int64_t o = 0; o < out; ++o) {
      for (std::int64_t i = 0; i < in; ++i) {
        const bool cleared = zero[static_cast<std::size_t>(o / kBlock * in_blocks + i / kBlock)];
        for (std::int64_t tap = 0; tap < taps; ++tap) {
          const int value = static_cast<int>(rng_.below(255)) - 127;
          weights.push_back(static_cast<std::int8_t>(cleared ? 0 : value));
        }
      }
    }
    return weights;
  }

  /// Of 4 neighbouring input channels at most 2 keep their weights, for each output and tap.
  void thin_out(std::vector<std::int8_t>& weights, std::int64_t in, std::int64_t taps) {
    const std::int64_t rows = static_cast<std::int64_t>(weights.size()) / (in * taps);
    for (std::int64_t o = 0; o < rows; ++o) {
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        for (std::int64_t group = 0; group < in; group += 4) {
          const std::array<std::int64_t, 2> lost{between(0, 1), between(2, 3)};
          for (const std::int64_t i : lost) {
            if (group + i >= in) continue;
            weights[static_cast<std::size_t>((o * in + group + i) * taps + tap)] = 0;
          }
        }
      }
    }
  }

  /// The shift after which magnitudes up to `largest` about fill the output's range.
  std::uint8_t shift_for(std::int32_t largest, const Int8Shape& shape) {
    const std::int32_t limit = shape.is_unsigned ? 255 : 127;
    std::uint8_t shift = 0;
    while (largest >> shift > limit) ++shift;
    const bool saturate = shift > 0 && rng_.bernoulli(0.3);
    return static_cast<std::uint8_t>(shift - (saturate ? 1 : 0));
  }

  /// Limits, biases and shifts of a layer that has its weights.
  std::size_t finish_layer(Int8Op op) {
    set_limits(op);
    const auto out = static_cast<std::size_t>(op.output.channels);
    op.bias.assign(out, 0);
    op.shift.assign(out, 0);
    const std::vector<std::int32_t> sums = int8::sums_of(network_, op, results_);
    const std::size_t plane = sums.size() / out;
    for (std::size_t o = 0; o < out; ++o) {
      const std::int32_t largest = largest_of(std::span(sums).subspan(o * plane, plane));
      op.bias[o] = static_cast<std::int32_t>((rng_.uniform() - 0.5) * (largest + 100.0));
      op.shift[o] = shift_for(largest + std::abs(op.bias[o]) / 2, op.output);
    }
    return append(std::move(op));
  }

  static std::int32_t largest_of(std::span<const std::int32_t> sums) {
    std::int32_t largest = 0;
    for (const std::int32_t sum : sums) largest = std::max(largest, std::abs(sum));
    return largest;
  }

  /// The range of the bytes; now and then a ReLU of signed numbers or a clip.
  void set_limits(Int8Op& op) {
    const bool is_unsigned = op.output.is_unsigned;
    op.minimum = is_unsigned || rng_.bernoulli(0.1) ? 0 : -128;
    op.maximum = is_unsigned ? 255 : 127;
    if (rng_.bernoulli(0.1)) op.maximum = static_cast<std::int16_t>(op.maximum - between(0, 40));
  }

  std::size_t max_pool(std::size_t from) {
    const Int8Shape& in = output(from);
    const std::int64_t size = between(1, smallest(from, 3));
    return max_pool_of(from, size, strides(), in.is_unsigned && rng_.bernoulli(0.5));
  }

  std::size_t max_pool_of(std::size_t from, std::int64_t size, const Window& stride, bool padded) {
    Int8Op op = layer_on(from, Kind::max_pool, {output(from).is_unsigned, output(from).exponent});
    op.window = {size, size};
    op.stride = stride;
    slide(output(from), op, padded);
    return append(std::move(op));
  }

  std::size_t average(std::size_t from, const Window& window, const Window& stride) {
    const Int8Shape& in = output(from);
    const auto finer = static_cast<std::int32_t>(rng_.below(2));
    Int8Op op = layer_on(from, Kind::average_pool, {in.is_unsigned, in.exponent - finer});
    op.window = window;
    op.stride = stride;
    slide(in, op, false);
    set_limits(op);
    const auto mean = int8::mean_multiplier(window[0] * window[1], finer);
    op.multiplier = mean.multiplier;
    op.pool_shift = mean.shift;
    return append(std::move(op));
  }

  std::size_t add(std::size_t left, std::size_t right) {
    Int8Op op = layer_on(left, Kind::add, target());
    op.inputs.push_back(right);
    const std::int32_t finest = std::min(output(left).exponent, output(right).exponent);
    op.shift_input = static_cast<std::uint8_t>(output(left).exponent - finest);
    op.shift_second = static_cast<std::uint8_t>(output(right).exponent - finest);
    op.pool_shift = shift_for(largest_of(int8::sums_of(network_, op, results_)), op.output);
    op.output.exponent = finest + op.pool_shift;
    set_limits(op);
    return append(std::move(op));
  }

  /// Two or three branches of one range: convs, some with a max pool behind.
  std::size_t concat() {
    const Target to = target();
    const std::size_t from = last_;
    std::vector<std::size_t> parts;
    for (std::int64_t count = between(2, 3); count > 0; --count) {
      std::size_t part = conv_of(from, window(), {1, 1}, channels(), to);
      if (options_.pools && to.is_unsigned && rng_.bernoulli(0.3)) {
        part = max_pool_of(part, 3, {1, 1}, true);
      }
      parts.push_back(part);
    }
    Int8Op op = layer_on(parts[0], Kind::concat, to);
    op.inputs = parts;
    op.output.channels = 0;
    for (const std::size_t part : parts) op.output.channels += output(part).channels;
    return append(std::move(op));
  }

  std::size_t append(Int8Op op) {
    op.name = op.result = fmt::format("op{}", network_.operations.size());
    if (op.output.is_unsigned) {
      op.minimum = std::max<std::int16_t>(op.minimum, 0);
      if (op.kind == Kind::max_pool || op.kind == Kind::concat) op.maximum = 255;
    }
    results_.push_back(int8::result_of(network_, op, results_));
    network_.operations.push_back(std::move(op));
    return network_.operations.size() - 1;
  }

  const RandomOptions& options_;
  Rng rng_;
  Int8Network network_;
  std::vector<int8::Bytes> results_;
  std::size_t last_ = 0;
};

}  // namespace

Int8Network random_int8_network(std::uint64_t seed, const RandomOptions& options) {
  WBS_ASSERT(options.least_pixels >= 5 && options.least_pixels <= options.most_pixels);
  WBS_ASSERT(options.least_layers >= 1 && options.least_layers <= options.most_layers);
  return Generator(seed, options).all();
}

std::vector<std::uint8_t> random_int8_image(const Int8Network& network, std::uint64_t seed) {
  Rng rng(seed, stream_of("image", 5));
  std::vector<std::uint8_t> bytes(
      static_cast<std::size_t>(network.operations.at(0).output.elements()));
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng.below(256));
  return bytes;
}

}  // namespace wbs::networks
