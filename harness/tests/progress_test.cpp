#include "harness/progress.hpp"

#include <gmock/gmock.h>

#include "harness/machine.hpp"

namespace wbs::harness {
namespace {

TEST(Progress, OneLineHasCountRateAndTimeLeft) {
  EXPECT_EQ(progress_text({120, 500, 3, 100, 75.0}, 50.0),
            "[120/500]  24%  3 not passed  2.00 tasks/s  ETA 1:15");
  EXPECT_EQ(progress_text({5, 5, 0, 5, 0.0}, 0.01), "[5/5] 100%  500 tasks/s");
  EXPECT_EQ(progress_text({0, 10000, 0, 0, 0.0}, 0.0), "[    0/10000]   0%");
  EXPECT_EQ(progress_text({1, 2, 0, 1, 7384.0}, 1.0), "[1/2]  50%  1.00 tasks/s  ETA 2:03:04");
}

TEST(Progress, AnEmptyPlanIsComplete) {
  EXPECT_EQ(progress_text({}, 0.0), "[0/0] 100%");
}

TEST(Machine, HasACoreAndSomeMemory) {
  EXPECT_GE(usable_cores(), 1);
  EXPECT_GT(usable_memory(), 0);
  EXPECT_FALSE(node_name().empty());
}

}  // namespace
}  // namespace wbs::harness
