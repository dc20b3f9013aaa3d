#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "networks/graph_builder.hpp"
#include "networks/zoo_families.hpp"

namespace wbs::networks::zoo {
namespace {

/// torchvision's features.0, features.1, ...: its Sequential numbers every module.
class Features {
 public:
  std::string next() { return fmt::format("features.{}", index_++); }

 private:
  int index_ = 0;
};

constexpr std::int64_t kClassifierRows = 7;

/// torchvision's adaptive average pool to 7x7 as windows of one size: 1x1 windows for a 224x224
/// image. Exact where 7 divides the map, else the windows overlap a little.
NodeIndex pool_to_classifier(GraphBuilder& g, NodeIndex x) {
  const Shape& map = g.shape(x);
  const std::array<std::int64_t, 2> stride{map[2] / kClassifierRows, map[3] / kClassifierRows};
  const std::int64_t steps = kClassifierRows - 1;
  return g.avg_pool(
      "avgpool", x,
      {.kernel = {map[2] - steps * stride[0], map[3] - steps * stride[1]}, .stride = stride});
}

NodeIndex imagenet_classifier(GraphBuilder& g, NodeIndex x, std::int64_t classes) {
  x = pool_to_classifier(g, x);
  x = g.flatten("flatten", x);
  for (const int first : {0, 3}) {
    x = g.linear(fmt::format("classifier.{}", first), x, 4096);
    x = g.relu(fmt::format("classifier.{}", first + 1), x);
    x = g.unary(Op::dropout, fmt::format("classifier.{}", first + 2), x);
  }
  return g.linear("classifier.6", x, classes);
}

NodeIndex cifar_classifier(GraphBuilder& g, NodeIndex x, std::int64_t classes) {
  x = g.unary(Op::global_avg_pool, "avgpool", x);
  return g.linear("classifier", g.flatten("flatten", x), classes);
}

}  // namespace

Graph vgg(const ZooRequest& request, int layers, bool batch_norm) {
  GraphBuilder g(std::string(request.name), request.input);
  Features features;
  NodeIndex x = g.input();
  for (int stage = 0; stage < 5; ++stage) {
    const std::int64_t channels = std::min(512, 64 << stage);
    const int convolutions = stage < 2 ? 2 : (layers == 19 ? 4 : 3);
    for (int index = 0; index < convolutions; ++index) {
      x = g.conv(
          features.next(), x,
          {.channels = channels, .kernel = {3, 3}, .padding = same_padding(1), .bias = true});
      if (batch_norm) x = g.batch_norm(features.next(), x);
      x = g.relu(features.next(), x);
    }
    x = g.max_pool(features.next(), x, {.kernel = {2, 2}, .stride = {2, 2}});
  }
  const bool small = g.shape(x)[2] < kClassifierRows || g.shape(x)[3] < kClassifierRows;
  return std::move(g).finish(small ? cifar_classifier(g, x, request.classes)
                                   : imagenet_classifier(g, x, request.classes));
}

}  // namespace wbs::networks::zoo
