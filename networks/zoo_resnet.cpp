#include <fmt/format.h>

#include "networks/graph_builder.hpp"
#include "networks/zoo_families.hpp"

namespace wbs::networks::zoo {
namespace {

struct ConvBn {
  std::int64_t channels;
  std::int64_t kernel;
  std::int64_t stride = 1;
};

NodeIndex conv_bn(GraphBuilder& g, const std::string& conv_name, const std::string& bn_name,
                  NodeIndex x, const ConvBn& options) {
  const NodeIndex conv = g.conv(conv_name, x,
                                {.channels = options.channels,
                                 .kernel = {options.kernel, options.kernel},
                                 .stride = {options.stride, options.stride},
                                 .padding = same_padding(options.kernel / 2)});
  return g.batch_norm(bn_name, conv);
}

/// Main path of a block: convolutions conv1, conv2, ... with ReLUs between them.
NodeIndex main_path(GraphBuilder& g, const std::string& block, NodeIndex x,
                    const std::vector<ConvBn>& layers) {
  for (std::size_t index = 0; index < layers.size(); ++index) {
    const std::string number = fmt::format("{}", index + 1);
    x = conv_bn(g, block + ".conv" + number, block + ".bn" + number, x, layers[index]);
    if (index + 1 < layers.size()) x = g.relu(block + ".relu" + number, x);
  }
  return x;
}

NodeIndex join(GraphBuilder& g, const std::string& block, NodeIndex path, NodeIndex shortcut,
               std::size_t layers) {
  const NodeIndex sum = g.binary(Op::add, block + ".add", path, shortcut);
  return g.relu(fmt::format("{}.relu{}", block, layers), sum);
}

NodeIndex classifier(GraphBuilder& g, const std::string& name, NodeIndex x, std::int64_t classes) {
  x = g.unary(Op::global_avg_pool, "avgpool", x);
  return g.linear(name, g.flatten("flatten", x), classes);
}

/// Option A: every second pixel, and zero channels on both sides up to `channels`.
NodeIndex option_a_shortcut(GraphBuilder& g, const std::string& block, NodeIndex x,
                            std::int64_t channels) {
  const std::int64_t missing = channels - g.shape(x)[1];
  x = g.slice(block + ".shortcut.rows", x, {.axis = 2, .step = 2});
  x = g.slice(block + ".shortcut.columns", x, {.axis = 3, .step = 2});
  return g.pad(block + ".shortcut.pad", x, {0, missing / 2, 0, 0, 0, missing - missing / 2, 0, 0});
}

}  // namespace

Graph resnet(const ZooRequest& request, std::array<std::int64_t, 4> blocks, bool bottleneck) {
  GraphBuilder g(std::string(request.name), request.input);
  NodeIndex x = g.input();
  if (request.input[2] <= kCifarStemRows) {
    x = g.relu("relu", conv_bn(g, "conv1", "bn1", x, {.channels = 64, .kernel = 3}));
  } else {
    x = g.relu("relu", conv_bn(g, "conv1", "bn1", x, {.channels = 64, .kernel = 7, .stride = 2}));
    x = g.max_pool("maxpool", x, {.kernel = {3, 3}, .stride = {2, 2}, .padding = same_padding(1)});
  }
  for (std::size_t stage = 0; stage < blocks.size(); ++stage) {
    const std::int64_t inner = std::int64_t{64} << stage;
    const std::int64_t outer = bottleneck ? 4 * inner : inner;
    for (std::int64_t index = 0; index < blocks[stage]; ++index) {
      const std::string block = fmt::format("layer{}.{}", stage + 1, index);
      const std::int64_t stride = stage > 0 && index == 0 ? 2 : 1;
      const std::vector<ConvBn> layers =
          bottleneck ? std::vector<ConvBn>{{inner, 1}, {inner, 3, stride}, {outer, 1}}
                     : std::vector<ConvBn>{{inner, 3, stride}, {inner, 3}};
      const NodeIndex path = main_path(g, block, x, layers);
      NodeIndex shortcut = x;
      if (stride != 1 || g.shape(x)[1] != outer) {
        shortcut = conv_bn(g, block + ".downsample.0", block + ".downsample.1", x,
                           {.channels = outer, .kernel = 1, .stride = stride});
      }
      x = join(g, block, path, shortcut, layers.size());
    }
  }
  return std::move(g).finish(classifier(g, "fc", x, request.classes));
}

Graph cifar_resnet(const ZooRequest& request, std::int64_t blocks) {
  GraphBuilder g(std::string(request.name), request.input);
  NodeIndex x =
      g.relu("relu", conv_bn(g, "conv1", "bn1", g.input(), {.channels = 16, .kernel = 3}));
  for (std::int64_t stage = 0; stage < 3; ++stage) {
    const std::int64_t channels = std::int64_t{16} << stage;
    for (std::int64_t index = 0; index < blocks; ++index) {
      const std::string block = fmt::format("layer{}.{}", stage + 1, index);
      const std::int64_t stride = stage > 0 && index == 0 ? 2 : 1;
      const NodeIndex path = main_path(g, block, x, {{channels, 3, stride}, {channels, 3}});
      const NodeIndex shortcut = stride == 1 ? x : option_a_shortcut(g, block, x, channels);
      x = join(g, block, path, shortcut, 2);
    }
  }
  return std::move(g).finish(classifier(g, "linear", x, request.classes));
}

namespace {

NodeIndex conv_bn_relu(GraphBuilder& g, const std::string& name, NodeIndex x,
                       std::int64_t channels) {
  x = conv_bn(g, name + ".conv", name + ".bn", x, {.channels = channels, .kernel = 3});
  return g.relu(name + ".relu", x);
}

NodeIndex resnet9_layer(GraphBuilder& g, const std::string& name, NodeIndex x,
                        std::int64_t channels, bool residual) {
  x = conv_bn_relu(g, name, x, channels);
  x = g.max_pool(name + ".pool", x, {.kernel = {2, 2}, .stride = {2, 2}});
  if (!residual) return x;
  const NodeIndex first = conv_bn_relu(g, name + ".residual.0", x, channels);
  const NodeIndex second = conv_bn_relu(g, name + ".residual.1", first, channels);
  return g.binary(Op::add, name + ".add", x, second);
}

/// ResNet-9 whose first convolution has `channels` outputs; each layer doubles them.
Graph resnet9_of(const ZooRequest& request, std::int64_t channels) {
  GraphBuilder g(std::string(request.name), request.input);
  NodeIndex x = conv_bn_relu(g, "prep", g.input(), channels);
  x = resnet9_layer(g, "layer1", x, 2 * channels, true);
  x = resnet9_layer(g, "layer2", x, 4 * channels, false);
  x = resnet9_layer(g, "layer3", x, 8 * channels, true);
  const std::array<std::int64_t, 2> rest{g.shape(x)[2], g.shape(x)[3]};
  x = g.max_pool("pool", x, {.kernel = rest, .stride = rest});
  x = g.linear("linear", g.flatten("flatten", x), request.classes);
  return std::move(g).finish(x);
}

}  // namespace

Graph resnet9(const ZooRequest& request) {
  return resnet9_of(request, 64);
}
Graph resnet9_narrow(const ZooRequest& request) {
  return resnet9_of(request, 32);
}

}  // namespace wbs::networks::zoo
