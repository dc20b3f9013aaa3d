// The kernels once more, as slowly and literally as kernel_call.hpp defines them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "aie_model/kernels/chunk.hpp"
#include "aie_model/kernels/kernel_model.hpp"
#include "core/rng.hpp"

namespace wbs::aie::testing {

/// Dense weights, biases and shifts of a call; `source` views them.
struct Weights {
  std::vector<std::int8_t> values;
  std::vector<std::int32_t> bias;
  std::vector<std::uint8_t> shift{}, second_shift{};
  [[nodiscard]] ChunkSource source(const KernelCall& call) const;
};

/// Random weights of which `density` of the block pairs are not zero; with `two_of_four` at most 2
/// of 4 neighbouring input channels.
[[nodiscard]] Weights random_weights(const KernelCall& call, double density, bool two_of_four,
                                     Rng& rng);

[[nodiscard]] std::vector<std::uint8_t> random_bytes(std::size_t count, Rng& rng);

/// Tensors of a call; `output` and `accumulators` are results.
struct Tensors {
  std::vector<std::uint8_t> input, second, output;
  std::vector<std::int32_t> accumulators;
};

/// conv and conv_sparse4 on dense weights.
void reference_conv(const KernelCall& call, const Weights& weights, Tensors& tensors);
/// The other kernels but gemm.
void reference_elementwise(const KernelCall& call, const Weights& weights, Tensors& tensors);

/// Runs `execute` in a memory of 64 KB that holds the tensors and the chunk; results go to
/// `tensors`. Bytes that the call does not write must stay as they are, or this throws.
[[nodiscard]] std::string run_in_core(KernelCall call, std::span<const std::uint8_t> chunk,
                                      Tensors& tensors);

}  // namespace wbs::aie::testing
