// The text form of a network: one line per node, made to be read, compared and edited.
#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"
#include "networks/graph.hpp"

namespace wbs::networks {

/// The graph as text, which parse_graph() reads back to the same graph:
///
///     network tiny
///     input = input() shape=1,3,8,8 -> 1x3x8x8
///     conv1 = conv(input) kernel=3x3 padding=1,1,1,1 weight:4x3x3x3 -> 1x4x8x8
///     output conv1
///
/// After the inputs come the attributes that differ from Attributes{}, then the weight shapes by
/// role, then the output's shape when shapes are inferred. Extents are joined by 'x', other lists
/// by ','; padding is top,left,bottom,right. Names with other characters than letters, digits and
/// "_./:+-@$" are in double quotes, with \" \\ and \xNN inside.
[[nodiscard]] std::string print_graph(const Graph& graph);

/// The graph of that text, checked and with its shapes inferred, or "line N: what is wrong and what
/// was expected". The shape behind "->" may be left out; where it is given it must be the inferred
/// one. Empty lines and lines that begin with '#' are skipped.
[[nodiscard]] Result<Graph> parse_graph(std::string_view text);

}  // namespace wbs::networks
