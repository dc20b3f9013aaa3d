// The kernel cost model beside published measurements of single cores.
#pragma once

#include <string>
#include <vector>

namespace wbs::aie {

/// What a row of kernel_checks() shows.
enum class CheckKind {
  rule,        ///< no constant was fitted; the rule's form was chosen with these figures in view
  calibrated,  ///< one of the two rows that a constant of mm.cc was fitted to
  inferred,    ///< a yes-or-no property of its schedule was read off the figure
  identity,    ///< the source is itself a count of bundles: shows that we count alike
};

/// One published figure and the model's.
struct KernelCheck {
  std::string name;    ///< kernel, types and size
  std::string source;  ///< who measured it, and how
  std::string unit;    ///< "MAC/cycle" or "cycles"
  double measured = 0, simulated = 0;
  double limit = 0.10;  ///< of |error|
  CheckKind kind = CheckKind::rule;
  /// (simulated - measured) / measured.
  [[nodiscard]] double error() const { return (simulated - measured) / measured; }
};

/// All single-core figures that the model is held to, in a fixed order.
[[nodiscard]] std::vector<KernelCheck> kernel_checks();

/// The table as Markdown, one row per check.
[[nodiscard]] std::string kernel_checks_markdown();

}  // namespace wbs::aie
