#include <fmt/format.h>

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

NodeIndex imagenet_classifier(GraphBuilder& g, NodeIndex x, std::int64_t classes) {
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
  const bool small = request.input[2] <= kCifarStemRows;
  return std::move(g).finish(small ? cifar_classifier(g, x, request.classes)
                                   : imagenet_classifier(g, x, request.classes));
}

}  // namespace wbs::networks::zoo
