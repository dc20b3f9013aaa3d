#include "kernels/measure/interleave.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace wbs::kernels::measure {
namespace {

TEST(Interleave, ContestantsTakeTurnsAndTheFirstChanges) {
  std::string order;
  const std::vector<std::function<void(int)>> contestants{[&](int) { order += 'a'; },
                                                          [&](int) { order += 'b'; }};
  const Budget exactly_four{0.0, 4, 4};
  const Samples samples = interleave(contestants, 1, exactly_four);
  EXPECT_EQ(order,
            "ab"  // warm-up
            "ab"
            "ba"
            "ab"
            "ba");
  ASSERT_EQ(samples.milliseconds.size(), 2U);
  EXPECT_FALSE(samples.milliseconds[0].empty());
}

TEST(Interleave, EveryContestantGetsTheSameRounds) {
  std::vector<int> first;
  std::vector<int> second;
  const std::vector<std::function<void(int)>> contestants{
      [&](int round) { first.push_back(round); }, [&](int round) { second.push_back(round); }};
  (void)interleave(contestants, 2, {0.0, 7, 7});
  EXPECT_EQ(first, second);
  EXPECT_EQ(first.back(), 6);
}

TEST(Interleave, StopsAtTheMaximumAndKeepsEverySampleItCounts) {
  const std::vector<std::function<void(int)>> contestants{[](int) {}};
  const Samples samples = interleave(contestants, 0, {1e9, 1, 25});
  const int counted = static_cast<int>(samples.milliseconds[0].size());
  EXPECT_EQ(counted + (samples.disturbed > 0 ? samples.disturbed : 0), 25);
  for (const double ms : samples.milliseconds[0]) EXPECT_GE(ms, 0.0);
}

TEST(Interleave, KeepsDisturbedRunsMarked) {
  const std::vector<std::function<void(int)>> contestants{[](int) {}, [](int) {}};
  const Samples samples = interleave(contestants, 0, {1e9, 1, 30});
  ASSERT_EQ(samples.runs.size(), 2U);
  int disturbed = 0;
  for (std::size_t who = 0; who < 2; ++who) {
    ASSERT_EQ(samples.runs[who].size(), 30U);
    std::vector<double> counted;
    for (const TimedRun& run : samples.runs[who]) {
      disturbed += run.disturbed ? 1 : 0;
      if (!run.disturbed || samples.disturbed < 0) counted.push_back(run.milliseconds);
    }
    EXPECT_EQ(samples.milliseconds[who], counted);
  }
  EXPECT_EQ(std::abs(samples.disturbed), disturbed);
}

}  // namespace
}  // namespace wbs::kernels::measure
