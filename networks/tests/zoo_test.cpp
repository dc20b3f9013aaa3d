#include "networks/zoo.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/error.hpp"
#include "networks/cost.hpp"

namespace wbs::networks {
namespace {

struct Expected {
  const char* name;
  std::array<std::int64_t, 3> input;
  std::int64_t classes;
  std::int64_t parameters;
  std::int64_t macs;
};

class ZooCounts : public testing::TestWithParam<Expected> {};

TEST_P(ZooCounts, AreTheWellKnownOnes) {
  const Expected& expected = GetParam();
  const Graph graph =
      build_network(expected.name, {.input = expected.input, .classes = expected.classes});
  const NodeCost total = cost_of(graph).total;
  EXPECT_EQ(total.parameters, expected.parameters);
  EXPECT_EQ(total.macs, expected.macs);
  EXPECT_EQ(graph.nodes[graph.output].output_shape, (Shape{1, expected.classes}));
}

constexpr std::array<std::int64_t, 3> kImageNet{3, 224, 224};
constexpr std::array<std::int64_t, 3> kCifar{3, 32, 32};

// Parameters as printed by torchvision, timm and Keras (MobileNet V1); MACs are those of their
// convolutions, linear layers and matrix products.
INSTANTIATE_TEST_SUITE_P(
    Networks, ZooCounts,
    testing::Values(Expected{"resnet18", kImageNet, 1000, 11689512, 1814073344},
                    Expected{"resnet34", kImageNet, 1000, 21797672, 3663761408},
                    Expected{"resnet50", kImageNet, 1000, 25557032, 4089184256},
                    Expected{"resnet101", kImageNet, 1000, 44549160, 7801405440},
                    Expected{"vgg16", kImageNet, 1000, 138357544, 15470264320},
                    Expected{"vgg16_bn", kImageNet, 1000, 138365992, 15470264320},
                    Expected{"vgg19", kImageNet, 1000, 143667240, 19632062464},
                    Expected{"vgg19_bn", kImageNet, 1000, 143678248, 19632062464},
                    Expected{"inception_v3", {3, 299, 299}, 1000, 23834568, 5713216096},
                    Expected{"mobilenet_v1", kImageNet, 1000, 4231976, 568740352},
                    Expected{"mobilenet_v2", kImageNet, 1000, 3504872, 300774272},
                    Expected{"squeezenet1_1", kImageNet, 1000, 1235496, 349151936},
                    Expected{"vit_tiny", kImageNet, 1000, 5717416, 1253683200},
                    Expected{"resnet20", kCifar, 10, 269722, 40551040},
                    Expected{"resnet32", kCifar, 10, 464154, 68862592},
                    Expected{"resnet56", kCifar, 10, 853018, 125485696},
                    Expected{"resnet9", kCifar, 10, 6573130, 379261952},
                    Expected{"resnet18", kCifar, 10, 11173962, 555422720},
                    Expected{"resnet50", kCifar, 10, 23520842, 1297829888},
                    Expected{"vgg16", kCifar, 10, 14719818, 313201664},
                    Expected{"vgg16_bn", kCifar, 10, 14728266, 313201664},
                    Expected{"vgg19_bn", kCifar, 10, 20040522, 398136320},
                    Expected{"mlp", {1, 28, 28}, 10, 266610, 266200}),
    [](const testing::TestParamInfo<Expected>& tested) {
      return std::string(tested.param.name) + (tested.param.input == kCifar ? "_cifar" : "");
    });

TEST(Zoo, EveryNetworkBuildsInItsUsualFormWithItsOwnName) {
  std::set<std::string_view> names;
  for (const NetworkInfo& info : networks()) {
    const Graph graph = build_network(info.name, {.batch = 2});
    EXPECT_EQ(graph.name, info.name);
    EXPECT_EQ(graph.nodes[graph.output].output_shape, (Shape{2, info.classes}));
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
  }
}

TEST(Zoo, VggPoolsToSevenBySevenAndKeepsThePoolAsALayer) {
  const auto pool_of = [](std::int64_t size) {
    const Graph graph =
        build_network("vgg16", {.input = std::array<std::int64_t, 3>{3, size, size}});
    const std::optional<NodeIndex> pool = find_node(graph, "avgpool");
    EXPECT_EQ(graph.nodes[*pool].op, Op::avg_pool);
    EXPECT_EQ(graph.nodes[*pool].output_shape, (Shape{1, 512, 7, 7}));
    return graph.nodes[*pool].attributes;
  };
  EXPECT_EQ(pool_of(224).kernel, (std::array<std::int64_t, 2>{1, 1}));
  EXPECT_EQ(pool_of(448).kernel, (std::array<std::int64_t, 2>{2, 2}));
  EXPECT_EQ(pool_of(448).stride, (std::array<std::int64_t, 2>{2, 2}));
  EXPECT_EQ(pool_of(299).kernel, (std::array<std::int64_t, 2>{3, 3}));  // 9 rows
}

TEST(Zoo, VggBelowTwoHundredTwentyFourAveragesWhatIsLeft) {
  const Graph graph = build_network("vgg16", {.input = std::array<std::int64_t, 3>{3, 96, 96}});
  EXPECT_EQ(graph.nodes[*find_node(graph, "avgpool")].op, Op::global_avg_pool);
  EXPECT_EQ(graph.nodes[graph.output].output_shape, (Shape{1, 1000}));
}

TEST(Zoo, UnknownNameSuggestsTheClosestOne) {
  try {
    static_cast<void>(build_network("resnet5O"));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), testing::HasSubstr("did you mean 'resnet50'"));
  }
}

TEST(Zoo, ImpossibleRequestsAreUsageErrors) {
  using Image = std::array<std::int64_t, 3>;
  for (const BuildOptions& options :
       {BuildOptions{.input = Image{3, 0, 224}}, BuildOptions{.input = Image{-3, 224, 224}},
        BuildOptions{.input = Image{3, 224, std::int64_t{1} << 62}}, BuildOptions{.classes = 0},
        BuildOptions{.batch = 0}, BuildOptions{.input = Image{3, 4, 4}}}) {
    try {
      static_cast<void>(build_network("vgg16", options));
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage) << error.what();
    }
  }
  EXPECT_THROW(static_cast<void>(build_network("vit_tiny", {.input = Image{3, 225, 224}})), Error);
}

TEST(Zoo, WeightsAreNamedAsInTorchvision) {
  const auto has = [](const char* network, const char* node) {
    return find_node(build_network(network), node).has_value();
  };
  EXPECT_TRUE(has("resnet50", "layer1.0.conv1"));
  EXPECT_TRUE(has("resnet50", "layer4.0.downsample.0"));
  EXPECT_TRUE(has("vgg16", "features.28"));
  EXPECT_TRUE(has("vgg16_bn", "features.41"));
  EXPECT_TRUE(has("inception_v3", "Mixed_5b.branch1x1.conv"));
  EXPECT_TRUE(has("inception_v3", "Mixed_7c.branch3x3dbl_3b.bn"));
  EXPECT_TRUE(has("mobilenet_v2", "features.17.conv.2"));
  EXPECT_TRUE(has("squeezenet1_1", "features.12.expand3x3"));
  EXPECT_TRUE(has("vit_tiny", "blocks.11.attn.qkv"));
}

}  // namespace
}  // namespace wbs::networks
