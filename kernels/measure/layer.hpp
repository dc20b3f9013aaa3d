// One layer: prepared by everybody, checked, interleaved, summarised.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/measure/interleave.hpp"
#include "kernels/measure/problem.hpp"
#include "kernels/measure/summary.hpp"

namespace wbs::kernels::measure {

/// Who takes part and under which conditions.
struct LayerOptions {
  std::vector<std::string> algorithms{"direct"};  ///< of ours: each is a contestant
  std::string force_impl;
  std::vector<std::string> peers{"onednn"};  ///< names of list_peers()
  int threads = 1;
  /// Copies rotate so that ours alone touches about this many bytes (2 to 16 copies).
  std::int64_t footprint_bytes = std::int64_t{32} << 20;
  Budget budget;
};

/// One contestant's result.
struct Entry {
  peers::ContestantInfo who;
  Summary time;
  double error = 0.0;                ///< largest, as a share of the rounding bound
  std::vector<double> milliseconds;  ///< every sample, in order
};

struct Refusal {
  std::string who;
  std::string reason;
};

/// What was measured on a layer. `ours` and `peers` hold those who could run, in the order asked.
struct LayerResult {
  std::vector<Entry> ours;
  std::vector<Entry> peers;
  std::vector<Refusal> refusals;
  double density = 1.0;
  int copies = 1;
  std::int64_t points_checked = 0;

  /// The entry with the smallest median; null when there is none.
  [[nodiscard]] static const Entry* fastest(const std::vector<Entry>& entries) noexcept;
};

/// Measures `problem`. Throws Error(internal) when one of ours computes it wrongly (a peer that
/// does so becomes a refusal) and Error(unsupported) when none of ours can run.
[[nodiscard]] LayerResult measure_layer(const LayerProblem& problem, const LayerOptions& options);

}  // namespace wbs::kernels::measure
