// The estimator's rules on values worked out by hand.
#include <gtest/gtest.h>

#include "aie_model/estimator.hpp"
#include "aie_model/geometry.hpp"
#include "aie_model/memtile_plan.hpp"
#include "aie_model/pool_tiling.hpp"
#include "aie_model/tests/networks.hpp"
#include "aie_model/weights.hpp"

namespace wbs::aie {
namespace {

constexpr double kGiB = 1073741824.0;

/// The 256 -> 64 channel 1x1 convolution of ResNet-50 on 4x4.
TiledLayer narrowing() {
  TiledLayer layer;
  layer.input = {56, 56, 256};
  layer.output = {56, 56, 64};
  layer.producers = {0};
  layer.core_weight = {16, 1, 1, 256};
  layer.core_input = {2, 14, 256};
  layer.core_output = {2, 14, 64};
  return layer;
}

/// A 3x3 convolution, 56x56x64 on 2x2, two rows an iteration.
TiledLayer padded() {
  TiledLayer layer;
  layer.input = {56, 56, 64};
  layer.output = {56, 56, 64};
  layer.window = {3, 3, 1, 1, 1, 1};
  layer.producers = {0};
  layer.core_weight = {16, 3, 3, 64};
  layer.core_input = {4, 30, 64};
  layer.core_output = {2, 28, 64};
  return layer;
}

TEST(Weights, UnifiedTensorHoldsWeightsBiasAndMask) {
  EXPECT_EQ(unified_bytes({32, 1, 1, 64}, 1.0), 2048 + 128 + 2 * 4 * 8);
  EXPECT_EQ(unified_bytes({32, 1, 1, 64}, 0.5), 1024 + 128 + 2 * 4 * 8);
  EXPECT_EQ(unified_bytes({16, 3, 3, 8}, 1.0), 1152 + 64 + 2 * 2 * 1);
}

TEST(Weights, MemtileHoldsAllChunksOfItsRow) {
  const Device device = aie2_array(2, 2);
  // 64 output channels over 2 rows in chunks of 16: two chunks of 9312 bytes.
  EXPECT_EQ(chunks_per_row(padded(), device), 2);
  EXPECT_EQ(memtile_weight_bytes(padded(), device), 2 * 9312);
}

TEST(Estimator, PublishedComputeUsesTheInputSubVolume) {
  const Device device = aie2_array(4, 4);
  const auto estimate = estimate_layer(narrowing(), device, Model::published);
  EXPECT_EQ(estimate.iterations, 28);
  EXPECT_EQ(published_cycles(narrowing(), device), 2 * 14 * 256 * 256 / 256);
  EXPECT_DOUBLE_EQ(estimate.lanes.comp_ns, 200704.0);
}

TEST(Estimator, CorrectedComputeUsesTheOutputSubVolume) {
  const Device device = aie2_array(4, 4);
  const auto estimate = estimate_layer(narrowing(), device, Model::corrected);
  EXPECT_DOUBLE_EQ(estimate.lanes.comp_ns, 12544.0);  // 56*56*64*256 / 16 cores / 256
  TiledLayer sparse = narrowing();
  sparse.density = 0.5;
  EXPECT_DOUBLE_EQ(estimate_layer(sparse, device, Model::corrected).lanes.comp_ns, 6272.0);
}

TEST(Estimator, CyclesAreRoundedUpForEachIteration) {
  const Device device = aie2_array(2, 2);
  TiledLayer layer = narrowing();
  layer.core_input = {1, 3, 8};
  layer.core_weight = {8, 1, 1, 8};
  EXPECT_EQ(published_cycles(layer, device), 1);  // 192 MACs
  layer.core_input = {1, 9, 8};
  EXPECT_EQ(published_cycles(layer, device), 3);  // 576 MACs
}

TEST(Estimator, CorrectedChargesItsOwnDensity) {
  const Device device = aie2_array(4, 4);
  TiledLayer two_of_eight = narrowing();
  two_of_eight.density = 0.25;
  two_of_eight.corrected_density = 0.5 /* every operand at the sparse rate */;
  EXPECT_DOUBLE_EQ(estimate_layer(two_of_eight, device, Model::corrected).lanes.comp_ns, 6272.0);
  EXPECT_DOUBLE_EQ(estimate_layer(two_of_eight, device, Model::published).lanes.comp_ns, 50176.0);
}

TEST(Estimator, WeightPassesAddNoCorrectedCompute) {
  const Device device = aie2_array(4, 4);
  TiledLayer layer = narrowing();
  layer.passes = 4;
  EXPECT_DOUBLE_EQ(estimate_layer(layer, device, Model::corrected).lanes.comp_ns, 12544.0);
  EXPECT_DOUBLE_EQ(estimate_layer(layer, device, Model::published).lanes.comp_ns, 4 * 200704.0);
}

TEST(Estimator, StreamsAreRoundedUpToEightColumns) {
  const Device device = aie2_array(4, 4);
  const auto estimate = estimate_layer(narrowing(), device, Model::published);
  EXPECT_NEAR(estimate.lanes.loadfm_ns, 28 * 2 * 16 * 256 / (4 * kGiB) * 1e9, 1e-6);
  EXPECT_NEAR(estimate.lanes.writefm_ns, 28 * 2 * 16 * 64 / (4 * kGiB) * 1e9, 1e-6);
}

TEST(Estimator, WeightLanesFollowTheLoggedHeaders) {
  // Logged for this layer on 2x2: LOADW 4.395843 us and LOADWM 2.212822 us.
  const auto estimate = estimate_layer(padded(), aie2_array(2, 2), Model::published);
  EXPECT_NEAR(estimate.lanes.loadw_ns, 4395.843, 0.001);
  EXPECT_NEAR(estimate.lanes.loadwm_ns, 2212.822, 0.001);
}

TEST(Estimator, PaddedHeadAndTailRunInSequence) {
  const Device device = aie2_array(2, 2);
  const auto estimate = estimate_layer(padded(), device, Model::published);
  EXPECT_EQ(estimate.iterations, 28);
  EXPECT_EQ(estimate.groups, 3);
  EXPECT_EQ(estimate.alone, 2);
  const LaneTimes& lanes = estimate.lanes;
  const double body = lanes.comp_ns * 26 / 28;
  const double ends = (lanes.loadfm_ns + lanes.comp_ns + lanes.writefm_ns) * 2 / 28;
  EXPECT_NEAR(estimate.total_ns, lanes.loadw_ns + lanes.loadwm_ns + body + ends, 1e-6);
  // Logged: 515.14 us with 23.365 us of LOAD.
  TiledLayer loaded = padded();
  loaded.load_bytes = 100352;
  EXPECT_NEAR(estimate_layer(loaded, device, Model::published).total_ns, 515140, 10);
}

TEST(Estimator, LoadAndLoadwOverlapAndWriteComesLast) {
  TiledLayer layer = narrowing();
  layer.load_bytes = 4 << 20;
  layer.write_bytes = 2 << 20;
  const auto estimate = estimate_layer(layer, aie2_array(4, 4), Model::published);
  const LaneTimes& lanes = estimate.lanes;
  EXPECT_LT(lanes.loadw_ns, lanes.load_ns);
  EXPECT_NEAR(estimate.total_ns, lanes.load_ns + lanes.loadwm_ns + lanes.comp_ns + lanes.write_ns,
              1e-6);
}

TEST(Estimator, ConcatMembersAreRepeated) {
  TiledLayer layer = narrowing();
  layer.output.c = 32;
  layer.concat_channels = 256;
  EXPECT_EQ(concat_repeat(layer, aie2_array(2, 2)), 4);
  EXPECT_EQ(concat_repeat(layer, aie2_array(4, 4)), 2);
  EXPECT_EQ(concat_repeat(layer, aie2_array(3, 3)), 3);
  EXPECT_EQ(concat_repeat(layer, aie2_array(8, 8)), 1);
  layer.through_ddr = true;
  EXPECT_EQ(concat_repeat(layer, aie2_array(2, 2)), 1);
}

TEST(Estimator, LayersAreStrictlySequential) {
  const std::vector<TiledLayer> layers = {narrowing(), padded()};
  const Device device = aie2_array(4, 4);
  const auto network = estimate_network(layers, device, Model::published);
  EXPECT_DOUBLE_EQ(network.start_ns[1], network.layers[0].total_ns);
  EXPECT_DOUBLE_EQ(network.total_ns, network.layers[0].total_ns + network.layers[1].total_ns);
}

TEST(Estimator, PublishedScopeLeavesOutFullyConnectedLayers) {
  std::vector<TiledLayer> layers = {narrowing(), narrowing()};
  layers[1].kind = LayerKind::fully_connected;
  const auto network = estimate_network(layers, aie2_array(4, 4), Model::published);
  EXPECT_DOUBLE_EQ(network.published_scope_ns, network.layers[0].total_ns);
}

TEST(Estimator, ModelNamesRoundTrip) {
  EXPECT_EQ(find_model(model_name(Model::corrected)).value(), Model::corrected);
  EXPECT_EQ(find_model("published").value(), Model::published);
  EXPECT_FALSE(find_model("event").has_value());
}

TEST(Groups, EachPaddingIsAGroupOfItsOwn) {
  TiledLayer layer = padded();
  layer.input = layer.output = {17, 17, 64};
  layer.window = {7, 1, 1, 1, 3, 0};
  layer.core_output = {2, 9, 64};
  // Rows 0-1 miss three rows above, 2-3 one; 14-15 miss two below, 16 three.
  const auto groups = iteration_groups(layer);
  ASSERT_EQ(groups.size(), 5U);
  EXPECT_EQ(groups[0].pad_top, 3);
  EXPECT_EQ(groups[1].pad_top, 1);
  EXPECT_EQ(groups[2].count, 5);
  EXPECT_EQ(groups[3].pad_bottom, 2);
  EXPECT_EQ(groups[4].pad_bottom, 3);
}

TEST(Groups, HeightTilesStartNewGroups) {
  TiledLayer layer = padded();
  layer.height_tiles = 4;
  layer.core_output.h = 3;
  const auto groups = iteration_groups(layer);  // 14 rows a tile: 5 iterations each
  std::int64_t count = 0;
  for (const auto& group : groups) count += group.count;
  EXPECT_EQ(count, 20);
  EXPECT_EQ(groups.size(), 6U);
}

TEST(Pools, LoggedMaxPoolsAreReproduced) {
  TiledLayer pool;
  pool.kind = LayerKind::max_pool;
  pool.input = {112, 112, 64};
  pool.output = {56, 56, 64};
  pool.window = {3, 3, 2, 2, 1, 1};
  tile_pool_or_add(pool, aie2_array(2, 2));
  EXPECT_EQ(pool.core_input, (Extent{3, 57, 64}));
  tile_pool_or_add(pool, aie2_array(4, 4));
  EXPECT_EQ(pool.core_input, (Extent{7, 29, 64}));
  EXPECT_DOUBLE_EQ(estimate_layer(pool, aie2_array(4, 4), Model::published).lanes.comp_ns, 969);
  tile_pool_or_add(pool, aie2_array(8, 8));
  EXPECT_EQ(pool.core_input, (Extent{17, 15, 64}));
}

TEST(Pools, WideAveragePoolsAreSplitByWidth) {
  TiledLayer pool;
  pool.kind = LayerKind::avg_pool;
  pool.input = pool.output = {17, 17, 768};
  pool.window = {3, 3, 1, 1, 1, 1};
  tile_pool_or_add(pool, aie2_array(2, 2));
  EXPECT_EQ(pool.width_splits, 4);
  EXPECT_EQ(pool.core_input, (Extent{3, 5, 768}));
  EXPECT_DOUBLE_EQ(estimate_layer(pool, aie2_array(2, 2), Model::published).lanes.comp_ns, 3060);
}

TEST(Pools, GlobalPoolSplitsChannelsOverColumns) {
  TiledLayer pool;
  pool.kind = LayerKind::global_avg_pool;
  pool.input = {7, 7, 2048};
  pool.output = {1, 1, 2048};
  tile_pool_or_add(pool, aie2_array(2, 2));
  EXPECT_EQ(pool.channel_splits, 4);
  EXPECT_DOUBLE_EQ(estimate_layer(pool, aie2_array(2, 2), Model::published).lanes.comp_ns, 196);
}

TEST(Pools, AddStreamsTwoInputs) {
  TiledLayer add;
  add.kind = LayerKind::add;
  add.input = add.output = {7, 7, 2048};
  add.producers = {0, 1};
  const Device device = aie2_array(4, 4);
  tile_pool_or_add(add, device);
  EXPECT_EQ(add.core_output, (Extent{2, 2, 2048}));
  const auto estimate = estimate_layer(add, device, Model::published);
  EXPECT_DOUBLE_EQ(estimate.lanes.comp_ns, 128);
  EXPECT_NEAR(estimate.lanes.loadfm_ns, 65536 / (4 * kGiB) * 1e9, 1e-6);
}

/// The network's layers with plain core pieces, planned.
std::vector<TiledLayer> planned(std::string_view network, const Device& device) {
  auto layers = testing::network_layers(network);
  for (TiledLayer& layer : layers) {
    tile_pool_or_add(layer, device);
    if (layer.kind != LayerKind::conv) continue;
    layer.core_weight = {8, layer.window.kh, layer.window.kw, stored_channels(layer.input.c)};
    layer.core_input = {layer.window.kh, column_width(layer.input.w, device), layer.input.c};
    layer.core_output = {1, column_width(layer.output.w, device), layer.output.c};
  }
  plan_memtiles(layers, device);
  return layers;
}

const TiledLayer& find(const std::vector<TiledLayer>& layers, std::string_view name) {
  for (const TiledLayer& layer : layers) {
    if (layer.name == name) return layer;
  }
  throw Error(ErrorKind::internal, std::string(name));
}

TEST(MemtilePlan, WeightsThatDoNotFitAreSentInPasses) {
  // 512 -> 512 3x3 on 28x28, 2x2: 2 x 200704 bytes of activations leave 122880 for 1.2 MB.
  const auto layers = planned("vgg16", aie2_array(2, 2));
  EXPECT_EQ(find(layers, "features.19").passes, 16);
  EXPECT_EQ(find(layers, "features.24").passes, 4);
  EXPECT_EQ(find(planned("vgg16", aie2_array(4, 4)), "features.19").passes, 2);
  EXPECT_EQ(find(planned("vgg16", aie2_array(8, 8)), "features.19").passes, 1);
}

TEST(MemtilePlan, LargeActivationsPassInHeightTiles) {
  const auto layers = planned("vgg16", aie2_array(2, 2));
  EXPECT_EQ(find(layers, "features.0").height_tiles, 4);
  EXPECT_EQ(find(layers, "features.2").height_tiles, 7);
  // Six rows of halo between seven tiles, twice each; the input does not fit as a whole.
  EXPECT_EQ(find(layers, "features.2").load_bytes, (224 + 12) * 112 * 64);
  EXPECT_EQ(find(layers, "features.2").write_bytes, 224 * 112 * 64);
}

TEST(MemtilePlan, PrimeHeightsAreCutIntoSingleRows) {
  const auto layers = planned("inception_v3", aie2_array(4, 4));
  EXPECT_EQ(find(layers, "Conv2d_1a_3x3").height_tiles, 149);
  EXPECT_EQ(find(layers, "Conv2d_1a_3x3").load_bytes, 149 * 1920);
}

TEST(MemtilePlan, ResidentTensorsNeedNoDdr) {
  const auto layers = planned("resnet50", aie2_array(8, 8));
  EXPECT_EQ(find(layers, "conv1").load_bytes, 50176);
  EXPECT_EQ(find(layers, "conv1").write_bytes, 100352);
  EXPECT_EQ(find(layers, "maxpool").load_bytes, 100352);
  for (const TiledLayer& layer : layers) {
    if (layer.name.starts_with("layer")) {
      EXPECT_EQ(layer.load_bytes, 0) << layer.name;
      EXPECT_EQ(layer.write_bytes, 0) << layer.name;
    }
  }
  EXPECT_EQ(layers.back().write_bytes, 2048);
}

TEST(MemtilePlan, MembersOfNestedConcatsFollowTheOneThatIsKept) {
  const auto layers = planned("inception_v3", aie2_array(4, 4));
  EXPECT_EQ(find(layers, "Mixed_7b.branch3x3_2a").concat_channels, 2048);
  EXPECT_EQ(find(layers, "Mixed_7b.branch3x3dbl_3a").concat_channels, 768);
  EXPECT_EQ(find(layers, "Mixed_5b.branch_pool").concat_channels, 256);
  EXPECT_EQ(find(layers, "Mixed_5b.branch5x5_1").concat_channels, 0);
}

TEST(MemtilePlan, EveryArrayGetsAPlan) {
  for (const auto& [columns, rows] : {std::pair{1, 1},
                                      {2, 2},
                                      {3, 3},
                                      {5, 5},
                                      {6, 6},
                                      {7, 7},
                                      {8, 4},
                                      {4, 8},
                                      {17, 2},
                                      {38, 8},
                                      {13, 11}}) {
    const Device device = aie2_array(columns, rows);
    for (const char* network : {"resnet50", "vgg16", "inception_v3"}) {
      for (const TiledLayer& layer : planned(network, device)) {
        EXPECT_GE(layer.passes, 1);
        EXPECT_GE(layer.load_bytes, 0);
        EXPECT_GE(layer.write_bytes, 0);
        EXPECT_EQ(layer.output.h % layer.height_tiles, 0) << layer.name;
        const auto estimate = estimate_layer(layer, device, Model::published);
        EXPECT_TRUE(layer.kind == LayerKind::concat || estimate.total_ns > 0) << layer.name;
      }
    }
  }
}

}  // namespace
}  // namespace wbs::aie
