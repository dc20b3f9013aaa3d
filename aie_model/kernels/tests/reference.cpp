#include "aie_model/kernels/tests/reference.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

namespace wbs::aie::testing {
namespace {

/// Rounds to nearest even with long double, which holds 64 bits exactly.
std::uint8_t finish(std::int64_t value, int shift, const KernelCall& call) {
  const long double exact = std::ldexp(static_cast<long double>(value), -shift);
  const auto rounded = static_cast<std::int64_t>(std::nearbyint(exact));
  return static_cast<std::uint8_t>(std::clamp<std::int64_t>(rounded, call.minimum, call.maximum));
}

std::size_t at(const ImageExtent& e, std::size_t block, std::size_t y, std::size_t x,
               std::size_t n) {
  return ((block * e.rows + y) * e.columns + x) * 8 + n;
}

int value(std::uint8_t byte, bool is_unsigned) {
  return is_unsigned ? int{byte} : int{static_cast<std::int8_t>(byte)};
}

std::size_t taps_of(const KernelCall& call) {
  return std::size_t{call.window[0]} * call.window[1];
}

}  // namespace

ChunkSource Weights::source(const KernelCall& call) const {
  ChunkSource source{.out_blocks = call.out.blocks,
                     .in_blocks = call.in.blocks,
                     .taps = static_cast<std::uint16_t>(taps_of(call)),
                     .weights = values};
  if (call.begin) source.bias = bias;
  if (call.finish) source.shift = shift;
  if (call.finish && call.adds) source.second_shift = second_shift;
  return source;
}

std::vector<std::uint8_t> random_bytes(std::size_t count, Rng& rng) {
  std::vector<std::uint8_t> bytes(count);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(rng.below(256));
  return bytes;
}

Weights random_weights(const KernelCall& call, double density, bool two_of_four, Rng& rng) {
  Weights weights;
  const bool depthwise = call.kernel == Kernel::depthwise;
  const std::size_t taps = taps_of(call);
  const std::size_t pairs = std::size_t{call.out.blocks} * (depthwise ? 1 : call.in.blocks);
  weights.values.resize(pairs * taps * (depthwise ? 8 : 64));
  const std::size_t each = weights.values.size() / std::max<std::size_t>(pairs, 1);
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    if (!rng.bernoulli(density)) continue;
    for (std::size_t i = 0; i < each; ++i) {
      weights.values[pair * each + i] = static_cast<std::int8_t>(rng.below(256));
    }
    for (std::size_t row = 0; two_of_four && row < each / 32; ++row) {
      for (std::size_t n = 0; n < 8; ++n) {  // 4 input channels of one output channel
        const std::size_t first = rng.below(4);
        const std::size_t second = rng.below(4);
        for (std::size_t k = 0; k < 4; ++k) {
          if (k == first || k == second) weights.values[pair * each + row * 32 + k * 8 + n] = 0;
        }
        if (first == second) {
          weights.values[pair * each + row * 32 + (first + 1) % 4 * 8 + n] = 0;
        }
      }
    }
  }
  for (std::size_t n = 0; n < std::size_t{8} * call.out.blocks; ++n) {
    weights.bias.push_back(static_cast<std::int32_t>(rng.below(40000)) - 20000);
    weights.shift.push_back(static_cast<std::uint8_t>(rng.below(14)));
    weights.second_shift.push_back(static_cast<std::uint8_t>(rng.below(14)));
  }
  return weights;
}

void reference_conv(const KernelCall& call, const Weights& weights, Tensors& tensors) {
  const std::size_t taps = taps_of(call);
  const ImageExtent& out = call.out;
  tensors.output.resize(out.bytes());
  if (call.begin) tensors.accumulators.assign(out.bytes(), 0);
  for (std::size_t o = 0; o < out.blocks; ++o) {
    for (std::size_t y = 0; y < out.rows; ++y) {
      for (std::size_t x = 0; x < out.columns; ++x) {
        for (std::size_t n = 0; n < 8; ++n) {
          const std::size_t to = at(out, o, y, x, n);
          std::int64_t sum = call.begin ? weights.bias[o * 8 + n] : tensors.accumulators[to];
          for (std::size_t i = 0; i < call.in.blocks; ++i) {
            for (std::size_t tap = 0; tap < taps; ++tap) {
              for (std::size_t k = 0; k < 8; ++k) {
                const std::size_t from = at(call.in, i, y * call.stride[0] + tap / call.window[1],
                                            x * call.stride[1] + tap % call.window[1], k);
                sum += std::int64_t{value(tensors.input[from], call.input_unsigned)} *
                       weights.values[(((o * call.in.blocks + i) * taps + tap) * 8 + k) * 8 + n];
              }
            }
          }
          tensors.accumulators[to] = static_cast<std::int32_t>(sum);
          if (call.finish && call.adds) {
            sum += std::int64_t{value(tensors.second[to], call.second_unsigned)}
                   << weights.second_shift[o * 8 + n];
          }
          if (call.finish) tensors.output[to] = finish(sum, weights.shift[o * 8 + n], call);
        }
      }
    }
  }
}

