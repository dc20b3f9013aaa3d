#include "compiler/codegen/weights.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "compiler/codegen/layout.hpp"

namespace wbs::compiler {
namespace {

using aie::Kernel;
using networks::Int8Op;

std::size_t index(std::int64_t value) {
  return static_cast<std::size_t>(value);
}

std::int64_t taps_of(const Int8Op& op) {
  return op.window[0] * op.window[1];
}

/// Blocks of input channels in one operand.
std::int64_t unit(Kernel kernel) {
  return kernel == Kernel::conv_sparse4 ? 2 : 1;
}

std::int8_t weight(const Int8Op& op, std::int64_t in_channels, std::int64_t out, std::int64_t in,
                   std::int64_t tap) {
  if (out >= op.output.channels || in >= in_channels) return 0;
  return op.weights[index((out * in_channels + in) * taps_of(op) + tap)];
}

constexpr std::int64_t padded(std::int64_t bytes) {
  return (bytes + 3) / 4 * 4;
}

class Writer {
 public:
  template <typename T>
  void put(T value) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof(T));
    std::memcpy(bytes_.data() + at, &value, sizeof(T));
  }
  void pad() { bytes_.resize(index(padded(static_cast<std::int64_t>(bytes_.size())))); }
  [[nodiscard]] std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<std::uint8_t> bytes_;
};

void put_dense_operand(Writer& writer, const Int8Op& op, std::int64_t in_channels, std::int64_t out,
                       std::int64_t in, std::int64_t tap) {
  for (std::int64_t k = 0; k < 8; ++k) {
    for (std::int64_t n = 0; n < 8; ++n) {
      writer.put(weight(op, in_channels, out * 8 + n, in * 8 + k, tap));
    }
  }
}

void put_sparse_operand(Writer& writer, const Int8Op& op, std::int64_t in_channels,
                        std::int64_t out, std::int64_t pair, std::int64_t tap) {
  std::array<std::uint32_t, 4> mask{};
  std::array<std::int8_t, 64> values{};
  for (std::int64_t n = 0; n < 8; ++n) {
    std::array<std::int64_t, 4> kept{};
    for (std::int64_t k = 0; k < 16; ++k) {
      const std::int8_t w = weight(op, in_channels, out * 8 + n, pair * 16 + k, tap);
      if (w == 0) continue;
      const std::int64_t bit = k * 8 + n;
      mask[index(bit / 32)] |= 1U << (bit % 32);
      values[index((k / 4 * 2 + kept[index(k / 4)]++) * 8 + n)] = w;
    }
  }
  for (const std::uint32_t word : mask) writer.put(word);
  for (const std::int8_t value : values) writer.put(value);
}

std::vector<std::uint8_t> encode_depthwise(const Int8Op& op, const ChunkSpan& span) {
  Writer writer;
  const std::int64_t channels = op.output.channels;
  const auto each = [&](auto&& put) {
    for (std::int64_t c = span.out_first * 8; c < (span.out_first + span.out_count) * 8; ++c)
      put(c);
  };
  each([&](std::int64_t c) { writer.put(c < channels ? op.bias[index(c)] : std::int32_t{0}); });
  each([&](std::int64_t c) { writer.put(c < channels ? op.shift[index(c)] : std::uint8_t{0}); });
  for (std::int64_t block = 0; block < span.out_count; ++block) {
    for (std::int64_t tap = 0; tap < taps_of(op); ++tap) {
      for (std::int64_t n = 0; n < 8; ++n) {
        const std::int64_t c = (span.out_first + block) * 8 + n;
        writer.put(c < channels ? op.weights[index(c * taps_of(op) + tap)] : std::int8_t{0});
      }
    }
  }
  return writer.take();
}

}  // namespace

KeptMap kept_map(const Int8Op& op, std::int64_t in_channels, Kernel kernel, bool skip_zero) {
  KeptMap map;
  map.out_blocks = blocks_of(op.output.channels);
  const std::int64_t unit_channels = 8 * unit(kernel);
  map.in_units = (in_channels + unit_channels - 1) / unit_channels;
  map.kept.assign(index(map.out_blocks * map.in_units), skip_zero ? 0 : 1);
  if (!skip_zero) return map;
  const std::int64_t taps = taps_of(op);
  const std::int8_t* weights = op.weights.data();
  for (std::int64_t o = 0; o < op.output.channels; ++o) {
    for (std::int64_t i = 0; i < in_channels; ++i, weights += taps) {
      std::uint8_t& kept = map.kept[index(o / 8 * map.in_units + i / unit_channels)];
      if (kept == 0) {
        kept = std::any_of(weights, weights + taps, [](std::int8_t w) { return w != 0; }) ? 1 : 0;
      }
    }
  }
  return map;
}

