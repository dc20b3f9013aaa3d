#include <fmt/format.h>

#include "networks/graph_builder.hpp"
#include "networks/zoo_families.hpp"

namespace wbs::networks::zoo {
namespace {

struct Step {
  std::int64_t channels;
  std::int64_t stride;
};

/// A 3x3 convolution of every channel for itself.
ConvOptions depthwise(std::int64_t channels, std::int64_t stride) {
  return {.channels = channels,
          .kernel = {3, 3},
          .stride = {stride, stride},
          .padding = same_padding(1),
          .groups = channels};
}

NodeIndex conv_bn_relu(GraphBuilder& g, const std::string& name, NodeIndex x,
                       const ConvOptions& options) {
  x = g.conv(name + ".conv", x, options);
  return g.relu(name + ".relu", g.batch_norm(name + ".bn", x));
}

/// torchvision's Conv2dNormActivation: name.0, name.1 and ReLU6 as name.2.
NodeIndex conv_bn_relu6(GraphBuilder& g, const std::string& name, NodeIndex x,
                        const ConvOptions& options) {
  x = g.conv(name + ".0", x, options);
  return g.clip(name + ".2", g.batch_norm(name + ".1", x), 0.0, 6.0);
}

struct Bottleneck {
  std::int64_t expansion;
  std::int64_t channels;
  std::int64_t stride;
};

NodeIndex inverted_residual(GraphBuilder& g, const std::string& name, NodeIndex x,
                            const Bottleneck& block) {
  const NodeIndex shortcut = x;
  const std::int64_t channels_in = g.shape(x)[1];
  const std::int64_t wide = channels_in * block.expansion;
  int index = 0;
  const auto next = [&] { return fmt::format("{}.conv.{}", name, index++); };
  if (block.expansion != 1) x = conv_bn_relu6(g, next(), x, {.channels = wide});
  x = conv_bn_relu6(g, next(), x, depthwise(wide, block.stride));
  x = g.conv(next(), x, {.channels = block.channels});
  x = g.batch_norm(next(), x);
  if (block.stride != 1 || channels_in != block.channels) return x;
  return g.binary(Op::add, name + ".add", shortcut, x);
}

}  // namespace

Graph mobilenet_v1(const ZooRequest& request) {
  constexpr std::array<Step, 13> kSteps{{{64, 1},
                                         {128, 2},
                                         {128, 1},
                                         {256, 2},
                                         {256, 1},
                                         {512, 2},
                                         {512, 1},
                                         {512, 1},
                                         {512, 1},
                                         {512, 1},
                                         {512, 1},
                                         {1024, 2},
                                         {1024, 1}}};
  GraphBuilder g(std::string(request.name), request.input);
  NodeIndex x = conv_bn_relu(
      g, "stem", g.input(),
      {.channels = 32, .kernel = {3, 3}, .stride = {2, 2}, .padding = same_padding(1)});
  for (std::size_t index = 0; index < kSteps.size(); ++index) {
    const std::string block = fmt::format("blocks.{}", index);
    x = conv_bn_relu(g, block + ".depthwise", x, depthwise(g.shape(x)[1], kSteps[index].stride));
    x = conv_bn_relu(g, block + ".pointwise", x, {.channels = kSteps[index].channels});
  }
  x = g.unary(Op::global_avg_pool, "avgpool", x);
  x = g.linear("fc", g.flatten("flatten", x), request.classes);
  return std::move(g).finish(x);
}

Graph mobilenet_v2(const ZooRequest& request) {
  struct Stage {
    Bottleneck first;
    int repeats;
  };
  constexpr std::array<Stage, 7> kStages{{{{1, 16, 1}, 1},
                                          {{6, 24, 2}, 2},
                                          {{6, 32, 2}, 3},
                                          {{6, 64, 2}, 4},
                                          {{6, 96, 1}, 3},
                                          {{6, 160, 2}, 3},
                                          {{6, 320, 1}, 1}}};
  GraphBuilder g(std::string(request.name), request.input);
  NodeIndex x = conv_bn_relu6(
      g, "features.0", g.input(),
      {.channels = 32, .kernel = {3, 3}, .stride = {2, 2}, .padding = same_padding(1)});
  int index = 1;
  for (const Stage& stage : kStages) {
    for (int repeat = 0; repeat < stage.repeats; ++repeat) {
      Bottleneck block = stage.first;
      if (repeat > 0) block.stride = 1;
      x = inverted_residual(g, fmt::format("features.{}", index++), x, block);
    }
  }
  x = conv_bn_relu6(g, fmt::format("features.{}", index), x, {.channels = 1280});
  x = g.unary(Op::global_avg_pool, "avgpool", x);
  x = g.unary(Op::dropout, "classifier.0", g.flatten("flatten", x));
  x = g.linear("classifier.1", x, request.classes);
  return std::move(g).finish(x);
}

Graph squeezenet1_1(const ZooRequest& request) {
  GraphBuilder g(std::string(request.name), request.input);
  const auto conv = [&g](const std::string& name, NodeIndex x, const ConvOptions& options) {
    ConvOptions with_bias = options;
    with_bias.bias = true;
    return g.conv(name, x, with_bias);
  };
  const auto pool = [&g](const std::string& name, NodeIndex x) {
    return g.max_pool(name, x, {.kernel = {3, 3}, .stride = {2, 2}, .ceil_mode = true});
  };
  const auto fire = [&](int index, NodeIndex x, std::int64_t squeezed, std::int64_t expanded) {
    const std::string name = fmt::format("features.{}", index);
    x = conv(name + ".squeeze", x, {.channels = squeezed});
    x = g.relu(name + ".squeeze_activation", x);
    NodeIndex one = conv(name + ".expand1x1", x, {.channels = expanded});
    one = g.relu(name + ".expand1x1_activation", one);
    NodeIndex three = conv(name + ".expand3x3", x,
                           {.channels = expanded, .kernel = {3, 3}, .padding = same_padding(1)});
    three = g.relu(name + ".expand3x3_activation", three);
    return g.concat(name + ".concat", {one, three});
  };
  NodeIndex x = conv("features.0", g.input(), {.channels = 64, .kernel = {3, 3}, .stride = {2, 2}});
  x = pool("features.2", g.relu("features.1", x));
  x = fire(4, fire(3, x, 16, 64), 16, 64);
  x = pool("features.5", x);
  x = fire(7, fire(6, x, 32, 128), 32, 128);
  x = pool("features.8", x);
  x = fire(10, fire(9, x, 48, 192), 48, 192);
  x = fire(12, fire(11, x, 64, 256), 64, 256);
  x = g.unary(Op::dropout, "classifier.0", x);
  x = g.relu("classifier.2", conv("classifier.1", x, {.channels = request.classes}));
  x = g.unary(Op::global_avg_pool, "classifier.3", x);
  x = g.flatten("flatten", x);
  return std::move(g).finish(x);
}

}  // namespace wbs::networks::zoo
