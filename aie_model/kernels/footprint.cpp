#include <cstring>

#include "aie_model/kernels/chunk.hpp"
#include "aie_model/kernels/kernel_model.hpp"

namespace wbs::aie {
namespace {

std::uint32_t pixels(const ImageExtent& extent) {
  return std::uint32_t{extent.rows} * extent.columns;
}

CallFootprint gemm_footprint(const KernelCall& call) {
  const auto [m, k, n] = call.gemm;
  const std::uint32_t read = call.gemm_types == GemmTypes::bf16_bf16 ? 2 : 1;
  std::uint32_t written = 1;
  if (call.gemm_types == GemmTypes::i8_i32) written = 4;
  if (call.gemm_types == GemmTypes::i8_i16 || call.gemm_types == GemmTypes::bf16_bf16) written = 2;
  return {.input = read * m * k, .second = read * k * n, .output = written * m * n};
}

}  // namespace

std::string_view to_string(Kernel kernel) noexcept {
  switch (kernel) {
    case Kernel::conv:
      return "conv";
    case Kernel::conv_sparse4:
      return "conv_sparse4";
    case Kernel::depthwise:
      return "depthwise";
    case Kernel::max_pool:
      return "max_pool";
    case Kernel::average_pool:
      return "average_pool";
    case Kernel::add:
      return "add";
    case Kernel::gemm:
      return "gemm";
  }
  return "unknown";
}

std::string_view to_string(GemmTypes types) noexcept {
  switch (types) {
    case GemmTypes::i8_i8:
      return "int8:int8";
    case GemmTypes::i8_i16:
      return "int8:int16";
    case GemmTypes::i8_i32:
      return "int8:int32";
    case GemmTypes::bf16_bf16:
      return "bf16:bf16";
  }
  return "unknown";
}

CallFootprint footprint(const KernelCall& call, std::uint32_t kept_operands) {
  if (call.kernel == Kernel::gemm) return gemm_footprint(call);
  CallFootprint result{.input = call.in.bytes(), .output = call.out.bytes()};
  if (call.kernel == Kernel::add) result.second = result.input;
  result.weights = chunk_bytes({.kernel = call.kernel,
                                .out_blocks = call.out.blocks,
                                .kept = kept_operands,
                                .taps = std::uint32_t{call.window[0]} * call.window[1],
                                .begin = call.begin,
                                .finish = call.finish,
                                .adds = call.adds});
  const bool convolution = call.kernel == Kernel::conv || call.kernel == Kernel::conv_sparse4;
  if (convolution && call.adds && call.finish) result.second = result.output;
  if (convolution && !(call.begin && call.finish)) {
    result.accumulators = 32 * call.out.blocks * pixels(call.out);
    if (!call.finish) result.output = 0;
  }
  return result;
}

std::uint32_t kept_in_chunk(const KernelCall& call, std::span<const std::uint8_t> chunk) {
  if (call.kernel != Kernel::conv && call.kernel != Kernel::conv_sparse4) return 0;
  if (chunk.size() < 2 * std::size_t{call.out.blocks}) return 0;
  std::uint32_t kept = 0;
  for (std::size_t out = 0; out < call.out.blocks; ++out) {
    std::uint16_t count = 0;
    std::memcpy(&count, chunk.data() + 2 * out, sizeof count);
    kept += count;
  }
  return kept;
}

}  // namespace wbs::aie
