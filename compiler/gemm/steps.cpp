#include "compiler/gemm/steps.hpp"

#include <algorithm>

namespace wbs::compiler {

GemmSteps gemm_steps(const Gemm& gemm, const GemmTile& tile, const aie::Device& device) {
  const aie::TileLimits& shim = device.silicon.shim;
  const GemmGrid grid = gemm_grid(gemm, tile, device);
  const std::int64_t row_words = grid.panels * tile.panel * operand_bytes(gemm.types) / 4;
  GemmSteps steps{.blocks_m = grid.blocks_m, .blocks_n = grid.blocks_n};
  steps.iterate_b = tile.n * device.columns * row_words <= shim.max_stride;
  const std::int64_t descriptors = shim.descriptors;
  if (steps.iterate_b) {
    steps.step_n = std::min<std::int64_t>(grid.blocks_n, std::max(1, shim.max_iteration));
    steps.step_m = std::clamp<std::int64_t>((descriptors - 1) / 2, 1, grid.blocks_m);
  } else {
    steps.step_n = std::clamp<std::int64_t>(descriptors / 2, 1, grid.blocks_n);
    steps.step_m = std::clamp<std::int64_t>((descriptors - steps.step_n) / 2, 1, grid.blocks_m);
  }
  // Equal steps rather than a small last one.
  steps.step_m = ceil_div(steps.blocks_m, ceil_div(steps.blocks_m, steps.step_m));
  steps.step_n = ceil_div(steps.blocks_n, ceil_div(steps.blocks_n, steps.step_n));
  return steps;
}

}  // namespace wbs::compiler
