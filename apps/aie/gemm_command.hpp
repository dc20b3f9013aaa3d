// wbs simulate --gemm: a matrix product on a whole array, event by event.
#pragma once

#include <string>

#include "aie_model/device.hpp"

namespace CLI {
class App;
}

namespace wbs::apps {

struct GemmRun {
  std::string size;     ///< "MxKxN"; empty: not asked for
  std::string tile;     ///< "mxkxn" or "mxkxnxPANEL"; empty: chosen
  bool checks = false;  ///< print the table of published products instead
  [[nodiscard]] bool wanted() const { return checks || !size.empty(); }
};

/// Adds --gemm, --tile and --gemm-checks.
void add_gemm_options(CLI::App& command, GemmRun& run);

/// Simulates and prints. `types` as in "int8:int8". Returns the exit code. Throws Error.
int simulate_gemm_run(const GemmRun& run, const std::string& types, const aie::Device& device,
                      bool as_json);

}  // namespace wbs::apps
