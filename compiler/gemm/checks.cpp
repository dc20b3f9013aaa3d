#include "compiler/gemm/checks.hpp"

#include <fmt/format.h>

namespace wbs::compiler {
namespace {

struct Row {
  std::string_view device, size, types;
  double measured;
  std::int64_t panel;  ///< given by the source; 0: ours to choose
  std::string_view source;
};

constexpr Row kRows[] = {
    {"npu1", "4032x4032x4032", "int8:int8", 6.52, 0, "StB table 2"},
    {"npu1", "4224x4032x4224", "int8:int16", 5.85, 0, "StB table 2"},
    {"npu1", "4160x4224x4224", "int8:int32", 4.42, 0, "StB table 2"},
    {"npu1", "4224x4032x4224", "bf16:bf16", 3.12, 0, "StB table 2"},
    {"npu1", "4224x4032x4224", "bf16:bf16", 1.27, 56, "StB 5.2.2, panel of 56"},
};

}  // namespace

std::vector<GemmCheck> gemm_checks() {
  std::vector<GemmCheck> checks;
  for (const Row& row : kRows) {
    const Gemm gemm = value_or_throw(parse_gemm(row.size, row.types));
    const aie::Device device = value_or_throw(aie::find_device(row.device));
    checks.push_back({.device = std::string(row.device),
                      .size = fmt::format("{} {}", row.size, row.types),
                      .source = std::string(row.source),
                      .measured = row.measured,
                      .simulated = simulate_gemm(gemm, device, {.panel = row.panel})});
  }
  return checks;
}

std::string gemm_checks_markdown(const std::vector<GemmCheck>& checks) {
  std::string text =
      "| device | product | source | measured TOPS | simulated | error | tile | panel | bound | "
      "cores busy |\n|---|---|---|---|---|---|---|---|---|---|\n";
  for (const GemmCheck& check : checks) {
    const GemmResult& result = check.simulated;
    text += fmt::format(
        "| {} | {} | {} | {:.2f} | {:.2f} | {:+.1f}% | {}x{}x{} | {} | {} | {:.0f}% "
        "|\n",
        check.device, check.size, check.source, check.measured, result.tops, 100 * check.error(),
        result.tile.m, result.tile.k, result.tile.n, result.tile.panel, result.bound,
        100 * result.core_busy);
  }
  return text;
}

}  // namespace wbs::compiler
