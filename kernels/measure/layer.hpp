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
  /// Weights rotate over as many copies as a dense network of this many weights has room for (1 to
  /// 8, the same for all): between two runs of a layer all its other weights pass through.
  std::int64_t network_weights = 25'000'000;
  /// Activations rotate over copies that together exceed the L2 cache (2 to 8), as those of a
  /// network do, whose layers reuse a few buffers.
  Budget budget;
};

/// One contestant's result.
struct Entry {
  peers::ContestantInfo who;
  Summary time;
  double error = 0.0;                ///< largest, as a share of the rounding bound
  std::vector<double> milliseconds;  ///< what `time` sums up, in order
  std::vector<TimedRun> runs;        ///< every run, by its round
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
  int weight_copies = 1;
  int activation_copies = 1;
  std::int64_t points_checked = 0;
  int disturbed = 0;  ///< as Samples::disturbed

  /// The entry with the smallest median; null when there is none.
  [[nodiscard]] static const Entry* fastest(const std::vector<Entry>& entries) noexcept;

  /// Of the entries that take at most `slack` times as long as the fastest, the one with the
  /// smallest weights: what a network should run by that also counts its memory. Null when there
  /// is none.
  [[nodiscard]] static const Entry* leanest(const std::vector<Entry>& entries,
                                            double slack) noexcept;
};

/// Measures `problem`. Throws Error(internal) when one of ours computes it wrongly (a peer that
/// does so becomes a refusal) and Error(unsupported) when none of ours can run.
[[nodiscard]] LayerResult measure_layer(const LayerProblem& problem, const LayerOptions& options);

}  // namespace wbs::kernels::measure
