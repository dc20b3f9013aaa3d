#include <fmt/format.h>

#include "aie_model/kernels/gemm.hpp"
#include "aie_model/machine/machine.hpp"
#include "compiler/gemm/gemm.hpp"

namespace wbs::compiler {

GemmResult simulate_gemm(const Gemm& gemm, const aie::Device& device, const GemmTile& wanted) {
  GemmResult result;
  result.tile = choose_gemm_tile(gemm, device, wanted);
  result.estimate = estimate_gemm(gemm, result.tile, device);
  const aie::Program program = gemm_program(gemm, result.tile, device);
  const aie::RunResult run = aie::run(program, device, {});
  if (run.fault) {
    throw Error(ErrorKind::internal, fmt::format("{} in {}: {}", to_string(run.fault->kind),
                                                 program.network, run.fault->message));
  }
  aie::StepTime whole;
  for (const aie::StepTime& step : run.steps) whole += step;
  result.ddr_read_bytes = whole.ddr_read_bytes;
  result.ddr_write_bytes = whole.ddr_write_bytes;
  const auto cycles = static_cast<double>(run.cycles);
  result.cycles = run.cycles;
  result.seconds = cycles / device.clock_hz;
  result.tops = 2 * gemm.macs() / result.seconds * 1e-12;
  result.core_macs_per_cycle =
      static_cast<double>(result.tile.m * result.tile.k * result.tile.n) / result.estimate.kernel;
  result.core_busy = static_cast<double>(whole.core) / cycles;
  result.bound = whole.bound();
  result.events = run.events;
  return result;
}

}  // namespace wbs::compiler
