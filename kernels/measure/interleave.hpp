// Timing: contestants take turns, run by run, over rotating copies.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace wbs::kernels::measure {

/// When to stop: after `seconds` in total, but not before `minimum` rounds and at `maximum`.
struct Budget {
  double seconds = 0.3;
  int minimum = 9;
  int maximum = 1000;
};

/// Contestants are called with the number of the round. Milliseconds of every timed run, one list
/// per contestant, all of the same length: in each round every contestant runs once; who begins
/// moves on from round to round, and `warm_up` rounds ran before. What slows the machine down for a
/// while meets all alike.
[[nodiscard]] std::vector<std::vector<double>> interleave(
    std::span<const std::function<void(int)>> contestants, int warm_up, const Budget& budget);

}  // namespace wbs::kernels::measure
