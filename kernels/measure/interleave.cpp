#include "kernels/measure/interleave.hpp"

#include <sys/resource.h>

#include <chrono>

namespace wbs::kernels::measure {
namespace {

using Clock = std::chrono::steady_clock;

/// How often the system took a core away from a thread of this process that wanted to go on.
long preemptions() {
  rusage usage{};
  return ::getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_nivcsw : 0;
}

/// One round's milliseconds, by contestant.
std::vector<double> run_round(std::span<const std::function<void(int)>> contestants, int round) {
  std::vector<double> times(contestants.size());
  for (std::size_t turn = 0; turn < contestants.size(); ++turn) {
    const std::size_t who = (turn + static_cast<std::size_t>(round)) % contestants.size();
    const Clock::time_point start = Clock::now();
    contestants[who](round);
    times[who] = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  }
  return times;
}

}  // namespace

Samples interleave(std::span<const std::function<void(int)>> contestants, int warm_up,
                   const Budget& budget) {
  for (const auto& contestant : contestants) {
    for (int round = 0; round < warm_up; ++round) contestant(round);
  }
  std::vector<std::vector<double>> rounds;
  std::vector<bool> disturbed;
  int good = 0;
  double good_seconds = 0.0;
  const Clock::time_point begin = Clock::now();
  for (int round = 0; round < budget.maximum; ++round) {
    const double elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
    if (good >= budget.minimum && good_seconds >= budget.seconds) break;
    if (round >= budget.minimum && elapsed >= 4.0 * budget.seconds) break;
    const long before = preemptions();
    rounds.push_back(run_round(contestants, round));
    disturbed.push_back(preemptions() != before);
    if (disturbed.back()) continue;
    ++good;
    for (const double ms : rounds.back()) good_seconds += ms * 1e-3;
  }
  Samples samples;
  samples.milliseconds.resize(contestants.size());
  const int bad = static_cast<int>(rounds.size()) - good;
  const bool enough = good >= budget.minimum || bad == 0;
  samples.disturbed = enough ? bad : -bad;
  for (std::size_t round = 0; round < rounds.size(); ++round) {
    if (enough && disturbed[round]) continue;
    for (std::size_t who = 0; who < contestants.size(); ++who) {
      samples.milliseconds[who].push_back(rounds[round][who]);
    }
  }
  return samples;
}

}  // namespace wbs::kernels::measure
