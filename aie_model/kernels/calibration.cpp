#include "aie_model/kernels/calibration.hpp"

#include <fmt/format.h>

#include <string_view>

#include "aie_model/device.hpp"
#include "aie_model/kernels/gemm.hpp"

namespace wbs::aie {
namespace {

struct Size {
  std::int64_t m, k, n;
  [[nodiscard]] double macs() const { return static_cast<double>(m * k * n); }
  [[nodiscard]] std::string text() const { return fmt::format("{}x{}x{}", m, k, n); }
};

/// Rows of "Striking the Balance" (arXiv 2512.13282), tables 1 and 2: chess kernels that accumulate
/// over k, MAC/cycle from hardware traces.
struct BalanceRow {
  std::string_view device;
  int table;
  GemmTypes types;
  Size size;
  double measured;
};

constexpr BalanceRow kBalance[] = {
    {"npu1", 1, GemmTypes::i8_i8, {64, 232, 64}, 233.0},
    {"npu1", 1, GemmTypes::i8_i16, {64, 216, 64}, 217.6},
    {"npu1", 1, GemmTypes::i8_i32, {48, 280, 48}, 192.0},
    {"npu1", 1, GemmTypes::bf16_bf16, {64, 104, 64}, 112.6},
    {"npu2", 1, GemmTypes::i8_i8, {64, 232, 64}, 450.6},
    {"npu2", 1, GemmTypes::i8_i16, {64, 216, 64}, 419.8},
    {"npu2", 1, GemmTypes::i8_i32, {48, 280, 48}, 384.0},
    {"npu1", 2, GemmTypes::i8_i8, {112, 112, 112}, 212.5},
    {"npu1", 2, GemmTypes::i8_i8, {112, 104, 128}, 207.4},
    {"npu1", 2, GemmTypes::bf16_bf16, {96, 56, 96}, 99.8},
    {"npu1", 2, GemmTypes::bf16_bf16, {96, 48, 112}, 97.3},
};

/// Rows of mlir-aie's mm.cc compiled by Peano, cycles per call (measured: ignite).
struct PeanoRow {
  Size size;
  double measured;
  bool bf16 = false;
  bool c_in_stack_bank = false;
  bool calibrated = false;
};

constexpr PeanoRow kPeano[] = {
    {{64, 64, 64}, 2604.8, false, false, true},
    {{32, 32, 32}, 533.4},
    {{32, 64, 32}, 697.1},
    {{32, 64, 32}, 745.6, false, true},
    {{32, 128, 32}, 1009.4},
    {{32, 32, 32}, 898.6, true},
    {{64, 64, 64}, 5427.4, true, false, true},
};

/// Hot loops of mlir-aie's convolutions: multiply-accumulates of 256 per bundles (ignite 2.3.1).
struct LoopRow {
  std::string_view name;
  double macs, bundles, measured;
};

constexpr LoopRow kLoops[] = {
    {"conv2dk1, hot loop", 1, 22, 11.6},
    {"conv2dk1 peeled, hot loop", 4, 14, 73.1},
    {"conv2dk3, hot loop", 4, 18, 56.9},
};

void add_balance(std::vector<KernelCheck>& checks) {
  for (const BalanceRow& row : kBalance) {
    const Device device = value_or_throw(find_device(row.device));
    const double cycles =
        single_core_gemm_cycles(row.size.m, row.size.k, row.size.n, row.types, device);
    checks.push_back(
        {.name = fmt::format("{} {} {}", row.device, to_string(row.types), row.size.text()),
         .source = fmt::format("StB table {}, hardware trace", row.table),
         .unit = "MAC/cycle",
         .measured = row.measured,
         .simulated = row.size.macs() / cycles});
  }
}

void add_peano(std::vector<KernelCheck>& checks) {
  for (const PeanoRow& row : kPeano) {
    checks.push_back(
        {.name = fmt::format("mm.cc {} {}{}", row.bf16 ? "bf16" : "int8", row.size.text(),
                             row.c_in_stack_bank ? ", C in the stack's bank" : ""),
         .source = "ignite, hardware",
         .unit = "cycles",
         .measured = row.measured,
         .simulated = schedule_cycles(peano_gemm(row.bf16), row.size.m, row.size.k, row.size.n,
                                      row.c_in_stack_bank),
         .limit = 0.05,
         .kind = row.calibrated ? CheckKind::calibrated : CheckKind::rule});
  }
}

/// Vitis tutorial XD100, figures of a simulator: C is only written. That its int16 stores are
/// hidden and its int32 stores are not is read off the figures.
void add_tutorial(std::vector<KernelCheck>& checks) {
  const CoreFacts facts = core_facts(value_or_throw(find_device("npu1")));
  const Size size{64, 64, 64};
  for (const bool wide : {true, false}) {
    const GemmSchedule schedule =
        pipelined_gemm(facts, wide ? GemmTypes::i8_i32 : GemmTypes::i8_i16,
                       {.read = false, .store_hidden = !wide});
    checks.push_back({.name = fmt::format("XD100 int8:int{} {}", wide ? 32 : 16, size.text()),
                      .source = "Vitis tutorial, aiesimulator",
                      .unit = "cycles",
                      .measured = wide ? 1750.0 : 1121.0,
                      .simulated = schedule_cycles(schedule, size.m, size.k, size.n),
                      .kind = CheckKind::inferred});
  }
}

std::string_view kind_text(CheckKind kind) {
  switch (kind) {
    case CheckKind::rule:
      return "rule";
    case CheckKind::calibrated:
      return "calibrated";
    case CheckKind::inferred:
      return "inferred";
    case CheckKind::identity:
      return "identity";
  }
  return "";
}

}  // namespace

std::vector<KernelCheck> kernel_checks() {
  std::vector<KernelCheck> checks;
  add_balance(checks);
  add_peano(checks);
  // 256 multiply-accumulates in 288 bundles of straight code; measured over an empty call.
  checks.push_back({.name = "hand-scheduled bf16 32x32x32, over an empty call",
                    .source = "tnzr, hardware",
                    .unit = "cycles",
                    .measured = 282.0,
                    .simulated = 288.0,
                    .kind = CheckKind::identity});
  const auto macs = static_cast<double>(value_or_throw(find_device("npu1")).macs_per_cycle);
  checks.push_back({.name = "mm.cc int8, inner loop alone (% of peak)",
                    .source = "ignite, static loop",
                    .unit = "MAC/cycle",
                    .measured = 0.889 * macs,
                    .simulated = 8.0 / 9.0 * macs,
                    .kind = CheckKind::identity});
  for (const LoopRow& row : kLoops) {
    checks.push_back({.name = std::string(row.name),
                      .source = "ignite, static loop",
                      .unit = "MAC/cycle",
                      .measured = row.measured,
                      .simulated = macs * row.macs / row.bundles,
                      .kind = CheckKind::identity});
  }
  add_tutorial(checks);
  return checks;
}

std::string kernel_checks_markdown() {
  std::string text =
      "| kernel | source | unit | measured | simulated | error | kind |\n"
      "|---|---|---|---|---|---|---|\n";
  for (const KernelCheck& check : kernel_checks()) {
    text += fmt::format("| {} | {} | {} | {:.1f} | {:.1f} | {:+.1f}% | {} |\n", check.name,
                        check.source, check.unit, check.measured, check.simulated,
                        100 * check.error(), kind_text(check.kind));
  }
  return text;
}

}  // namespace wbs::aie
