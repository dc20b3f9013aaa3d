#include <string>

#include "networks/graph_builder.hpp"
#include "networks/zoo_families.hpp"

namespace wbs::networks::zoo {
namespace {

struct Window {
  std::int64_t height, width;
  std::int64_t stride = 1;
  Padding padding{};
};

constexpr Window kOne{1, 1};
constexpr Window kThree{3, 3, 1, same_padding(1)};
constexpr Window kFive{5, 5, 1, same_padding(2)};
constexpr Window kThreeHalving{3, 3, 2};
constexpr Window kRow7{1, 7, 1, {0, 3, 0, 3}};
constexpr Window kColumn7{7, 1, 1, {3, 0, 3, 0}};
constexpr Window kRow3{1, 3, 1, {0, 1, 0, 1}};
constexpr Window kColumn3{3, 1, 1, {1, 0, 1, 0}};

/// torchvision's BasicConv2d modules below one prefix, and the blocks made of them.
class Inception {
 public:
  Inception(GraphBuilder& builder, std::string prefix) : g_(builder), prefix_(std::move(prefix)) {}

  NodeIndex conv(const std::string& name, NodeIndex x, std::int64_t channels,
                 const Window& window) {
    const std::string full = prefix_ + name;
    x = g_.conv(full + ".conv", x,
                {.channels = channels,
                 .kernel = {window.height, window.width},
                 .stride = {window.stride, window.stride},
                 .padding = window.padding});
    return g_.relu(full + ".relu", g_.batch_norm(full + ".bn", x, 1e-3));
  }

  NodeIndex average_branch(NodeIndex x, std::int64_t channels) {
    x = g_.avg_pool(prefix_ + "avgpool", x,
                    {.kernel = {3, 3},
                     .stride = {1, 1},
                     .padding = same_padding(1),
                     .count_include_pad = true});
    return conv("branch_pool", x, channels, kOne);
  }

  NodeIndex halve(NodeIndex x) {
    return g_.max_pool(prefix_ + "maxpool", x, {.kernel = {3, 3}, .stride = {2, 2}});
  }

  NodeIndex concat(const std::string& name, std::vector<NodeIndex> parts) {
    return g_.concat(prefix_ + name, std::move(parts));
  }

