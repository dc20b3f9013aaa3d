// Convolutions as dot products of 16-bit vectors: the inputs that an output block keeps are
// gathered per tile of pixels, which costs one copy per 8 products, and the compiler then turns the
// loops of products into its multiply-add-pairs instruction on any x86-64.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <vector>

#include "aie_model/kernels/chunk.hpp"
#include "aie_model/kernels/compute.hpp"
#include "aie_model/kernels/kernel_model.hpp"
#include "aie_model/kernels/rounding.hpp"

namespace wbs::aie {
namespace {

constexpr std::size_t kSide = 8;
constexpr std::size_t kTile = 4;  // pixels
// 65536 products of 255 * -128 are the most that 32-bit sums hold.
constexpr std::size_t kMaxProducts = 65536;
constexpr int kMaxSecondShift = 22;

using Tile = std::array<std::array<std::int32_t, kSide>, kTile>;

/// What one output block reads: input blocks, and its weights as [8 outputs][blocks][taps][8].
struct BlockList {
  std::vector<std::uint16_t> blocks;
  std::vector<std::int16_t> weights;
};

/// A chunk's parts.
struct Chunk {
  const KernelCall* call = nullptr;
  std::span<const std::uint8_t> bytes;
  ChunkLayout layout{};
  std::size_t taps = 1;

