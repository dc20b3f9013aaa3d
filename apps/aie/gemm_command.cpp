#include "apps/aie/gemm_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "compiler/gemm/checks.hpp"
#include "compiler/gemm/gemm.hpp"

namespace wbs::apps {
namespace {

using nlohmann::json;

json tile_json(const compiler::GemmTile& tile) {
  return {{"m", tile.m}, {"k", tile.k}, {"n", tile.n}, {"panel", tile.panel}};
}

int print_checks(bool as_json) {
  const std::vector<compiler::GemmCheck> checks = compiler::gemm_checks();
  if (!as_json) {
    fmt::print("{}", compiler::gemm_checks_markdown(checks));
    return 0;
  }
  json rows = json::array();
  for (const compiler::GemmCheck& check : checks) {
    rows.push_back({{"device", check.device},
                    {"product", check.size},
                    {"source", check.source},
                    {"measured_tops", check.measured},
                    {"simulated_tops", check.simulated.tops},
                    {"error", check.error()},
                    {"limit", check.limit},
                    {"tile", tile_json(check.simulated.tile)}});
  }
  fmt::print("{}\n", json{{"model", "event"}, {"checks", std::move(rows)}}.dump());
  return 0;
}

}  // namespace

void add_gemm_options(CLI::App& command, GemmRun& run) {
  command.add_option("--gemm", run.size, "Simulate a product MxKxN on the whole device");
  command.add_option("--tile", run.tile,
                     "With --gemm: tile of a core mxkxn or mxkxnxPANEL (default: searched)");
  command.add_flag("--gemm-checks", run.checks, "Published products beside simulated ones");
}

int simulate_gemm_run(const GemmRun& run, const std::string& types, const aie::Device& device,
                      bool as_json) {
  if (run.checks) return print_checks(as_json);
  const compiler::Gemm gemm =
      value_or_throw(compiler::parse_gemm(run.size, types), ErrorKind::usage);
  compiler::GemmTile wanted;
  if (!run.tile.empty()) {
    wanted = value_or_throw(compiler::parse_gemm_tile(run.tile), ErrorKind::usage);
  }
  const compiler::GemmResult result = compiler::simulate_gemm(gemm, device, wanted);
  if (as_json) {
    fmt::print("{}\n", json{{"gemm", run.size},
                            {"type", types},
                            {"device", device.name},
                            {"model", "event"},
                            {"tops", result.tops},
                            {"cycles", result.cycles},
                            {"ms", result.seconds * 1e3},
                            {"core_macs_per_cycle", result.core_macs_per_cycle},
                            {"core_busy", result.core_busy},
                            {"bound", result.bound},
                            {"tile", tile_json(result.tile)},
                            {"estimated_cycles", result.estimate.cycles()},
                            {"ddr_read_bytes", result.ddr_read_bytes},
                            {"ddr_write_bytes", result.ddr_write_bytes},
                            {"events", result.events}}
                           .dump());
    return 0;
  }
  fmt::print(
      "{} {} on {}: {:.2f} TOPS, {} cycles ({:.3f} ms), bound by {}\n"
      "tile {}x{}x{}, panels of {} along k; {:.1f} MAC a cycle in a kernel, cores busy {:.0f}%\n",
      run.size, types, device.name, result.tops, result.cycles, result.seconds * 1e3, result.bound,
      result.tile.m, result.tile.k, result.tile.n, result.tile.panel, result.core_macs_per_cycle,
      100 * result.core_busy);
  return 0;
}

}  // namespace wbs::apps
