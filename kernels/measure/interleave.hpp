// Timing: contestants take turns, run by run.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace wbs::kernels::measure {

/// When to stop: after `seconds` of undisturbed runs, but not before everybody has `minimum` of
/// them; at `maximum` rounds; and after eight times the seconds and `minimum` rounds of any kind.
struct Budget {
  double seconds = 0.3;
  int minimum = 9;
  int maximum = 1000;
};

/// Milliseconds of timed runs.
struct Samples {
  /// One list per contestant, in order of time.
  std::vector<std::vector<double>> milliseconds;
  /// Runs that are not in the lists, because the system took a core away from this process
  /// meanwhile. Where somebody has too few undisturbed runs (less than 5 and `minimum`), all runs
  /// of all are in the lists, and this is negative: minus the number of disturbed ones.
  int disturbed = 0;
};

/// Contestants are called with the number of the round. In each round every contestant runs once;
/// who begins moves on from round to round, and `warm_up` rounds ran before. What slows the machine
/// down for a while meets all alike.
[[nodiscard]] Samples interleave(std::span<const std::function<void(int)>> contestants, int warm_up,
                                 const Budget& budget);

}  // namespace wbs::kernels::measure
