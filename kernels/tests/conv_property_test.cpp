// Every implementation against the definition, over random layers.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "kernels/tests/conv_case.hpp"

#ifndef WBS_CASES_PER_PAIR
#define WBS_CASES_PER_PAIR 4
#endif

namespace wbs::kernels {
namespace {

class EveryImplementation : public ::testing::TestWithParam<Element> {};

/// Integers bit for bit, floats within the bound; reads and writes stay inside the planes where a
/// sanitizer watches. Each pair of pattern and kernel comes up WBS_CASES_PER_PAIR times.
TEST_P(EveryImplementation, ComputesWhatTheDefinitionSays) {
  const auto implementations = runnable_implementations(GetParam());
  ASSERT_FALSE(implementations.empty());
  std::map<std::string_view, int> accepted;
  const std::uint64_t cases = WBS_CASES_PER_PAIR * case_patterns().size() * case_kernels().size();
  int failures = 0;
  for (std::uint64_t index = 0; index < cases && failures < 10; ++index) {
    const ConvData data(sample_case(GetParam(), 20261121, index, 200'000));
    for (const std::string_view name : implementations) {
      std::string difference;
      try {
        difference = data.difference(
            data.run({.force_impl = name, .algorithm = {}, .threads = data.plan().threads}));
        ++accepted[name];
      } catch (const Error& error) {
        // An implementation may be for some layers only, and then says so.
        if (error.kind() != ErrorKind::unsupported) difference = error.what();
      }
      if (!difference.empty()) {
        ADD_FAILURE() << name << ", case " << index << ", " << describe(data.plan()) << "\n  "
                      << difference;
        ++failures;
      }
    }
  }
  for (const std::string_view name : implementations) EXPECT_GT(accepted[name], 0) << name;
  if (failures == 0) {
    EXPECT_EQ(accepted["reference"], static_cast<int>(cases)) << "the reference runs every layer";
  }
}

/// The whole output is the same for 1 to 5 threads, fp32 rounding included.
TEST_P(EveryImplementation, ThreadsChangeNoBit) {
  for (std::uint64_t index = 0; index < 60; ++index) {
    ConvCase plan = sample_case(GetParam(), 7, index * 5, 60'000);
    plan.integers = GetParam() == Element::u8;
    const ConvData data(plan);
    for (const std::string_view name : runnable_implementations(GetParam())) {
      std::vector<unsigned char> one;
      for (const int threads : {1, 2, 3, 5}) {
        std::vector<unsigned char> bytes;
        try {
          bytes = data.run({.force_impl = name, .algorithm = {}, .threads = threads});
        } catch (const Error& error) {
          ASSERT_EQ(error.kind(), ErrorKind::unsupported) << error.what();
          break;
        }
        if (threads == 1) one = bytes;
        ASSERT_EQ(data.difference(bytes), "") << name << ", " << describe(plan);
        ASSERT_EQ(bytes, one) << name << ", " << threads << " threads, " << describe(plan);
      }
    }
  }
}

constexpr std::string_view kPackings[] = {
    "panels of 8 outputs",      "panels of 8 kept outputs", "panels of 4 outputs", "single outputs",
    "single outputs in blocks", "pairs of 4 inputs",        "pairs of 8 inputs"};

/// Every packing computes every layer, also one for which it is a bad choice.
TEST_P(EveryImplementation, EveryPackingComputesTheSame) {
  std::set<std::string_view> seen;
  int failures = 0;
  for (std::uint64_t index = 0; index < case_patterns().size() * case_kernels().size(); ++index) {
    const ConvData data(sample_case(GetParam(), 20261122, index, 200'000));
    for (const std::string_view name : runnable_implementations(GetParam())) {
      for (const std::string_view packing : kPackings) {
        try {
          const std::string difference = data.difference(data.run({.force_impl = name,
                                                                   .algorithm = {},
                                                                   .threads = data.plan().threads,
                                                                   .force_packing = packing}));
          seen.insert(packing);
          if (!difference.empty() && ++failures < 10) {
            ADD_FAILURE() << name << ", " << packing << ", " << describe(data.plan()) << "\n  "
                          << difference;
          }
        } catch (const Error& error) {
          ASSERT_EQ(error.kind(), ErrorKind::unsupported) << error.what();
        }
      }
    }
  }
  const std::string_view best = runnable_implementations(GetParam()).front();
  EXPECT_EQ(seen.count("panels of 8 kept outputs"), 1U);
  EXPECT_EQ(seen.count("single outputs in blocks"), best.starts_with("avx512") ? 1U : 0U);
  EXPECT_EQ(seen.count("pairs of 4 inputs"), best == "avx512_vnni" ? 1U : 0U);
  EXPECT_EQ(seen.count("pairs of 8 inputs"), best == "avx512_vnni" ? 1U : 0U);
}

/// Kept outputs around the sizes of groups and words, in every combination of what an epilogue
/// does.
TEST_P(EveryImplementation, ChannelMasksOfEverySizeAreExact) {
  int compacted = 0;
  for (const std::int64_t outputs : {1, 5, 8, 16, 63, 64, 65, 130, 257}) {
    for (unsigned bits = 0; bits < 16; ++bits) {
      ConvCase plan;
      plan.element = GetParam();
      plan.seed = static_cast<std::uint64_t>(outputs) * 16 + bits;
      plan.pattern = "channel";
      plan.output = (bits & 1U) != 0 ? GetParam() : Element::f32;
      plan.scale = GetParam() == Element::u8 || (bits & 2U) != 0;
      plan.bias = true;
      plan.residual = (bits & 4U) != 0;
      plan.in_place = plan.residual && (bits & 2U) != 0;
      plan.clip = (bits & 8U) != 0;
      plan.input_zero_point = GetParam() == Element::u8 ? 128 : 0;
      plan.output_zero_point = plan.output == Element::u8 ? 5 : 0;
      plan.threads = 1 + static_cast<int>(bits % 3);
      plan.shape.kernel = {(bits & 2U) != 0 ? 3 : 1, 1};
      plan.shape.pad_top = plan.shape.pad_bottom = plan.shape.kernel[0] / 2;
      plan.shape.in_channels = 20;
      plan.shape.out_channels = outputs;
      plan.shape.height = 1 + static_cast<std::int64_t>(bits % 8);
      plan.shape.width = 7;
      const ConvData data(plan);
      if (data.layer().mask->sparsity() == 0.0) continue;
      for (const std::string_view name : runnable_implementations(GetParam())) {
        ASSERT_EQ(data.difference(data.run({.force_impl = name,
                                            .algorithm = {},
                                            .threads = plan.threads,
                                            .force_packing = "panels of 8 kept outputs"})),
                  "")
            << name << ", " << describe(plan);
        ++compacted;
      }
    }
  }
  EXPECT_GT(compacted, 200);
}

TEST_P(EveryImplementation, KeptOutputsOfAChannelMaskAreMultipliedAlone) {
  ConvCase plan;
  plan.element = GetParam();
  plan.output = GetParam();
  plan.pattern = "channel";
  plan.scale = plan.bias = true;
  plan.seed = 1;  // keeps less than half
  plan.shape.in_channels = 256;
  plan.shape.out_channels = 256;
  plan.shape.height = plan.shape.width = 7;
  const ConvData data(plan);
  const ConvPlan conv(data.layer(), {});
  EXPECT_EQ(conv.packing(), "panels of 8 kept outputs");
  // Up to three rows of a group of 64 are lost to words that stay whole, and seven of the last.
  const std::int64_t kept = data.layer().mask->kept_weights() / 256;
  EXPECT_LE(conv.packed_macs(), (kept + kept / 61 * 3 + 10) * 256 * 49);
  EXPECT_GE(conv.packed_macs(), kept * 256 * 49);
}

INSTANTIATE_TEST_SUITE_P(Conv, EveryImplementation,
                         ::testing::Values(Element::f32, Element::bf16, Element::u8),
                         [](const auto& tested) { return std::string(to_string(tested.param)); });

}  // namespace
}  // namespace wbs::kernels
