#include "aie_model/kernels/chunk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/error.hpp"

namespace wbs::aie {
namespace {

constexpr std::uint32_t kSide = 8;      // channels of a block
constexpr std::uint32_t kOperand = 64;  // weights of a block pair and tap

std::uint32_t padded(std::uint32_t bytes) {
  return (bytes + 3) / 4 * 4;
}

void put(std::vector<std::uint8_t>& chunk, std::uint32_t at, const void* data, std::size_t bytes) {
  if (bytes > 0) std::memcpy(chunk.data() + at, data, bytes);
}

void check_sizes(const ChunkSource& source, std::size_t weights) {
  const std::size_t channels = std::size_t{kSide} * source.out_blocks;
  if (source.weights.size() != weights) {
    throw Error(ErrorKind::input, fmt::format("a weights chunk of {} x {} blocks and {} taps needs "
                                              "{} weights, got {}",
                                              source.out_blocks, source.in_blocks, source.taps,
                                              weights, source.weights.size()));
  }
  const auto wrong = [channels](std::size_t size) { return size != 0 && size != channels; };
  if (wrong(source.bias.size()) || wrong(source.shift.size()) ||
      wrong(source.second_shift.size())) {
    throw Error(
        ErrorKind::input,
        fmt::format("a weights chunk of {} output channels got {} biases, {} shifts and {} "
                    "shifts of a second input",
                    channels, source.bias.size(), source.shift.size(), source.second_shift.size()));
  }
}

std::size_t dense_weights(const ChunkSource& source) {
  return std::size_t{kOperand} * source.out_blocks * source.in_blocks * source.taps;
}

/// The weights of all taps of one block pair.
std::span<const std::int8_t> operand_of(const ChunkSource& source, std::uint32_t out,
                                        std::uint32_t in) {
  const std::size_t each = std::size_t{kOperand} * source.taps;
  return source.weights.subspan((std::size_t{out} * source.in_blocks + in) * each, each);
}

bool any(std::span<const std::int8_t> weights) {
  return std::any_of(weights.begin(), weights.end(), [](std::int8_t w) { return w != 0; });
}

/// Which groups of `width` input blocks are kept, ascending, for each output block.
std::vector<std::vector<std::uint16_t>> kept_groups(const ChunkSource& source,
                                                    std::uint32_t width) {
  std::vector<std::vector<std::uint16_t>> kept(source.out_blocks);
  for (std::uint32_t out = 0; out < source.out_blocks; ++out) {
    for (std::uint32_t in = 0; in < source.in_blocks; in += width) {
      bool keep = !source.skip_zero;
      for (std::uint32_t half = in; half < std::min<std::uint32_t>(in + width, source.in_blocks);
           ++half) {
        keep = keep || any(operand_of(source, out, half));
      }
      if (keep) kept[out].push_back(static_cast<std::uint16_t>(in / width));
    }
  }
  return kept;
}

std::vector<std::uint16_t> counts(const std::vector<std::vector<std::uint16_t>>& kept) {
  std::vector<std::uint16_t> result;
  result.reserve(kept.size());
  for (const auto& indices : kept) result.push_back(static_cast<std::uint16_t>(indices.size()));
  return result;
}

/// A chunk with everything but its operands, and where these go.
struct Started {
  std::vector<std::uint8_t> chunk;
  std::uint32_t operands = 0;
};

Started start_chunk(const ChunkSource& source, Kernel kernel,
                    const std::vector<std::vector<std::uint16_t>>& kept) {
  const std::vector<std::uint16_t> header = counts(kept);
  ChunkShape shape{.kernel = kernel,
                   .out_blocks = source.out_blocks,
                   .taps = source.taps,
                   .begin = !source.bias.empty(),
                   .finish = !source.shift.empty(),
                   .adds = !source.second_shift.empty()};
  for (const std::uint16_t count : header) shape.kept += count;
  const ChunkLayout layout = chunk_layout(shape);
  Started started{.chunk = std::vector<std::uint8_t>(layout.bytes), .operands = layout.operands};
  put(started.chunk, 0, header.data(), 2 * header.size());
  std::uint32_t at = layout.index;
  for (const auto& indices : kept) {
    put(started.chunk, at, indices.data(), 2 * indices.size());
    at += static_cast<std::uint32_t>(2 * indices.size());
  }
  put(started.chunk, layout.bias, source.bias.data(), source.bias.size_bytes());
  put(started.chunk, layout.shift, source.shift.data(), source.shift.size_bytes());
  put(started.chunk, layout.second_shift, source.second_shift.data(),
      source.second_shift.size_bytes());
  return started;
}

struct Sparse4 {
  std::array<std::uint32_t, 4> mask{};
  std::array<std::int8_t, 64> value{};
};
static_assert(sizeof(Sparse4) == 80);

/// One tap of a pair of input blocks; the second half is empty where there is no such block.
Sparse4 compress(std::span<const std::int8_t> low, std::span<const std::int8_t> high) {
  Sparse4 operand;
  for (std::uint32_t group = 0; group < 4; ++group) {
    const std::span<const std::int8_t> half = group < 2 ? low : high;
    if (half.empty()) continue;
    for (std::uint32_t n = 0; n < kSide; ++n) {
      std::uint32_t count = 0;
      for (std::uint32_t k = group * 4; k < group * 4 + 4; ++k) {
        const std::int8_t weight = half[(k % kSide) * kSide + n];
        if (weight == 0) continue;
        if (count == 2) {
          throw Error(ErrorKind::input,
                      "a weights chunk for the 2:4 unit has more than 2 weights in 4 input "
                      "channels");
        }
        operand.value[(group * 2 + count) * kSide + n] = weight;
        ++count;
        operand.mask[(k * kSide + n) / 32] |= 1U << ((k * kSide + n) % 32);
      }
    }
  }
  return operand;
}

}  // namespace

std::uint32_t operand_bytes(Kernel kernel) noexcept {
  if (kernel == Kernel::conv_sparse4) return sizeof(Sparse4);
  return kernel == Kernel::conv ? kOperand : 0;
}

ChunkLayout chunk_layout(const ChunkShape& shape) noexcept {
  ChunkLayout layout;
  const bool depthwise = shape.kernel == Kernel::depthwise;
  if (!depthwise && operand_bytes(shape.kernel) == 0) return layout;
  layout.index = depthwise ? 0 : padded(2 * shape.out_blocks);
  layout.bias = depthwise ? 0 : layout.index + padded(2 * shape.kept);
  const bool begin = shape.begin || depthwise;
  const bool finish = shape.finish || depthwise;
  layout.shift = layout.bias + (begin ? 4 * kSide * shape.out_blocks : 0);
  layout.second_shift = layout.shift + (finish ? kSide * shape.out_blocks : 0);
  const bool adds = shape.adds && finish && !depthwise;
  layout.operands = layout.second_shift + (adds ? kSide * shape.out_blocks : 0);
  layout.bytes =
      layout.operands + (depthwise ? shape.out_blocks * kSide * shape.taps
                                   : shape.kept * shape.taps * operand_bytes(shape.kernel));
  return layout;
}

std::uint32_t chunk_bytes(const ChunkShape& shape) noexcept {
  return chunk_layout(shape).bytes;
}

std::vector<std::uint16_t> kept_operands(const ChunkSource& source) {
  check_sizes(source, dense_weights(source));
  return counts(kept_groups(source, 1));
}

std::vector<std::uint16_t> kept_pairs(const ChunkSource& source) {
  check_sizes(source, dense_weights(source));
  return counts(kept_groups(source, 2));
}

std::vector<std::uint8_t> encode_conv_chunk(const ChunkSource& source) {
  check_sizes(source, dense_weights(source));
  const auto kept = kept_groups(source, 1);
  Started started = start_chunk(source, Kernel::conv, kept);
  std::uint32_t at = started.operands;
  for (std::uint32_t out = 0; out < source.out_blocks; ++out) {
    for (const std::uint16_t in : kept[out]) {
      const auto operand = operand_of(source, out, in);
      put(started.chunk, at, operand.data(), operand.size());
      at += static_cast<std::uint32_t>(operand.size());
    }
  }
  return std::move(started.chunk);
}

std::vector<std::uint8_t> encode_sparse4_chunk(const ChunkSource& source) {
  check_sizes(source, dense_weights(source));
  const auto kept = kept_groups(source, 2);
  Started started = start_chunk(source, Kernel::conv_sparse4, kept);
  std::uint32_t at = started.operands;
  for (std::uint32_t out = 0; out < source.out_blocks; ++out) {
    for (const std::uint16_t pair : kept[out]) {
      const auto low = operand_of(source, out, 2U * pair);
      const bool whole = 2U * pair + 1 < source.in_blocks;
      const auto high =
          whole ? operand_of(source, out, 2U * pair + 1) : std::span<const std::int8_t>{};
      for (std::uint32_t tap = 0; tap < source.taps; ++tap) {
        const std::size_t from = std::size_t{kOperand} * tap;
        const Sparse4 operand =
            compress(low.subspan(from, kOperand), whole ? high.subspan(from, kOperand) : high);
        put(started.chunk, at, &operand, sizeof operand);
        at += static_cast<std::uint32_t>(sizeof operand);
      }
    }
  }
  return std::move(started.chunk);
}

std::vector<std::uint8_t> encode_depthwise_chunk(const ChunkSource& source) {
  check_sizes(source, std::size_t{kSide} * source.out_blocks * source.taps);
  if (source.bias.empty() != (source.out_blocks == 0) ||
      source.bias.size() != source.shift.size()) {
    throw Error(ErrorKind::input, "a depthwise weights chunk needs biases and shifts");
  }
  const ChunkLayout layout = chunk_layout(
      {.kernel = Kernel::depthwise, .out_blocks = source.out_blocks, .taps = source.taps});
  std::vector<std::uint8_t> chunk(layout.bytes);
  put(chunk, layout.bias, source.bias.data(), source.bias.size_bytes());
  put(chunk, layout.shift, source.shift.data(), source.shift.size_bytes());
  put(chunk, layout.operands, source.weights.data(), source.weights.size());
  return chunk;
}

}  // namespace wbs::aie
