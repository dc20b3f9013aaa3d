// Whole-array products beside published measurements on silicon.
#pragma once

#include <string>
#include <vector>

#include "compiler/gemm/gemm.hpp"

namespace wbs::compiler {

/// One published figure and ours.
struct GemmCheck {
  std::string device, size;  ///< "npu1", "4032x4032x4032 int8:int8"
  std::string source;
  double measured = 0;  ///< TOPS
  GemmResult simulated;
  double limit = 0.12;  ///< of |error|
  /// (simulated - measured) / measured.
  [[nodiscard]] double error() const { return (simulated.tops - measured) / measured; }
};

/// All published products, in a fixed order; every one is simulated. About a second.
[[nodiscard]] std::vector<GemmCheck> gemm_checks();

/// The table as Markdown, one row per check.
[[nodiscard]] std::string gemm_checks_markdown(const std::vector<GemmCheck>& checks);

}  // namespace wbs::compiler
