#include "kernels/measure/interleave.hpp"

#include <chrono>

namespace wbs::kernels::measure {

using Clock = std::chrono::steady_clock;

std::vector<std::vector<double>> interleave(std::span<const std::function<void(int)>> contestants,
                                            int warm_up, const Budget& budget) {
  for (const auto& contestant : contestants) {
    for (int round = 0; round < warm_up; ++round) contestant(round);
  }
  std::vector<std::vector<double>> samples(contestants.size());
  const Clock::time_point begin = Clock::now();
  for (int round = 0; round < budget.maximum; ++round) {
    const double elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
    if (round >= budget.minimum && elapsed >= budget.seconds) break;
    for (std::size_t turn = 0; turn < contestants.size(); ++turn) {
      const std::size_t who = (turn + static_cast<std::size_t>(round)) % contestants.size();
      const Clock::time_point start = Clock::now();
      contestants[who](round);
      const std::chrono::duration<double, std::milli> run = Clock::now() - start;
      samples[who].push_back(run.count());
    }
  }
  return samples;
}

}  // namespace wbs::kernels::measure
