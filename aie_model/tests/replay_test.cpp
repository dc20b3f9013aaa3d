#include "aie_model/replay.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "aie_model/tests/networks.hpp"

namespace wbs::aie {
namespace {

using ::testing::HasSubstr;

const std::string kHeader =
    "network,array,weights,layer,layer_output_hwc,weight_cout_kh_kw_cin,input_nhwc,output_nhwc,"
    "density,iterations\n";
const std::string kRow =
    "resnet50,2x2,dense,ResNet__layer1__Bottleneck_0__Conv2d_conv2,56x56x64,16x3x3x64,1x4x30x64,"
    "1x2x28x64,1.0,28\n";

std::string error_of(const std::string& text) {
  try {
    (void)parse_replay(text, "log.csv");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input);
    return error.what();
  }
  return "no error";
}

TEST(ReplayCsv, ARowIsRead) {
  const auto rows = parse_replay(kHeader + kRow, "log.csv");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].network, "resnet50");
  EXPECT_EQ(rows[0].output, (Extent{56, 56, 64}));
  EXPECT_EQ(rows[0].weight, (WeightBlock{16, 3, 3, 64}));
  EXPECT_EQ(rows[0].core_input, (Extent{4, 30, 64}));
  EXPECT_EQ(rows[0].core_output, (Extent{2, 28, 64}));
  EXPECT_DOUBLE_EQ(*rows[0].iterations, 28);
}

TEST(ReplayCsv, ColumnsMayComeInAnyOrderAndIterationsMayBeMissing) {
  const auto rows = parse_replay(
      "density,layer,weights,array,network,comp_ns,layer_output_hwc,weight_cout_kh_kw_cin,"
      "input_nhwc,output_nhwc\r\n"
      "0.5,conv2,sparse,2x2,resnet50,?,56x56x64,16x3x3x64,1x4x30x64,1x2x28x64\r\n\r\n",
      "log.csv");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_DOUBLE_EQ(rows[0].density, 0.5);
  EXPECT_FALSE(rows[0].iterations.has_value());
}

TEST(ReplayCsv, BadInputNamesFileLineAndExpectation) {
  const auto changed = [](const std::string& from, const std::string& to) {
    std::string row = kRow;
    row.replace(row.find(from), from.size(), to);
    return error_of(kHeader + kRow + row);
  };
  EXPECT_THAT(error_of(""), HasSubstr("log.csv:1: the file is empty"));
  EXPECT_THAT(error_of("network,array\n"), HasSubstr("no column 'weights'"));
  EXPECT_THAT(error_of(kHeader + "a,b\n"), HasSubstr("log.csv:2: the line has 2 fields"));
  EXPECT_THAT(changed("16x3x3x64", "16x3x64"), HasSubstr("log.csv:3: weight_cout_kh_kw_cin"));
  EXPECT_THAT(changed("16x3x3x64", "16x3x3x99999999999999999999"), HasSubstr("whole numbers"));
  EXPECT_THAT(changed("56x56x64", "56x-1x64"), HasSubstr("layer_output_hwc is '56x-1x64'"));
  EXPECT_THAT(changed("1x4x30x64", "2x4x30x64"), HasSubstr("batch of 1"));
  EXPECT_THAT(changed("2x2", "2by2"), HasSubstr("expected COLUMNSxROWS"));
  EXPECT_THAT(changed("1.0", "1.5"), HasSubstr("density is '1.5'"));
  EXPECT_THAT(changed("1.0", "nan"), HasSubstr("density is 'nan'"));
  EXPECT_THAT(changed("28\n", "0\n"), HasSubstr("iterations is '0'"));
  EXPECT_THAT(changed("resnet50", ""), HasSubstr("network is empty"));
}

TEST(ReplayCsv, AMissingFileIsAnIoError) {
  try {
    (void)read_replay("/nonexistent/log.csv");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::io);
    EXPECT_THAT(error.what(), HasSubstr("/nonexistent/log.csv"));
  }
}

TEST(Replay, IterationsComeFromTheShapesAndNotFromTheColumn) {
  auto rows = parse_replay(kHeader + kRow, "log.csv");
  rows[0].iterations = 14.5;
  const auto results = replay(rows, Model::published, testing::network_layers);
  EXPECT_EQ(results[0].iterations, 28);
  EXPECT_DOUBLE_EQ(results[0].comp_ns, 28 * 17280.0);
  // 14.5 iterations of 4 x 32 x 64 bytes in, 2 x 32 x 64 out.
  EXPECT_NEAR(results[0].loadfm_ns, 14.5 * 8192 / 4.294967296, 1e-6);
  EXPECT_NEAR(results[0].writefm_ns, 14.5 * 4096 / 4.294967296, 1e-6);
}

TEST(Replay, NarrowCorePiecesSweepTheColumnSeveralTimes) {
  const auto iterations = [](const std::string& output, const std::string& piece) {
    const auto rows = parse_replay(kHeader + "other,3x3,dense,conv_x," + output +
                                       ",8x1x1x64,1x1x8x64,1x1x" + piece + "x64,1.0,\n",
                                   "log.csv");
    return replay(rows, Model::published, {})[0].iterations;
  };
  EXPECT_EQ(iterations("10x57x64", "19"), 10);
  EXPECT_EQ(iterations("10x57x64", "10"), 20);  // halves of 19
  EXPECT_EQ(iterations("10x27x64", "3"), 40);   // quarters of 9
  EXPECT_EQ(iterations("10x2x64", "1"), 10);    // fewer pixels than columns
}

TEST(Replay, UnknownNetworksAreTakenRowByRow) {
  const auto rows = parse_replay(
      kHeader + "other,2x2,dense,conv_x,28x28x512,8x3x3x128,1x3x14x128,1x1x14x512,1.0,448\n",
      "log.csv");
  const auto results = replay(rows, Model::published, {});
  EXPECT_EQ(results[0].iterations % 28, 0);
  EXPECT_GT(results[0].comp_ns, 0);
}

TEST(Replay, CorrectedDiffersInComputeOnly) {
  const auto rows = parse_replay(kHeader + kRow, "log.csv");
  const auto published = replay(rows, Model::published, testing::network_layers);
  const auto corrected = replay(rows, Model::corrected, testing::network_layers);
  EXPECT_EQ(corrected[0].iterations, published[0].iterations);
  EXPECT_DOUBLE_EQ(corrected[0].loadfm_ns, published[0].loadfm_ns);
  // 2 x 28 x 32 output channels of a core x 9 x 64 MACs in each of 28 iterations.
  EXPECT_DOUBLE_EQ(corrected[0].comp_ns, 28.0 * 2 * 28 * 32 * 9 * 64 / 256);
}

TEST(Replay, RowsFindTheirLayersByShapeNameAndOrder) {
  const auto rows = parse_replay(
      kHeader +
          "inception_v3,2x2,dense,I__Mixed_5b__BasicConv2d_branch_pool__conv,35x35x32,16x1x1x192,"
          "1x1x18x192,1x1x18x32,1.0,140\n"
          "inception_v3,2x2,dense,I__Mixed_5c__BasicConv2d_branch3x3dbl_1__conv,35x35x64,"
          "32x1x1x256,1x1x18x256,1x1x18x64,1.0,35\n",
      "log.csv");
  const auto results = replay(rows, Model::published, testing::network_layers);
  EXPECT_EQ(results[0].iterations, 140);  // repeated 4 times: 256 / (2 x 32)
  EXPECT_EQ(results[1].iterations, 35);   // same shape as the branches that go into the concat
}

}  // namespace
}  // namespace wbs::aie