void reference_elementwise(const KernelCall& call, const Weights& weights, Tensors& tensors) {
  const std::size_t taps = taps_of(call);
  tensors.output.resize(call.out.bytes());
  for (std::size_t to = 0; to < tensors.output.size(); ++to) {
    const std::size_t n = to % 8;
    const std::size_t x = to / 8 % call.out.columns;
    const std::size_t y = to / 8 / call.out.columns % call.out.rows;
    const std::size_t block = to / 8 / call.out.columns / call.out.rows;
    if (call.kernel == Kernel::add) {
      const std::int64_t a = value(tensors.input[to], call.input_unsigned);
      const std::int64_t b = value(tensors.second[to], call.second_unsigned);
      tensors.output[to] =
          finish(a * (1LL << call.shift_input) + b * (1LL << call.shift_second), call.shift, call);
      continue;
    }
    std::int64_t sum = 0;
    int best = -1000;
    std::int64_t product = call.kernel == Kernel::depthwise ? weights.bias[block * 8 + n] : 0;
    for (std::size_t tap = 0; tap < taps; ++tap) {
      const std::size_t from = at(call.in, block, y * call.stride[0] + tap / call.window[1],
                                  x * call.stride[1] + tap % call.window[1], n);
      const int v = value(tensors.input[from], call.input_unsigned);
      sum += v;
      best = std::max(best, v);
      if (call.kernel == Kernel::depthwise) {
        product += std::int64_t{v} * weights.values[(block * taps + tap) * 8 + n];
      }
    }
    if (call.kernel == Kernel::max_pool) tensors.output[to] = static_cast<std::uint8_t>(best);
    if (call.kernel == Kernel::average_pool) {
      tensors.output[to] = finish(sum * call.multiplier, call.shift, call);
    }
    if (call.kernel == Kernel::depthwise) {
      tensors.output[to] = finish(product, weights.shift[block * 8 + n], call);
    }
  }
}

std::string run_in_core(KernelCall call, std::span<const std::uint8_t> chunk, Tensors& tensors) {
  std::vector<std::uint8_t> memory(65536, 0xA5);
  std::uint32_t next = 32;
  const auto place = [&](const void* data, std::size_t bytes) {
    const std::uint32_t address = next;
    next = (next + static_cast<std::uint32_t>(bytes) + 63) / 32 * 32;
    if (next > memory.size()) throw std::runtime_error("the test's tensors exceed 64 KB");
    if (data != nullptr && bytes > 0) std::memcpy(memory.data() + address, data, bytes);
    return address;
  };
  tensors.output.resize(call.out.bytes());
  tensors.accumulators.resize(call.out.bytes());
  ResolvedCall resolved{.call = &call};
  resolved.input = place(tensors.input.data(), tensors.input.size());
  resolved.second = place(tensors.second.data(), tensors.second.size());
  resolved.weights = place(chunk.data(), chunk.size());
  resolved.output = place(nullptr, tensors.output.size());
  const bool split = !(call.begin && call.finish);
  if (split)
    call.accumulators = place(tensors.accumulators.data(), std::size_t{4} * call.out.bytes());
  std::vector<std::uint8_t> expected = memory;
  std::string wrong = execute(resolved, memory);
  const auto take = [&](std::uint32_t address, void* data, std::size_t bytes) {
    if (bytes == 0) return;
    std::memcpy(data, memory.data() + address, bytes);
    std::memcpy(expected.data() + address, data, bytes);
  };
  if (wrong.empty() && call.finish) {
    take(resolved.output, tensors.output.data(), tensors.output.size());
  }
  if (wrong.empty() && split && !call.finish) {
    take(call.accumulators, tensors.accumulators.data(), std::size_t{4} * call.out.bytes());
  }
  if (memory != expected) throw std::runtime_error("a call wrote beside its results");
  return wrong;
}

}  // namespace wbs::aie::testing
