// Builds graphs node by node, with every shape known as soon as the node exists.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "networks/graph.hpp"

namespace wbs::networks {

/// The same padding on all four sides.
[[nodiscard]] constexpr Padding same_padding(std::int64_t size) {
  return {size, size, size, size};
}

struct ConvOptions {
  std::int64_t channels = 1;  ///< output channels
  std::array<std::int64_t, 2> kernel{1, 1};
  std::array<std::int64_t, 2> stride{1, 1};
  Padding padding{};
  std::int64_t groups = 1;
  std::array<std::int64_t, 2> dilation{1, 1};
  bool bias = false;
};

struct PoolOptions {
  std::array<std::int64_t, 2> kernel{1, 1};
  std::array<std::int64_t, 2> stride{1, 1};
  Padding padding{};
  bool ceil_mode = false;
  bool count_include_pad = false;
};

struct SliceOptions {
  std::int64_t axis = 0;
  std::int64_t begin = 0;
  std::int64_t end = std::numeric_limits<std::int64_t>::max();
  std::int64_t step = 1;
};

/// A graph under construction. Every method appends one node, infers its shape and returns its
/// index; no weight values exist. All of them throw Error(input) when the name is taken or the
/// operator does not accept its inputs, and the graph is then as before the call.
class GraphBuilder {
 public:
  /// `input` is the image's shape, batch first.
  GraphBuilder(std::string graph_name, const Shape& input, std::string input_name = "input");

  [[nodiscard]] NodeIndex input() const noexcept { return 0; }
  [[nodiscard]] const Shape& shape(NodeIndex node) const {
    return graph_.nodes.at(node).output_shape;
  }
  [[nodiscard]] const Graph& graph() const noexcept { return graph_; }

  /// `wanted` if no node has that name, else `wanted` with the first free "_1", "_2", ...
  [[nodiscard]] std::string unique_name(std::string_view wanted) const;

  NodeIndex add(Node node);

  NodeIndex conv(std::string name, NodeIndex x, const ConvOptions& options);
  NodeIndex linear(std::string name, NodeIndex x, std::int64_t features, bool bias = true);
  NodeIndex batch_norm(std::string name, NodeIndex x, double epsilon = 1e-5);
  NodeIndex layer_norm(std::string name, NodeIndex x, double epsilon = 1e-5);
  NodeIndex max_pool(std::string name, NodeIndex x, const PoolOptions& options);
  NodeIndex avg_pool(std::string name, NodeIndex x, const PoolOptions& options);

  /// An operator of one input that needs no attributes: relu, gelu, identity, global_avg_pool, ...
  NodeIndex unary(Op op, std::string name, NodeIndex x);
  /// add, sub, mul, div, pow or matmul.
  NodeIndex binary(Op op, std::string name, NodeIndex left, NodeIndex right);

  NodeIndex relu(std::string name, NodeIndex x) { return unary(Op::relu, std::move(name), x); }
  NodeIndex clip(std::string name, NodeIndex x, double minimum, double maximum);
  NodeIndex concat(std::string name, std::vector<NodeIndex> parts, std::int64_t axis = 1);
  NodeIndex flatten(std::string name, NodeIndex x, std::int64_t axis = 1);
  NodeIndex reshape(std::string name, NodeIndex x, std::vector<std::int64_t> shape);
  NodeIndex transpose(std::string name, NodeIndex x, std::vector<std::int64_t> permutation);
  NodeIndex softmax(std::string name, NodeIndex x, std::int64_t axis);
  NodeIndex reduce_mean(std::string name, NodeIndex x, std::vector<std::int64_t> axes,
                        bool keep_dims = true);
  NodeIndex pad(std::string name, NodeIndex x, std::vector<std::int64_t> pads);
  NodeIndex slice(std::string name, NodeIndex x, const SliceOptions& options);

  /// A scalar that belongs to the network's definition.
  NodeIndex constant(std::string name, double value);
  /// A tensor that comes with the weights as "name/value"; `learned` ones count as parameters.
  NodeIndex constant_tensor(std::string name, const Shape& shape, bool learned);

  /// The finished graph, whose result is `output`. The builder is empty afterwards.
  [[nodiscard]] Graph finish(NodeIndex output) &&;

 private:
  Graph graph_;
  std::set<std::string, std::less<>> names_;
};

}  // namespace wbs::networks
