// The program of a product: shims read panels, Memtiles cut them into tiles and broadcast those,
// cores sum up, Memtiles collect the tiles of C of their column for the shim.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/gemm/emit.hpp"
#include "compiler/gemm/gemm.hpp"
#include "compiler/gemm/steps.hpp"

namespace wbs::compiler {
namespace {

constexpr std::int64_t kMostRows = 4;  // of cores: results of each have their own way to a Memtile

std::uint64_t u64(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

void check_array(const aie::Device& device) {
  const auto refuse = [&](std::string_view why) {
    throw Error(ErrorKind::unsupported, fmt::format("products on {} ({} columns, {} rows): {}",
                                                    device.name, device.columns, device.rows, why));
  };
  if (device.rows > kMostRows) refuse("a Memtile collects results of at most 4 rows of cores");
  if (device.rows > device.columns) refuse("each row of cores needs a column that feeds it A");
  const auto with_ddr = device.silicon.shim_columns.size();
  if (with_ddr > 0 && with_ddr < static_cast<std::size_t>(device.columns)) {
    refuse(fmt::format("only {} columns reach external memory, every one has to", with_ddr));
  }
}

}  // namespace

aie::Program gemm_program(const Gemm& gemm, const GemmTile& tile, const aie::Device& device) {
  check_array(device);
  const std::string defect = tile_defect(gemm, tile, device);
  if (!defect.empty()) throw Error(ErrorKind::unsupported, defect);
  const GemmGrid grid = gemm_grid(gemm, tile, device);
  const std::int64_t m = grid.blocks_m * device.rows * tile.m;
  const std::int64_t n = grid.blocks_n * device.columns * tile.n;
  const std::int64_t k = grid.panels * tile.panel;
  aie::Program program;
  program.network = fmt::format("gemm {}x{}x{} {}", gemm.m, gemm.k, gemm.n, to_string(gemm.types));
  program.pattern = "dense";
  program.device = device.name;
  program.columns = device.columns;
  program.rows = device.rows;
  using Kind = aie::DdrBuffer::Kind;
  program.ddr = {{"A", Kind::input, u64(m * k * operand_bytes(gemm.types)), {}},
                 {"B", Kind::input, u64(k * n * operand_bytes(gemm.types)), {}},
                 {"C", Kind::output, u64(m * n * result_bytes(gemm.types)), {}}};
  program.input_buffer = kBufferA;
  program.output_buffer = kBufferC;
  const auto macs = static_cast<std::int64_t>(gemm.macs());
  aie::ProgramLayer& layer = program.layers.emplace_back();
  layer.name = layer.operation = "gemm";
  layer.macs = layer.kept_macs = macs;
  const GemmSteps steps = gemm_steps(gemm, tile, device);
  for (std::int64_t i = 0; i < grid.blocks_m; i += steps.step_m) {
    for (std::int64_t j = 0; j < grid.blocks_n; j += steps.step_n) {
      const BlockGrid range{.m = i,
                            .m_count = std::min(steps.step_m, grid.blocks_m - i),
                            .n = j,
                            .n_count = std::min(steps.step_n, grid.blocks_n - j)};
      program.steps.push_back(emit_gemm_step(gemm, tile, device, range, steps.iterate_b));
    }
  }
  return program;
}

}  // namespace wbs::compiler
