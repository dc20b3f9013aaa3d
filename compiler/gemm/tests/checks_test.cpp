// Whole arrays against silicon.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "compiler/gemm/checks.hpp"

namespace wbs::compiler {
namespace {

TEST(GemmChecks, PublishedProductsAreMetWithinTheirLimits) {
  const std::vector<GemmCheck> checks = gemm_checks();
  fmt::print("{}", gemm_checks_markdown(checks));
  ASSERT_EQ(checks.size(), 5U);
  for (const GemmCheck& check : checks) {
    EXPECT_LT(std::abs(check.error()), check.limit) << check.size << ": " << check.simulated.tops;
  }
}

}  // namespace
}  // namespace wbs::compiler
