// Depthwise convolution, pools and sums: small beside the convolutions, so written plainly.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "aie_model/kernels/chunk.hpp"
#include "aie_model/kernels/compute.hpp"
#include "aie_model/kernels/rounding.hpp"

namespace wbs::aie {
namespace {

constexpr std::size_t kSide = 8;
using Lanes = std::array<std::int32_t, kSide>;

Lanes widen(const std::uint8_t* pixel, bool is_unsigned) {
  Lanes lanes{};
  for (std::size_t n = 0; n < kSide; ++n) {
    lanes[n] = is_unsigned ? pixel[n] : static_cast<std::int8_t>(pixel[n]);
  }
  return lanes;
}

/// Walks over the outputs of a call and the window of each.
struct Windows {
  const KernelCall& call;
  std::span<const std::uint8_t> input;

  [[nodiscard]] Lanes at(std::size_t block, std::size_t y, std::size_t x) const {
    const std::size_t pixel = (block * call.in.rows + y) * call.in.columns + x;
    return widen(input.data() + pixel * kSide, call.input_unsigned);
  }

  /// visit(lanes, tap) for each tap of output pixel (y, x).
  template <typename Visit>
  void each_tap(std::size_t block, std::size_t y, std::size_t x, Visit visit) const {
    std::size_t tap = 0;
    for (std::size_t r = 0; r < call.window[0]; ++r) {
      for (std::size_t s = 0; s < call.window[1]; ++s, ++tap) {
        visit(at(block, y * call.stride[0] + r, x * call.stride[1] + s), tap);
      }
    }
  }

  /// visit(block, y, x, offset of the pixel's 8 bytes in the output) for each output pixel.
  template <typename Visit>
  void each_output(Visit visit) const {
    std::size_t offset = 0;
    for (std::size_t block = 0; block < call.out.blocks; ++block) {
      for (std::size_t y = 0; y < call.out.rows; ++y) {
        for (std::size_t x = 0; x < call.out.columns; ++x, offset += kSide) {
          visit(block, y, x, offset);
        }
      }
    }
  }
};

void max_pool(const KernelCall& call, const CallBytes& bytes) {
  const Windows windows{call, bytes.input};
  windows.each_output([&](std::size_t block, std::size_t y, std::size_t x, std::size_t offset) {
    Lanes best = windows.at(block, y * call.stride[0], x * call.stride[1]);
    windows.each_tap(block, y, x, [&](const Lanes& lanes, std::size_t) {
      for (std::size_t n = 0; n < kSide; ++n) best[n] = std::max(best[n], lanes[n]);
    });
    for (std::size_t n = 0; n < kSide; ++n) {
      bytes.output[offset + n] = static_cast<std::uint8_t>(best[n]);
    }
  });
}

void average_pool(const KernelCall& call, const CallBytes& bytes) {
  const Windows windows{call, bytes.input};
  windows.each_output([&](std::size_t block, std::size_t y, std::size_t x, std::size_t offset) {
    Lanes sum{};
    windows.each_tap(block, y, x, [&](const Lanes& lanes, std::size_t) {
      for (std::size_t n = 0; n < kSide; ++n) sum[n] += lanes[n];
    });
    for (std::size_t n = 0; n < kSide; ++n) {
      bytes.output[offset + n] = requantize(std::int64_t{sum[n]} * call.multiplier, call.shift,
                                            call.minimum, call.maximum);
    }
  });
}

}  // namespace

std::string convolve_depthwise(const KernelCall& call, const CallBytes& bytes) {
  const std::size_t taps = std::size_t{call.window[0]} * call.window[1];
  const ChunkLayout layout = chunk_layout({.kernel = Kernel::depthwise,
                                           .out_blocks = call.out.blocks,
                                           .taps = static_cast<std::uint32_t>(taps)});
  const std::uint8_t* chunk = bytes.weights.data();
  for (std::uint32_t at = layout.shift; at < layout.operands; ++at) {
    if (chunk[at] > kMaxShift) {
      return fmt::format("the shift of channel {} is {}; at most {} is allowed", at - layout.shift,
                         chunk[at], kMaxShift);
    }
  }
  const Windows windows{call, bytes.input};
  windows.each_output([&](std::size_t block, std::size_t y, std::size_t x, std::size_t offset) {
    std::array<std::uint32_t, kSide> total{};
    std::memcpy(total.data(), chunk + layout.bias + block * sizeof total, sizeof total);
    windows.each_tap(block, y, x, [&](const Lanes& lanes, std::size_t tap) {
      const std::uint8_t* weights = chunk + layout.operands + (block * taps + tap) * kSide;
      for (std::size_t n = 0; n < kSide; ++n) {
        const auto weight = static_cast<std::int8_t>(weights[n]);
        total[n] += static_cast<std::uint32_t>(lanes[n] * weight);
      }
    });
    for (std::size_t n = 0; n < kSide; ++n) {
      bytes.output[offset + n] =
          requantize(std::bit_cast<std::int32_t>(total[n]), chunk[layout.shift + block * kSide + n],
                     call.minimum, call.maximum);
    }
  });
  return {};
}

void pool(const KernelCall& call, const CallBytes& bytes) {
  if (call.kernel == Kernel::max_pool) {
    max_pool(call, bytes);
  } else {
    average_pool(call, bytes);
  }
}

void add(const KernelCall& call, const CallBytes& bytes) {
  const auto scale_input = std::int64_t{1} << call.shift_input;
  const auto scale_second = std::int64_t{1} << call.shift_second;
  for (std::size_t at = 0; at < bytes.output.size(); at += kSide) {
    const Lanes a = widen(bytes.input.data() + at, call.input_unsigned);
    const Lanes b = widen(bytes.second.data() + at, call.second_unsigned);
    for (std::size_t n = 0; n < kSide; ++n) {
      bytes.output[at + n] = requantize(a[n] * scale_input + b[n] * scale_second, call.shift,
                                        call.minimum, call.maximum);
    }
  }
}

}  // namespace wbs::aie