  template <typename T>
  [[nodiscard]] T at(std::size_t offset) const {
    T value{};
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
  }
};

/// sums[p][n] += inputs[p] . weights[n] over `length` (a multiple of 8).
void multiply(const std::int16_t* __restrict inputs, const std::int16_t* __restrict weights,
              std::size_t length, Tile& sums) {
  for (std::size_t n = 0; n < kSide; n += 2) {
    const std::int16_t* w0 = weights + n * length;
    const std::int16_t* w1 = w0 + length;
    const std::int16_t* a0 = inputs;
    const std::int16_t* a1 = a0 + length;
    const std::int16_t* a2 = a1 + length;
    const std::int16_t* a3 = a2 + length;
    std::int32_t s00 = 0, s01 = 0, s10 = 0, s11 = 0, s20 = 0, s21 = 0, s30 = 0, s31 = 0;
    for (std::size_t k = 0; k < length; ++k) {
      s00 += a0[k] * w0[k];
      s01 += a0[k] * w1[k];
      s10 += a1[k] * w0[k];
      s11 += a1[k] * w1[k];
      s20 += a2[k] * w0[k];
      s21 += a2[k] * w1[k];
      s30 += a3[k] * w0[k];
      s31 += a3[k] * w1[k];
    }
    sums[0][n] = s00, sums[0][n + 1] = s01;
    sums[1][n] = s10, sums[1][n + 1] = s11;
    sums[2][n] = s20, sums[2][n + 1] = s21;
    sums[3][n] = s30, sums[3][n + 1] = s31;
  }
}

std::int16_t signed_byte(std::uint8_t byte) {
  return static_cast<std::int16_t>(static_cast<std::int8_t>(byte));
}

/// The image as 16-bit numbers.
std::vector<std::int16_t> widen(std::span<const std::uint8_t> bytes, bool is_unsigned) {
  std::vector<std::int16_t> wide(bytes.size());
  if (is_unsigned) {
    for (std::size_t i = 0; i < bytes.size(); ++i) wide[i] = bytes[i];
  } else {
    for (std::size_t i = 0; i < bytes.size(); ++i) wide[i] = signed_byte(bytes[i]);
  }
  return wide;
}

/// Appends one kept operand of conv: [taps][8 k][8 n] becomes [n][block][taps][k].
void take_dense(const Chunk& chunk, std::size_t offset, std::size_t position, BlockList& list) {
  const std::size_t length = list.blocks.size() * chunk.taps * kSide;
  for (std::size_t tap = 0; tap < chunk.taps; ++tap) {
    const std::uint8_t* from = chunk.bytes.data() + offset + tap * kSide * kSide;
    std::int16_t* to = list.weights.data() + (position * chunk.taps + tap) * kSide;
    for (std::size_t n = 0; n < kSide; ++n) {
      for (std::size_t k = 0; k < kSide; ++k) {
        to[n * length + k] = signed_byte(from[k * kSide + n]);
      }
    }
  }
}

/// The same for a kept pair of conv_sparse4, of which the first `halves` blocks exist.
std::string take_sparse4(const Chunk& chunk, std::size_t offset, std::size_t position,
                         std::size_t halves, BlockList& list) {
  const std::size_t length = list.blocks.size() * chunk.taps * kSide;
  for (std::size_t tap = 0; tap < chunk.taps; ++tap) {
    const std::size_t from = offset + tap * operand_bytes(Kernel::conv_sparse4);
    std::array<std::uint32_t, 4> mask{};
    std::memcpy(mask.data(), chunk.bytes.data() + from, sizeof mask);
    for (std::size_t n = 0; n < kSide; ++n) {
      for (std::size_t group = 0; group < 4; ++group) {
        std::size_t count = 0;
        for (std::size_t k = group * 4; k < group * 4 + 4; ++k) {
          const std::size_t bit = k * kSide + n;
          if ((mask[bit / 32] >> (bit % 32) & 1U) == 0) continue;
          if (count == 2) return "a 2:4 mask keeps more than 2 of 4 input channels";
          if (k / kSide >= halves) return "a 2:4 mask keeps channels of a block beyond the input";
          const std::size_t at = from + sizeof mask + (group * 2 + count) * kSide + n;
          const std::size_t block = position + k / kSide;
          list.weights[n * length + (block * chunk.taps + tap) * kSide + k % kSide] =
              signed_byte(chunk.bytes[at]);
          ++count;
        }
      }
    }
  }
  return {};
}

/// Reads the block lists of all output blocks, checking every index.
std::string read_lists(const Chunk& chunk, std::vector<BlockList>& lists) {
  const KernelCall& call = *chunk.call;
  const bool pairs = call.kernel == Kernel::conv_sparse4;
  const std::size_t blocks = call.in.blocks;
  const std::size_t choices = pairs ? (blocks + 1) / 2 : blocks;
  const std::size_t each = chunk.taps * operand_bytes(call.kernel);
  std::size_t next = 0;  // operand
  for (std::size_t out = 0; out < call.out.blocks; ++out) {
    BlockList& list = lists[out];
    const std::size_t kept = chunk.at<std::uint16_t>(2 * out);
    std::vector<std::size_t> position(kept + 1);
    int last = -1;
    for (std::size_t i = 0; i < kept; ++i) {
      const auto index = chunk.at<std::uint16_t>(chunk.layout.index + 2 * (next + i));
      if (index >= choices || index <= last) {
        return fmt::format(
            "index {} of output block {} is {}, after {}; it must ascend and be "
            "less than {}",
            i, out, index, last, choices);
      }
      last = index;
      position[i] = list.blocks.size();
      const std::size_t first = pairs ? 2 * std::size_t{index} : index;
      list.blocks.push_back(static_cast<std::uint16_t>(first));
      if (pairs && first + 1 < blocks) {
        list.blocks.push_back(static_cast<std::uint16_t>(first + 1));
      }
    }
    position[kept] = list.blocks.size();
    const std::size_t length = list.blocks.size() * chunk.taps * kSide;
    if (length > kMaxProducts) {
      return fmt::format("output block {} sums {} products; 32-bit sums hold {}", out, length,
                         kMaxProducts);
    }
    list.weights.assign(kSide * length, 0);
    for (std::size_t i = 0; i < kept; ++i) {
      const std::size_t offset = chunk.layout.operands + (next + i) * each;
      if (!pairs) {
        take_dense(chunk, offset, position[i], list);
      } else if (std::string wrong =
                     take_sparse4(chunk, offset, position[i], position[i + 1] - position[i], list);
                 !wrong.empty()) {
        return wrong;
      }
    }
    next += kept;
  }
  return {};
}

std::string check_shifts(const Chunk& chunk) {
  if (!chunk.call->finish) return {};
  for (std::uint32_t at = chunk.layout.shift; at < chunk.layout.second_shift; ++at) {
    if (chunk.bytes[at] > kMaxShift) {
      return fmt::format("the shift of output channel {} is {}; at most {} is allowed",
                         at - chunk.layout.shift, chunk.bytes[at], kMaxShift);
    }
  }
  for (std::uint32_t at = chunk.layout.second_shift; at < chunk.layout.operands; ++at) {
    if (chunk.bytes[at] > kMaxSecondShift) {
      return fmt::format(
          "the second input of output channel {} is shifted by {}; at most {} is "
          "allowed",
          at - chunk.layout.second_shift, chunk.bytes[at], kMaxSecondShift);
    }
  }
  return {};
}

/// Copies what pixel (y, x) of the output reads of the listed blocks, in the weights' order.
void gather(const KernelCall& call, const std::vector<std::int16_t>& image,
            const std::vector<std::uint16_t>& blocks, std::size_t pixel, std::int16_t* to) {
  const std::size_t y = pixel / call.out.columns * call.stride[0];
  const std::size_t x = pixel % call.out.columns * call.stride[1];
  const std::size_t row = kSide * call.in.columns;
  const std::size_t run = kSide * call.window[1];
  for (const std::uint16_t block : blocks) {
    const std::int16_t* from =
        image.data() + (std::size_t{block} * call.in.rows + y) * row + x * kSide;
    for (std::size_t r = 0; r < call.window[0]; ++r) {
      if (run == kSide) {
        std::memcpy(to, from, kSide * sizeof *to);
      } else {
        std::memcpy(to, from, run * sizeof *to);
      }
      to += run;
      from += row;
    }
  }
}

/// Adds a pixel's sums to where they start from and puts them away.
void store_pixel(const Chunk& chunk, const CallBytes& bytes, std::size_t out, std::size_t pixel,
                 const std::array<std::int32_t, kSide>& sums) {
  const KernelCall& call = *chunk.call;
  const std::size_t pixels = std::size_t{call.out.rows} * call.out.columns;
  const std::size_t at = (out * pixels + pixel) * kSide;
  std::array<std::uint32_t, kSide> total{};
  const std::uint8_t* start = call.begin ? chunk.bytes.data() + chunk.layout.bias + out * kSide * 4
                                         : bytes.accumulators.data() + at * 4;
  std::memcpy(total.data(), start, sizeof total);
  for (std::size_t n = 0; n < kSide; ++n) total[n] += static_cast<std::uint32_t>(sums[n]);
  if (call.finish && call.adds) {
    const std::uint8_t* left = chunk.bytes.data() + chunk.layout.second_shift + out * kSide;
    for (std::size_t n = 0; n < kSide; ++n) {
      const std::uint8_t byte = bytes.second[at + n];
      const int value = call.second_unsigned ? int{byte} : int{signed_byte(byte)};
      total[n] += static_cast<std::uint32_t>(value) << left[n];
    }
  }
  if (!call.finish) {
    std::memcpy(bytes.accumulators.data() + at * 4, total.data(), sizeof total);
    return;
  }
  const std::uint8_t* shift = chunk.bytes.data() + chunk.layout.shift + out * kSide;
  for (std::size_t n = 0; n < kSide; ++n) {
    bytes.output[at + n] =
        requantize(std::bit_cast<std::int32_t>(total[n]), shift[n], call.minimum, call.maximum);
  }
}

}  // namespace

std::string convolve(const KernelCall& call, const CallBytes& bytes) {
  Chunk chunk{.call = &call, .bytes = bytes.weights};
  chunk.taps = std::size_t{call.window[0]} * call.window[1];
  chunk.layout = chunk_layout({.kernel = call.kernel,
                               .out_blocks = call.out.blocks,
                               .kept = kept_in_chunk(call, bytes.weights),
                               .taps = static_cast<std::uint32_t>(chunk.taps),
                               .begin = call.begin,
                               .finish = call.finish,
                               .adds = call.adds});
  if (std::string wrong = check_shifts(chunk); !wrong.empty()) return wrong;
  std::vector<BlockList> lists(call.out.blocks);
  if (std::string wrong = read_lists(chunk, lists); !wrong.empty()) return wrong;

  const std::vector<std::int16_t> image = widen(bytes.input, call.input_unsigned);
  const std::size_t pixels = std::size_t{call.out.rows} * call.out.columns;
  std::vector<std::int16_t> inputs;
  for (std::size_t out = 0; out < lists.size(); ++out) {
    const BlockList& list = lists[out];
    const std::size_t length = list.blocks.size() * chunk.taps * kSide;
    inputs.resize(std::max(inputs.size(), kTile * length));
    for (std::size_t first = 0; first < pixels; first += kTile) {
      const std::size_t count = std::min(kTile, pixels - first);
      for (std::size_t p = 0; p < count; ++p) {
        gather(call, image, list.blocks, first + p, inputs.data() + p * length);
      }
      Tile sums{};
      multiply(inputs.data(), list.weights.data(), length, sums);
      for (std::size_t p = 0; p < count; ++p) store_pixel(chunk, bytes, out, first + p, sums[p]);
    }
  }
  return {};
}

}  // namespace wbs::aie
