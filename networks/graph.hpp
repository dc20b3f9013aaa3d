// The graph IR: a network is defined once, as a list of nodes in execution order, and trained,
// interpreted, compiled and measured from it. Weights travel by node name.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/tensor.hpp"

namespace wbs::networks {

enum class Op {
  input,
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
  flatten,      ///< [n][...] -> [n][product]
  reshape,      ///< to `shape` (0 keeps the input's extent, -1 is inferred)
  transpose,    ///< by `permutation`
  softmax,      ///< along `axis`
  reduce_mean,  ///< over `axes`, `keep_dims`
  pad,          ///< constant 0 by `pads`: begins of all axes, then ends
  slice,        ///< along `axis`: [begin, end) with `step`
  layer_norm,   ///< over the last dimension; "scale", "bias"; `epsilon`
  gelu,         ///< exact (erf) form
  constant,     ///< "value"
  identity,
  dropout,  ///< identity at inference
};

/// Zero rows and columns added around an image.
struct Padding {
  std::int64_t top = 0, left = 0, bottom = 0, right = 0;
  bool operator==(const Padding&) const = default;
};

/// Everything that an operator needs besides tensors; each uses the members its comment in Op
/// names.
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
  std::vector<std::int64_t> shape;            ///< reshape
  std::vector<std::int64_t> permutation;      ///< transpose
  std::vector<std::int64_t> pads;             ///< pad
  std::int64_t begin = 0, end = 0, step = 1;  ///< slice
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

}  // namespace wbs::networks
