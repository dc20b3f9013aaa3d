#include "kernels/measure/interleave.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

namespace wbs::kernels::measure {
namespace {

using Clock = std::chrono::steady_clock;

/// How often the system took a core away from a thread of this process that wanted to go on.
long preemptions() {
  rusage usage{};
  return ::getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_nivcsw : 0;
}

TimedRun time_run(const std::function<void(int)>& contestant, int round) {
  const long before = preemptions();
  const Clock::time_point start = Clock::now();
  contestant(round);
  const double ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  return {ms, preemptions() != before};
}

int count_good(const std::vector<TimedRun>& runs) {
  return static_cast<int>(
      std::count_if(runs.begin(), runs.end(), [](const TimedRun& run) { return !run.disturbed; }));
}

int fewest_good(const std::vector<std::vector<TimedRun>>& runs) {
  int fewest = std::numeric_limits<int>::max();
  for (const std::vector<TimedRun>& of_one : runs) fewest = std::min(fewest, count_good(of_one));
  return fewest;
}

}  // namespace

Samples interleave(std::span<const std::function<void(int)>> contestants, int warm_up,
                   const Budget& budget) {
  for (const auto& contestant : contestants) {
    for (int round = 0; round < warm_up; ++round) contestant(round);
  }
  std::vector<std::vector<TimedRun>> runs(contestants.size());
  double good_seconds = 0.0;
  const Clock::time_point begin = Clock::now();
  for (int round = 0; round < budget.maximum; ++round) {
    const double elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
    if (good_seconds >= budget.seconds && fewest_good(runs) >= budget.minimum) break;
    if (round >= budget.minimum && elapsed >= 8.0 * budget.seconds) break;
    for (std::size_t turn = 0; turn < contestants.size(); ++turn) {
      const std::size_t who = (turn + static_cast<std::size_t>(round)) % contestants.size();
      runs[who].push_back(time_run(contestants[who], round));
      if (!runs[who].back().disturbed) good_seconds += runs[who].back().milliseconds * 1e-3;
    }
  }
  constexpr int kFewest = 5;
  const int good = fewest_good(runs);
  const bool enough = good >= std::min(kFewest, budget.minimum);
  Samples samples;
  samples.milliseconds.resize(contestants.size());
  for (std::size_t who = 0; who < contestants.size(); ++who) {
    const int bad = static_cast<int>(runs[who].size()) - count_good(runs[who]);
    samples.disturbed += enough ? bad : -bad;
    for (const TimedRun& run : runs[who]) {
      if (!enough || !run.disturbed) samples.milliseconds[who].push_back(run.milliseconds);
    }
  }
  samples.runs = std::move(runs);
  return samples;
}

}  // namespace wbs::kernels::measure
