#include "kernels/measure/layer.hpp"

#include <gmock/gmock.h>

#include "kernels/measure/tests/small_layers.hpp"
#include "kernels/peak.hpp"
#include "kernels/peers/peers.hpp"

namespace wbs::kernels::measure {
namespace {

constexpr Budget kShort{0.0, 3, 3};

bool present(std::string_view name) {
  for (const peers::PeerInfo& peer : peers::list_peers()) {
    if (peer.name == name) return peer.refusal.empty();
  }
  return false;
}

TEST(MeasureLayer, GivesSamplesOfBothSidesAndReasonsOfThoseThatCannot) {
  for (const Element element : {Element::f32, Element::bf16, Element::u8}) {
    const auto problem = tests::small_problem(tests::small_layer(element), "block:8x8@0.5");
    LayerOptions options;
    options.peers = {"onednn", "openblas"};
    options.budget = kShort;
    const LayerResult result = measure_layer(*problem, options);
    ASSERT_EQ(result.ours.size(), 1U);
    EXPECT_EQ(result.ours[0].who.algorithm, "direct");
    EXPECT_GE(result.ours[0].time.n, 1);
    EXPECT_GT(result.points_checked, 0);
    EXPECT_GE(result.activation_copies, 2);
    EXPECT_EQ(result.peers.size(), present("onednn") ? 1U : 0U);
    ASSERT_FALSE(result.refusals.empty());
    EXPECT_EQ(result.refusals.back().who, "openblas");  // 3x3 is no product
    EXPECT_FALSE(result.refusals.back().reason.empty());
  }
}

TEST(MeasureLayer, AnImplementationThatCannotRunIsUnsupportedWithItsReason) {
  const auto problem = tests::small_problem(tests::small_layer(Element::f32));
  LayerOptions options;
  options.force_impl = "abacus";
  try {
    (void)measure_layer(*problem, options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    EXPECT_THAT(error.what(), testing::HasSubstr("abacus"));
  }
}

TEST(MeasureLayer, FastestHasTheSmallestMedian) {
  std::vector<Entry> entries(3);
  entries[0].time.median_ms = 2.0;
  entries[1].time.median_ms = 1.0;
  entries[2].time.median_ms = 3.0;
  EXPECT_EQ(LayerResult::fastest(entries), &entries[1]);
  EXPECT_EQ(LayerResult::fastest({}), nullptr);
}

TEST(MeasureLayer, LeanestHasTheSmallestWeightsAmongTheNearlyFastest) {
  std::vector<Entry> entries(3);
  entries[0].time.median_ms = 1.0;
  entries[0].who.weight_bytes = 300;
  entries[1].time.median_ms = 1.04;
  entries[1].who.weight_bytes = 200;
  entries[2].time.median_ms = 2.0;
  entries[2].who.weight_bytes = 100;
  EXPECT_EQ(LayerResult::leanest(entries, 1.0), &entries[0]);
  EXPECT_EQ(LayerResult::leanest(entries, 1.05), &entries[1]);
  EXPECT_EQ(LayerResult::leanest({}, 1.05), nullptr);
}

TEST(Peak, IsMeasuredForEveryTypeWithItsInstruction) {
  for (const Element element : {Element::f32, Element::bf16, Element::u8}) {
    const Peak peak = measure_peak(element);
    EXPECT_GT(peak.ops_per_s, 0.0);
    EXPECT_FALSE(peak.instruction.empty());
  }
  EXPECT_GT(measure_read_bandwidth(1 << 20), 0.0);
}

}  // namespace
}  // namespace wbs::kernels::measure
