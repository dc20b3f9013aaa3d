// Which nodes run together as one step, and which of them work on planes.
#pragma once

#include <optional>
#include <vector>

#include "networks/graph.hpp"

namespace wbs::runtime {

/// How a node's result lies in memory.
enum class Form { dense, images, rows };

/// Nodes that run as one step: a head (conv, linear, add or batch norm), possibly an addition,
/// possibly a relu or clip. A single node is a group too.
struct Group {
  networks::NodeIndex head = 0;
  std::optional<networks::NodeIndex> addition;  ///< fused behind a conv or linear head
  std::optional<networks::NodeIndex> residual;  ///< the addition's other operand
  std::optional<networks::NodeIndex> clip;
  networks::NodeIndex last = 0;  ///< the node whose result the step writes, and its place in order
};

/// What fuse() found out about a graph.
struct Fusion {
  std::vector<Form> forms;    ///< of every node's result
  std::vector<Group> groups;  ///< in execution order; the input and constants are in none
};

/// The groups of `graph`, whose shapes are inferred and which has no identities. Planes are used
/// for convolutions, linear layers and whatever reads only planes and can work on them.
[[nodiscard]] Fusion fuse(const networks::Graph& graph);

/// Whether the addition `node` of planes has two operands of the result's shape.
[[nodiscard]] bool adds_equal_shapes(const networks::Graph& graph, const networks::Node& node);

}  // namespace wbs::runtime
