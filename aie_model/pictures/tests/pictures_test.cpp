// Pictures of a small run: what they must contain for a person to read them.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "aie_model/pictures/gantt.hpp"
#include "aie_model/pictures/heatmap.hpp"
#include "aie_model/pictures/roofline.hpp"
#include "aie_model/pictures/trace.hpp"

namespace wbs::aie {
namespace {

/// Two layers of one step each on a 2x1 array: 100 cycles, then 300.
class PicturesTest : public testing::Test {
 protected:
  PicturesTest() {
    program_.network = "a<b>";
    program_.pattern = "dense";
    program_.device = device_.name;
    program_.layers.resize(2);
    program_.layers[0].name = "conv \"1\"";
    program_.layers[1].name = "conv2";
    program_.steps.resize(2);
    program_.steps[0].name = "first";
    program_.steps[1].layer = 1;
    run_.cycles = 400;
    run_.steps.resize(2);
    run_.steps[0].end = run_.steps[1].begin = 100;
    run_.steps[1].end = 400;
    const TileId core{TileKind::core, 1, 0};
    const TileId memtile{TileKind::memtile, 1, 0};
    const TileId shim{TileKind::shim, 0, 0};
    run_.activities = {{shim, Activity::Kind::reconfigure, 0, 0, 0, 10},
                       {core, Activity::Kind::kernel, 0, 0, 50, 100},
                       {core, Activity::Kind::kernel, 0, 1, 100, 250},
                       {core, Activity::Kind::s2mm, 1, 0, 20, 40},
                       {memtile, Activity::Kind::mm2s, 3, 1, 100, 400},
                       {shim, Activity::Kind::s2mm, 0, 1, 300, 400}};
  }

  Device device_ = aie2_array(2, 1);
  Program program_;
  RunResult run_;
};

TEST_F(PicturesTest, TraceParsesAndGivesEveryActivityItsTimeInMicroseconds) {
  const auto trace = nlohmann::json::parse(chrome_trace({program_, device_, run_}));
  std::set<std::string> threads;
  double kernel_us = 0.0;
  for (const auto& event : trace.at("traceEvents")) {
    if (event.at("ph") == "M" && event.at("name") == "thread_name") {
      threads.insert(event.at("args").at("name").get<std::string>());
    }
    const bool cores = event.at("ph") == "X" && event.at("pid") == 2 + 3 + 2;
    if (cores && event.at("tid") == 0) kernel_us += event.at("dur").get<double>();
  }
  EXPECT_DOUBLE_EQ(kernel_us, 0.2);
  EXPECT_TRUE(threads.contains("core(1,0) kernels"));
  EXPECT_TRUE(threads.contains("core(1,0) S2MM 1"));
  EXPECT_TRUE(threads.contains("memtile(1) MM2S 3"));
}

TEST_F(PicturesTest, TraceOfALayerLeavesOthersOut) {
  const auto trace = nlohmann::json::parse(chrome_trace({program_, device_, run_, {1}}));
  for (const auto& event : trace.at("traceEvents")) {
    if (event.at("ph") != "X") continue;
    EXPECT_GE(event.at("ts").get<double>(), 0.1);
  }
}

TEST_F(PicturesTest, SharesAreOfTheShownTime) {
  const ArrayUse whole = array_use({program_, device_, run_});
  EXPECT_DOUBLE_EQ(whole.cores.at(0), 0.0);
  EXPECT_DOUBLE_EQ(whole.cores.at(1), 0.5);
  EXPECT_DOUBLE_EQ(whole.memtile_out.at(1), 0.75);
  EXPECT_DOUBLE_EQ(whole.shim_in.at(0), 0.25);
  const ArrayUse second = array_use({program_, device_, run_, {1}});
  EXPECT_DOUBLE_EQ(second.cores.at(1), 0.5);
  EXPECT_DOUBLE_EQ(second.memtile_out.at(1), 1.0);
}

TEST_F(PicturesTest, BarsAreSharesOfTheirPartOfTheTime) {
  const std::vector<double> shares = busy_shares({{0, 15}, {10, 20}}, {0, 40}, 4, 2);
  EXPECT_EQ(shares, (std::vector<double>{0.5, 0.75, 0.0, 0.0}));
}

TEST_F(PicturesTest, SvgNamesLayersAndLanesAndEscapesThem) {
  const std::string gantt = gantt_svg({program_, device_, run_});
  for (const char* text : {"a&lt;b&gt;", "conv &quot;1&quot;", "conv2", "cores of column 1",
                           "DDR write (shims)", "</svg>"}) {
    EXPECT_NE(gantt.find(text), std::string::npos) << text;
  }
  const std::string map = heatmap_svg({program_, device_, run_});
  EXPECT_NE(map.find("50.0%"), std::string::npos);
  EXPECT_NE(map.find("out 75%"), std::string::npos);
}

TEST_F(PicturesTest, RooflineNamesLayersCeilingsAndWhatBoundsThem) {
  program_.layers[0].kept_macs = 5000;
  program_.layers[1].kept_macs = 40000;
  run_.steps[0].channels[channel_class(TileKind::memtile, Direction::mm2s)] = {400, 90};
  run_.steps[1].channels[channel_class(TileKind::core, Direction::s2mm)] = {600, 250};
  run_.steps[1].core = 200;
  run_.steps[1].calls.compute = 300;
  device_.silicon.dram_bytes_per_cycle = 5.0;
  const std::string svg = roofline_svg(roofline(program_, device_, run_));
  for (const char* text :
       {"a&lt;b&gt;", "conv &quot;1&quot;", "conv2", "peak of the array: 512 MAC a cycle",
        "all channels: 48 B a cycle", "DRAM: 5.0 B a cycle", "bound by Memtile out", "core streams",
        "kept MACs", "</svg>"}) {
    EXPECT_NE(svg.find(text), std::string::npos) << text;
  }
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
}

TEST_F(PicturesTest, AnEmptyRunIsStillAPicture) {
  const RunResult nothing;
  EXPECT_NE(gantt_svg({program_, device_, nothing}).find("</svg>"), std::string::npos);
  EXPECT_TRUE(nlohmann::json::accept(chrome_trace({program_, device_, nothing})));
  EXPECT_NE(roofline_svg(roofline(program_, device_, nothing)).find("</svg>"), std::string::npos);
}

}  // namespace
}  // namespace wbs::aie
