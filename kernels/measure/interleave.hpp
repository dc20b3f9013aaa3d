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

/// One timed run.
struct TimedRun {
  double milliseconds = 0.0;
  bool disturbed = false;  ///< the system took a core away from this process meanwhile
};

/// What was timed.
struct Samples {
  /// Every run, one list per contestant: run i is that of round i.
  std::vector<std::vector<TimedRun>> runs;
  /// Of the runs that count, in the same order: the undisturbed ones.
  std::vector<std::vector<double>> milliseconds;
  /// Runs that do not count. Where somebody has too few undisturbed ones (less than 5 and
  /// `minimum`), all runs of all count, and this is negative: minus the number of disturbed ones.
  int disturbed = 0;
};

/// Contestants are called with the number of the round. In each round every contestant runs once;
/// who begins moves on from round to round, and `warm_up` rounds ran before. What slows the machine
/// down for a while meets all alike.
[[nodiscard]] Samples interleave(std::span<const std::function<void(int)>> contestants, int warm_up,
                                 const Budget& budget);

}  // namespace wbs::kernels::measure
