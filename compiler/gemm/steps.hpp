// How a product is cut into steps: a shim's descriptors reach only so many tiles of C.
#pragma once

#include <cstdint>

#include "aie_model/device.hpp"
#include "compiler/gemm/gemm.hpp"

namespace wbs::compiler {

[[nodiscard]] constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

/// Blocks of C (one tile on every core) that each step computes, at most.
struct GemmSteps {
  std::int64_t blocks_m = 0, blocks_n = 0;  ///< of the product
  std::int64_t step_m = 1, step_n = 1;      ///< of a step
  bool iterate_b = false;  ///< one descriptor of B moves on from block to block by itself
  [[nodiscard]] std::int64_t count() const {
    return ceil_div(blocks_m, step_m) * ceil_div(blocks_n, step_n);
  }
};

/// A shim needs a descriptor of A and one of C per block along m, and one of B, or, where its
/// iteration cannot step that far, one of B per block along n. The largest steps that this allows.
[[nodiscard]] GemmSteps gemm_steps(const Gemm& gemm, const GemmTile& tile,
                                   const aie::Device& device);

}  // namespace wbs::compiler
