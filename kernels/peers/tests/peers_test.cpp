// Every peer computes what the reference computes, or says why it cannot.
#include "kernels/peers/peers.hpp"

#include <gmock/gmock.h>

#include "kernels/measure/check.hpp"
#include "kernels/measure/tests/small_layers.hpp"

namespace wbs::kernels::peers {
namespace {

using measure::LayerRequest;
using measure::tests::small_layer;
using measure::tests::small_problem;

/// Runs the peer twice on two copies, the second after a reset; checks both.
void expect_correct(const std::string& peer, const LayerRequest& request) {
  const auto problem = small_problem(request);
  auto made = make_peer(peer, problem->problem, {1, 2, 2});
  for (const PeerInfo& info : list_peers()) {
    if (info.name == peer && !info.refusal.empty()) GTEST_SKIP() << info.refusal;
  }
  ASSERT_TRUE(made) << made.error();
  const measure::Reference reference(problem->problem);
  for (const int round : {0, 1}) {
    (*made)->run(round);
    (*made)->reset(round);
    (*made)->run(round);
    const Result<double> error = reference.check((*made)->info(), (*made)->output(round));
    EXPECT_TRUE(error) << error.error();
  }
  EXPECT_GT((*made)->info().weight_bytes, 0);
  EXPECT_GT((*made)->info().activation_bytes, 0);
}

TEST(Onednn, ConvolutionWithResidualAndRelu) {
  for (const Element element : {Element::f32, Element::bf16, Element::u8}) {
    expect_correct("onednn", small_layer(element));
  }
}

TEST(Onednn, StridedGroupedWithClipAndBatch) {
  LayerRequest request = small_layer(Element::f32);
  request.residual = false;
  request.shape.images = 3;
  request.shape.groups = 4;
  request.shape.stride = {2, 2};
  request.high = 0.5F;
  expect_correct("onednn", request);
}

TEST(Onednn, FullyConnected) {
  for (const Element element : {Element::f32, Element::bf16, Element::u8}) {
    LayerRequest request = small_layer(element);
    request.shape = ConvShape{};
    request.shape.images = 2;
    request.shape.in_channels = 33;
    request.shape.out_channels = 17;
    expect_correct("onednn", request);
  }
}

TEST(OnednnWinograd, ConvolutionOrReason) {
  LayerRequest request = small_layer(Element::f32);
  request.shape.in_channels = request.shape.out_channels = 32;
  request.shape.height = request.shape.width = 14;
  const auto problem = small_problem(request);
  if (const auto made = make_peer("onednn-winograd", problem->problem, {}); !made) {
    GTEST_SKIP() << made.error();
  }
  expect_correct("onednn-winograd", request);
}

TEST(OnednnWinograd, RefusesWhatIsNoFp32ThreeByThreeStrideOne) {
  for (const Element element : {Element::bf16, Element::u8}) {
    const auto problem = small_problem(small_layer(element));
    EXPECT_FALSE(make_peer("onednn-winograd", problem->problem, {}));
  }
}

TEST(ProductPeers, OneByOneWithResidualBatchAndTails) {
  LayerRequest request = small_layer(Element::f32);
  request.shape.kernel = {1, 1};
  request.shape.pad_top = request.shape.pad_left = 0;
  request.shape.pad_bottom = request.shape.pad_right = 0;
  request.shape.images = 2;
  request.shape.out_channels = 35;
  for (const char* peer : {"openblas", "libxsmm"}) expect_correct(peer, request);
}

TEST(ProductPeers, FullyConnectedOnOpenblas) {
  LayerRequest request = small_layer(Element::f32);
  request.shape = ConvShape{};
  request.shape.in_channels = 33;
  request.shape.out_channels = 17;
  for (const std::int64_t images : {1, 3}) {
    request.shape.images = images;
    expect_correct("openblas", request);
  }
}

TEST(ProductPeers, RefuseWhatIsNoProduct) {
  const auto problem = small_problem(small_layer(Element::f32));
  for (const char* peer : {"openblas", "libxsmm"}) {
    const auto made = make_peer(peer, problem->problem, {});
    ASSERT_FALSE(made);
    EXPECT_FALSE(made.error().empty());
  }
}

TEST(Peers, UnknownNameIsRefusedAndEveryPeerNamesItsPackage) {
  const auto problem = small_problem(small_layer(Element::f32));
  EXPECT_FALSE(make_peer("mkl", problem->problem, {}));
  for (const PeerInfo& peer : list_peers()) {
    EXPECT_THAT(std::string(peer.package), testing::StartsWith("lib"));
    EXPECT_NE(peer.version.empty(), peer.refusal.empty());
  }
}

}  // namespace
}  // namespace wbs::kernels::peers