double operand_density(const Int8Op& op, std::int64_t in_channels) {
  const KeptMap map = kept_map(op, in_channels, Kernel::conv, true);
  const auto kept = std::count(map.kept.begin(), map.kept.end(), std::uint8_t{1});
  return static_cast<double>(kept) / static_cast<double>(map.kept.size());
}

bool satisfies_two_of_four(const Int8Op& op, std::int64_t in_channels) {
  if (in_channels < 8) return false;
  const std::int64_t taps = taps_of(op);
  for (std::int64_t o = 0; o < op.output.channels; ++o) {
    for (std::int64_t group = 0; group < in_channels; group += 4) {
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        int kept = 0;
        for (std::int64_t i = group; i < std::min(group + 4, in_channels); ++i) {
          kept += op.weights[index((o * in_channels + i) * taps + tap)] != 0 ? 1 : 0;
        }
        if (kept > 2) return false;
      }
    }
  }
  return true;
}

std::uint32_t kept_in(const KeptMap& map, Kernel kernel, const ChunkSpan& span) {
  if (kernel == Kernel::depthwise) return static_cast<std::uint32_t>(span.out_count);
  const std::int64_t first = span.in_first / unit(kernel);
  const std::int64_t last = (span.in_first + span.in_count + unit(kernel) - 1) / unit(kernel);
  std::uint32_t kept = 0;
  for (std::int64_t o = span.out_first; o < span.out_first + span.out_count; ++o) {
    for (std::int64_t i = first; i < last; ++i) kept += map.at(o, i) ? 1 : 0;
  }
  return kept;
}

std::int64_t chunk_bytes(const KeptMap& map, Kernel kernel, std::int64_t taps,
                         const ChunkSpan& span) {
  if (kernel == Kernel::depthwise) return span.out_count * 8 * (5 + taps);
  const std::int64_t kept = kept_in(map, kernel, span);
  const std::int64_t operand = kernel == Kernel::conv_sparse4 ? 80 : 64;
  return padded(2 * span.out_count) + padded(2 * kept) + (span.begin ? span.out_count * 32 : 0) +
         (span.finish ? span.out_count * 8 : 0) + kept * taps * operand;
}

std::vector<std::uint8_t> encode_chunk(const Int8Op& op, std::int64_t in_channels,
                                       const KeptMap& map, Kernel kernel, const ChunkSpan& span) {
  if (kernel == Kernel::depthwise) return encode_depthwise(op, span);
  const std::int64_t first = span.in_first / unit(kernel);
  const std::int64_t last = (span.in_first + span.in_count + unit(kernel) - 1) / unit(kernel);
  const std::int64_t out_end = span.out_first + span.out_count;
  const auto each_kept = [&](std::int64_t o, auto&& put) {
    for (std::int64_t i = first; i < last; ++i) {
      if (map.at(o, i)) put(i);
    }
  };
  Writer writer;
  for (std::int64_t o = span.out_first; o < out_end; ++o) {
    std::uint16_t kept = 0;
    each_kept(o, [&](std::int64_t) { ++kept; });
    writer.put(kept);
  }
  writer.pad();
  for (std::int64_t o = span.out_first; o < out_end; ++o) {
    each_kept(o, [&](std::int64_t i) { writer.put(static_cast<std::uint16_t>(i - first)); });
  }
  writer.pad();
  const auto channel = [&](const auto& values, std::int64_t c) {
    using Value = typename std::decay_t<decltype(values)>::value_type;
    return c < op.output.channels ? values[index(c)] : Value{0};
  };
  for (std::int64_t c = span.out_first * 8; span.begin && c < out_end * 8; ++c) {
    writer.put(channel(op.bias, c));
  }
  for (std::int64_t c = span.out_first * 8; span.finish && c < out_end * 8; ++c) {
    writer.put(channel(op.shift, c));
  }
  for (std::int64_t o = span.out_first; o < out_end; ++o) {
    each_kept(o, [&](std::int64_t i) {
      for (std::int64_t tap = 0; tap < taps_of(op); ++tap) {
        if (kernel == Kernel::conv_sparse4) {
          put_sparse_operand(writer, op, in_channels, o, i, tap);
        } else {
          put_dense_operand(writer, op, in_channels, o, i, tap);
        }
      }
    });
  }
  return writer.take();
}

}  // namespace wbs::compiler
