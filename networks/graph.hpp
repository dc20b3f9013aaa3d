// The graph IR: a network is defined once, as a list of nodes in execution order, and trained,
// interpreted, compiled and measured from it. Weights travel by node name.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.hpp"

namespace wbs::networks {

enum class Op {
  input,       ///< `shape`: the image's shape, batch first
  conv,        ///< weights "weight" [cout][cin/groups][kh][kw], optional "bias" [cout]
  linear,      ///< x W^T + b on the last dimension: "weight" [out][in], optional "bias" [out]
  batch_norm,  ///< "scale", "bias", "mean", "variance", each [c]; `epsilon`
  relu,
  clip,  ///< to [minimum, maximum]; ReLU6 is clip(0, 6)
  sigmoid,
  erf,
  sqrt,
  exp,
  tanh,
  max_pool,
  avg_pool,         ///< `count_include_pad` says whether padding counts in the divisor
  global_avg_pool,  ///< [n][c][h][w] -> [n][c][1][1]
  add,              ///< elementwise, broadcast as in numpy; a constant operand is a `constant` node
  sub,
  mul,
  div,
  pow,
  matmul,       ///< batched, numpy rules
  concat,       ///< along `axis`
  flatten,      ///< [product before `axis`][product from `axis` on]; axis 1 keeps the batch
  reshape,      ///< to `shape` (0 keeps the input's extent, -1 is inferred)
  transpose,    ///< by `permutation`
  softmax,      ///< along `axis`
  reduce_mean,  ///< over `axes`, `keep_dims`
  pad,          ///< constant 0 by `pads`: begins of all axes, then ends
  slice,  ///< along `axis`: [begin, end) with `step` > 0; an end past the extent means the extent
  layer_norm,  ///< over the last dimension; "scale", "bias"; `epsilon`
  gelu,        ///< exact (erf) form
  constant,    ///< "value" when it has that weight shape, else the scalar `value`
  identity,
  dropout,  ///< identity at inference
};

/// Zero rows and columns added around an image.
struct Padding {
  std::int64_t top = 0, left = 0, bottom = 0, right = 0;
  bool operator==(const Padding&) const = default;
};

/// Everything that an operator needs besides tensors; each uses the members its comment in Op
/// names. Axes count from 0; negative ones are not used here (importers resolve them).
struct Attributes {
  std::array<std::int64_t, 2> kernel{1, 1};  ///< kh, kw
  std::array<std::int64_t, 2> stride{1, 1};
  std::array<std::int64_t, 2> dilation{1, 1};
  Padding padding;
  std::int64_t groups = 1;
  bool ceil_mode = false;
  bool count_include_pad = false;
  double epsilon = 1e-5;
  double minimum = 0.0, maximum = 0.0;  ///< clip
  std::int64_t axis = 1;
  std::vector<std::int64_t> axes;  ///< reduce_mean
  bool keep_dims = true;
  std::vector<std::int64_t> shape;            ///< input, reshape
  std::vector<std::int64_t> permutation;      ///< transpose
  std::vector<std::int64_t> pads;             ///< pad
  std::int64_t begin = 0, end = 0, step = 1;  ///< slice
  double value = 0.0;                         ///< constant without a "value" tensor
  bool learned = false;  ///< constant: a parameter of the network (class token, position embedding)
  bool operator==(const Attributes&) const = default;
};

using NodeIndex = std::size_t;

/// One operator with one output. Inputs are earlier nodes.
struct Node {
  std::string name;  ///< unique in the graph; stable across import, training and compilation
  Op op = Op::identity;
  std::vector<NodeIndex> inputs;
  Attributes attributes;
  std::map<std::string, Shape> weight_shapes;  ///< by role: "weight", "bias", "scale", ...
  Shape output_shape;                          ///< batch included; filled by infer_shapes()
};

/// A network without its weight values.
struct Graph {
  std::string name;
  std::vector<Node> nodes;  ///< topological order; nodes[0] is the input
  NodeIndex output = 0;
};

/// Weight values by "node name/role", for example "layer1.0.conv1/weight".
using Weights = std::map<std::string, Tensor>;

/// "node name/role": the key of a weight tensor.
[[nodiscard]] std::string weight_key(const Node& node, std::string_view role);

/// The operator's word in text forms and messages ("conv", "batch_norm"), and back.
[[nodiscard]] std::string_view op_name(Op op) noexcept;
[[nodiscard]] std::optional<Op> op_from_name(std::string_view name) noexcept;

/// The node of that name, or nothing. Linear in the number of nodes.
[[nodiscard]] std::optional<NodeIndex> find_node(const Graph& graph, std::string_view name);

/// For each node the nodes that read it, in order; a node that reads it twice is there twice.
[[nodiscard]] std::vector<std::vector<NodeIndex>> consumers(const Graph& graph);

/// Throws Error(input) unless nodes[0] is the only input, names are unique and not empty, inputs
/// are earlier nodes and `output` exists.
void check_structure(const Graph& graph);

/// Throws Error(input) naming the first weight tensor of the graph that `weights` lacks or has in
/// another shape. Tensors that no node uses are allowed.
void check_weights(const Graph& graph, const Weights& weights);

}  // namespace wbs::networks