 private:
  GraphBuilder& g_;
  std::string prefix_;
};

NodeIndex block_a(GraphBuilder& g, const std::string& name, NodeIndex x, std::int64_t pooled) {
  Inception b(g, name + ".");
  const NodeIndex branch1 = b.conv("branch1x1", x, 64, kOne);
  NodeIndex branch5 = b.conv("branch5x5_1", x, 48, kOne);
  branch5 = b.conv("branch5x5_2", branch5, 64, kFive);
  NodeIndex branch3 = b.conv("branch3x3dbl_1", x, 64, kOne);
  branch3 = b.conv("branch3x3dbl_2", branch3, 96, kThree);
  branch3 = b.conv("branch3x3dbl_3", branch3, 96, kThree);
  return b.concat("concat", {branch1, branch5, branch3, b.average_branch(x, pooled)});
}

NodeIndex block_b(GraphBuilder& g, const std::string& name, NodeIndex x) {
  Inception b(g, name + ".");
  const NodeIndex branch3 = b.conv("branch3x3", x, 384, kThreeHalving);
  NodeIndex doubled = b.conv("branch3x3dbl_1", x, 64, kOne);
  doubled = b.conv("branch3x3dbl_2", doubled, 96, kThree);
  doubled = b.conv("branch3x3dbl_3", doubled, 96, kThreeHalving);
  return b.concat("concat", {branch3, doubled, b.halve(x)});
}

NodeIndex block_c(GraphBuilder& g, const std::string& name, NodeIndex x, std::int64_t inner) {
  Inception b(g, name + ".");
  const NodeIndex branch1 = b.conv("branch1x1", x, 192, kOne);
  NodeIndex branch7 = b.conv("branch7x7_1", x, inner, kOne);
  branch7 = b.conv("branch7x7_2", branch7, inner, kRow7);
  branch7 = b.conv("branch7x7_3", branch7, 192, kColumn7);
  NodeIndex doubled = b.conv("branch7x7dbl_1", x, inner, kOne);
  doubled = b.conv("branch7x7dbl_2", doubled, inner, kColumn7);
  doubled = b.conv("branch7x7dbl_3", doubled, inner, kRow7);
  doubled = b.conv("branch7x7dbl_4", doubled, inner, kColumn7);
  doubled = b.conv("branch7x7dbl_5", doubled, 192, kRow7);
  return b.concat("concat", {branch1, branch7, doubled, b.average_branch(x, 192)});
}

NodeIndex block_d(GraphBuilder& g, const std::string& name, NodeIndex x) {
  Inception b(g, name + ".");
  NodeIndex branch3 = b.conv("branch3x3_1", x, 192, kOne);
  branch3 = b.conv("branch3x3_2", branch3, 320, kThreeHalving);
  NodeIndex branch7 = b.conv("branch7x7x3_1", x, 192, kOne);
  branch7 = b.conv("branch7x7x3_2", branch7, 192, kRow7);
  branch7 = b.conv("branch7x7x3_3", branch7, 192, kColumn7);
  branch7 = b.conv("branch7x7x3_4", branch7, 192, kThreeHalving);
  return b.concat("concat", {branch3, branch7, b.halve(x)});
}

NodeIndex block_e(GraphBuilder& g, const std::string& name, NodeIndex x) {
  Inception b(g, name + ".");
  const NodeIndex branch1 = b.conv("branch1x1", x, 320, kOne);
  const NodeIndex narrow = b.conv("branch3x3_1", x, 384, kOne);
  const NodeIndex row = b.conv("branch3x3_2a", narrow, 384, kRow3);
  const NodeIndex column = b.conv("branch3x3_2b", narrow, 384, kColumn3);
  const NodeIndex branch3 = b.concat("branch3x3.concat", {row, column});
  NodeIndex doubled = b.conv("branch3x3dbl_1", x, 448, kOne);
  doubled = b.conv("branch3x3dbl_2", doubled, 384, kThree);
  const NodeIndex doubled_row = b.conv("branch3x3dbl_3a", doubled, 384, kRow3);
  const NodeIndex doubled_column = b.conv("branch3x3dbl_3b", doubled, 384, kColumn3);
  doubled = b.concat("branch3x3dbl.concat", {doubled_row, doubled_column});
  return b.concat("concat", {branch1, branch3, doubled, b.average_branch(x, 192)});
}

NodeIndex stem(GraphBuilder& g, NodeIndex x) {
  Inception b(g, "");
  constexpr Window kThreeInside{3, 3};
  x = b.conv("Conv2d_1a_3x3", x, 32, kThreeHalving);
  x = b.conv("Conv2d_2a_3x3", x, 32, kThreeInside);
  x = b.conv("Conv2d_2b_3x3", x, 64, kThree);
  x = g.max_pool("maxpool1", x, {.kernel = {3, 3}, .stride = {2, 2}});
  x = b.conv("Conv2d_3b_1x1", x, 80, kOne);
  x = b.conv("Conv2d_4a_3x3", x, 192, kThreeInside);
  return g.max_pool("maxpool2", x, {.kernel = {3, 3}, .stride = {2, 2}});
}

}  // namespace

Graph inception_v3(const ZooRequest& request) {
  GraphBuilder g(std::string(request.name), request.input);
  NodeIndex x = stem(g, g.input());
  x = block_a(g, "Mixed_5b", x, 32);
  x = block_a(g, "Mixed_5c", x, 64);
  x = block_a(g, "Mixed_5d", x, 64);
  x = block_b(g, "Mixed_6a", x);
  x = block_c(g, "Mixed_6b", x, 128);
  x = block_c(g, "Mixed_6c", x, 160);
  x = block_c(g, "Mixed_6d", x, 160);
  x = block_c(g, "Mixed_6e", x, 192);
  x = block_d(g, "Mixed_7a", x);
  x = block_e(g, "Mixed_7b", x);
  x = block_e(g, "Mixed_7c", x);
  x = g.unary(Op::global_avg_pool, "avgpool", x);
  x = g.unary(Op::dropout, "dropout", x);
  x = g.linear("fc", g.flatten("flatten", x), request.classes);
  return std::move(g).finish(x);
}

}  // namespace wbs::networks::zoo
