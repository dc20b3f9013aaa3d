// Checks a call's shapes and ranges against a core's memory, then computes it.
#include <fmt/format.h>

#include <array>

#include "aie_model/kernels/chunk.hpp"
#include "aie_model/kernels/compute.hpp"
#include "aie_model/kernels/kernel_model.hpp"
#include "aie_model/kernels/rounding.hpp"

namespace wbs::aie {
namespace {

constexpr int kMaxInputShift = 31;  // of `add`: the sum stays far below 64 bits

bool is_conv(const KernelCall& call) {
  return call.kernel == Kernel::conv || call.kernel == Kernel::conv_sparse4;
}

std::string check_range(const KernelCall& call) {
  if (call.minimum > call.maximum || call.minimum < -128 || call.maximum > 255 ||
      (call.minimum < 0 && call.maximum > 127)) {
    return fmt::format("the output range {}..{} fits neither int8 nor uint8", call.minimum,
                       call.maximum);
  }
  if (call.shift > kMaxShift || call.shift_input > kMaxInputShift ||
      call.shift_second > kMaxInputShift) {
    return fmt::format("shifts {}, {} and {} exceed {}, {} and {}", call.shift, call.shift_input,
                       call.shift_second, kMaxShift, kMaxInputShift, kMaxInputShift);
  }
  return {};
}

std::string check_shape(const KernelCall& call) {
  if (call.adds && !is_conv(call)) return "only convolutions add a second input to their sums";
  if (call.kernel == Kernel::add) {
    return call.in == call.out ? "" : "the inputs of add don't have the output's shape";
  }
  if (!is_conv(call) && call.in.blocks != call.out.blocks) {
    return fmt::format("input and output have {} and {} blocks of channels", call.in.blocks,
                       call.out.blocks);
  }
  if (call.window[0] == 0 || call.window[1] == 0 || call.stride[0] == 0 || call.stride[1] == 0) {
    return "a window or stride is zero";
  }
  if (call.out.rows == 0 || call.out.columns == 0) return {};
  const int rows = (call.out.rows - 1) * call.stride[0] + call.window[0];
  const int columns = (call.out.columns - 1) * call.stride[1] + call.window[1];
  if (rows > call.in.rows || columns > call.in.columns) {
    return fmt::format("{} x {} outputs need {} x {} inputs, there are {} x {}", call.out.rows,
                       call.out.columns, rows, columns, call.in.rows, call.in.columns);
  }
  return {};
}

/// One operand's place in memory.
struct Range {
  std::string_view name;
  std::uint64_t begin = 0, bytes = 0;
  bool written = false;
  [[nodiscard]] std::uint64_t end() const { return begin + bytes; }
};

/// Sizes as footprint() gives them, in 64 bits: its 32 bits could wrap for absurd extents.
std::string check_size(const KernelCall& call, std::size_t memory) {
  const auto bytes = [](const ImageExtent& e) {
    return std::uint64_t{8} * e.blocks * e.rows * e.columns;
  };
  if (bytes(call.in) > memory || bytes(call.out) > memory) {
    return fmt::format("the input ({} bytes) or output ({} bytes) exceeds the memory of {} bytes",
                       bytes(call.in), bytes(call.out), memory);
  }
  return {};
}

using Ranges = std::array<Range, 5>;

std::string check_memory(const Ranges& ranges, std::size_t memory, bool elementwise) {
  for (const Range& range : ranges) {
    if (range.bytes > 0 && range.end() > memory) {
      return fmt::format("{} at {} + {} bytes ends beyond the memory of {} bytes", range.name,
                         range.begin, range.bytes, memory);
    }
  }
  for (const Range& target : ranges) {
    if (!target.written || target.bytes == 0) continue;
    for (const Range& other : ranges) {
      if (&other == &target || other.bytes == 0) continue;
      const bool in_place = elementwise && other.begin == target.begin;
      if (!in_place && target.begin < other.end() && other.begin < target.end()) {
        return fmt::format("{} at {} + {} bytes overlaps {} at {} + {} bytes", target.name,
                           target.begin, target.bytes, other.name, other.begin, other.bytes);
      }
    }
  }
  return {};
}

/// Kept operands, after a look whether the chunk's header and body lie in memory.
std::string check_chunk(const ResolvedCall& resolved, std::span<const std::uint8_t> memory,
                        std::uint32_t& kept) {
  const KernelCall& call = *resolved.call;
  kept = 0;
  if (!is_conv(call)) return {};
  const std::uint64_t header = std::uint64_t{resolved.weights} + 2 * std::uint64_t{call.out.blocks};
  if (header > memory.size()) {
    return fmt::format("the weights chunk's header ends at {}, beyond the memory of {} bytes",
                       header, memory.size());
  }
  kept = kept_in_chunk(call, memory.subspan(resolved.weights));
  const std::uint64_t operands =
      std::uint64_t{kept} * call.window[0] * call.window[1] * operand_bytes(call.kernel);
  if (operands > memory.size()) {
    return fmt::format(
        "the weights chunk announces {} operands of {} bytes together, more than "
        "the memory of {} bytes",
        kept, operands, memory.size());
  }
  return {};
}

}  // namespace

std::string execute(const ResolvedCall& resolved, std::span<std::uint8_t> memory) {
  const KernelCall& call = *resolved.call;
  if (call.kernel == Kernel::gemm) return "gemm has no functional model: it is for timing only";
  if (std::string wrong = check_range(call); !wrong.empty()) return wrong;
  if (std::string wrong = check_shape(call); !wrong.empty()) return wrong;
  if (std::string wrong = check_size(call, memory.size()); !wrong.empty()) return wrong;
  std::uint32_t kept = 0;
  if (std::string wrong = check_chunk(resolved, memory, kept); !wrong.empty()) return wrong;

  const CallFootprint size = footprint(call, kept);
  const Ranges ranges{{{"the input", resolved.input, size.input},
                       {"the second input", resolved.second, size.second},
                       {"the weights chunk", resolved.weights, size.weights},
                       {"the output", resolved.output, size.output, true},
                       {"the accumulators", call.accumulators, size.accumulators, true}}};
  if (std::string wrong = check_memory(ranges, memory.size(), call.kernel == Kernel::add);
      !wrong.empty()) {
    return wrong;
  }
  const auto part = [&](const Range& range) {
    return range.bytes == 0 ? std::span<std::uint8_t>{} : memory.subspan(range.begin, range.bytes);
  };
  const CallBytes bytes{.input = part(ranges[0]),
                        .second = part(ranges[1]),
                        .weights = part(ranges[2]),
                        .output = part(ranges[3]),
                        .accumulators = part(ranges[4])};
  if (is_conv(call)) return convolve(call, bytes);
  if (call.kernel == Kernel::depthwise) return convolve_depthwise(call, bytes);
  if (call.kernel == Kernel::add) {
    add(call, bytes);
  } else {
    pool(call, bytes);
  }
  return {};
}

}  // namespace wbs::aie
