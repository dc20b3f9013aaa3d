#include "compiler/codegen/weights.hpp"

#include <algorithm>

#include "aie_model/kernels/chunk.hpp"
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

/// The span's weights in the order of a chunk's source, zero beyond the layer's channels.
std::vector<std::int8_t> gather(const Int8Op& op, std::int64_t in_channels, const ChunkSpan& span) {
  std::vector<std::int8_t> weights;
  const std::int64_t taps = taps_of(op);
  weights.reserve(index(span.out_count * span.in_count * taps * 64));
  for (std::int64_t o = span.out_first; o < span.out_first + span.out_count; ++o) {
    for (std::int64_t i = span.in_first; i < span.in_first + span.in_count; ++i) {
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        for (std::int64_t kn = 0; kn < 64; ++kn) {
          weights.push_back(weight(op, in_channels, o * 8 + kn % 8, i * 8 + kn / 8, tap));
        }
      }
    }
  }
  return weights;
}

std::vector<std::int8_t> gather_depthwise(const Int8Op& op, const ChunkSpan& span) {
  std::vector<std::int8_t> weights;
  for (std::int64_t block = span.out_first; block < span.out_first + span.out_count; ++block) {
    for (std::int64_t tap = 0; tap < taps_of(op); ++tap) {
      for (std::int64_t c = block * 8; c < block * 8 + 8; ++c) {
        weights.push_back(c < op.output.channels ? op.weights[index(c * taps_of(op) + tap)]
                                                 : std::int8_t{0});
      }
    }
  }
  return weights;
}

/// Values of the span's output channels, zero beyond the layer's.
template <typename T>
std::vector<T> channel_values(const Int8Op& op, const std::vector<T>& values,
                              const ChunkSpan& span) {
  std::vector<T> part(index(span.out_count * 8), T{0});
  for (std::int64_t c = 0; c < span.out_count * 8; ++c) {
    const std::int64_t channel = span.out_first * 8 + c;
    if (channel < op.output.channels) part[index(c)] = values[index(channel)];
  }
  return part;
}

}  // namespace

KeptMap kept_map(const Int8Op& op, std::int64_t in_channels, Kernel kernel, bool skip_zero) {
  KeptMap map;
  map.skip_zero = skip_zero;
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
  return aie::chunk_bytes({kernel, static_cast<std::uint32_t>(span.out_count),
                           kept_in(map, kernel, span), static_cast<std::uint32_t>(taps), span.begin,
                           span.finish, span.adds});
}

std::vector<std::uint8_t> encode_chunk(const Int8Op& op, std::int64_t in_channels, bool skip_zero,
                                       Kernel kernel, const ChunkSpan& span) {
  if (span.out_count == 0) return {};
  const bool depthwise = kernel == Kernel::depthwise;
  const std::vector<std::int8_t> weights =
      depthwise ? gather_depthwise(op, span) : gather(op, in_channels, span);
  const std::vector<std::int32_t> bias = channel_values(op, op.bias, span);
  const std::vector<std::uint8_t> shift = channel_values(op, op.shift, span);
  const bool adds = span.finish && span.adds;
  const auto second_shift =
      adds ? channel_values(op, op.second_shift, span) : std::vector<std::uint8_t>();
  aie::ChunkSource source;
  source.out_blocks = static_cast<std::uint16_t>(span.out_count);
  source.in_blocks = static_cast<std::uint16_t>(span.in_count);
  source.taps = static_cast<std::uint16_t>(taps_of(op));
  source.weights = weights;
  if (span.begin) source.bias = bias;
  if (span.finish) source.shift = shift;
  source.second_shift = second_shift;
  source.skip_zero = skip_zero;
  if (depthwise) return encode_depthwise_chunk(source);
  return kernel == Kernel::conv_sparse4 ? encode_sparse4_chunk(source) : encode_conv_chunk(source);
}

}  // namespace wbs::compiler
