#include "compiler/codegen/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/error.hpp"

namespace wbs::compiler {
namespace {

using networks::Int8Network;
using networks::Int8Op;

constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

/// A view of another result's rows.
bool is_view(const Int8Op& op) {
  return op.kind == Int8Op::Kind::slice;
}

/// Made of other results, which are written in place.
bool has_parts(const Int8Op& op) {
  return op.kind == Int8Op::Kind::concat || op.kind == Int8Op::Kind::stack;
}

void place_parts(const Int8Network& network, std::size_t concat, Layout& layout) {
  const Int8Op& op = network.operations[concat];
  const bool stack = op.kind == Int8Op::Kind::stack;
  Place next = layout.places[concat];
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    const Int8Op& part = network.operations[op.inputs[i]];
    Place& place = layout.places[op.inputs[i]];
    const bool last = i + 1 == op.inputs.size();
    if (part.output.channels % 8 != 0 && !last && !stack) {
      throw Error(
          ErrorKind::unsupported,
          fmt::format("node '{}': part '{}' of the concatenation has {} channels, expected a "
                      "multiple of 8",
                      op.name, part.name, part.output.channels));
    }
    if (part.kind == Int8Op::Kind::input || is_view(part) || place.storage != kNone) {
      throw Error(ErrorKind::unsupported,
                  fmt::format("node '{}': '{}' is {}, which would need a copy", op.name, part.name,
                              part.kind == Int8Op::Kind::input ? "the network's input"
                              : is_view(part)                  ? "a slice"
                                                               : "part of two concatenations"));
    }
    place = next;
    if (stack) {
      next.row += part.output.rows;
    } else {
      next.block += blocks_of(part.output.channels);
    }
  }
}

/// Operations that add tensors of their result's shape, element by element.
bool adds(const Int8Op& op) {
  return op.kind == Int8Op::Kind::add || (op.kind == Int8Op::Kind::conv && op.inputs.size() > 1);
}

/// The operand of a sum that nobody reads afterwards, if there is one: the sum may overwrite it.
std::size_t operand_to_overwrite(const Int8Network& network, std::size_t sum,
                                 const Layout& layout) {
  const Int8Op& result = network.operations[sum];
  // A tile of a stack lies in external memory, its operands had better not.
  if (layout.storages[layout.places[sum].storage].rows != result.output.rows) return kNone;
  for (const std::size_t operand : result.inputs) {
    if (result.kind == Int8Op::Kind::conv && operand == result.inputs.front()) continue;
    const Int8Op& op = network.operations[operand];
    bool last_use = operand != network.output && layout.places[operand].storage == kNone &&
                    op.kind != Int8Op::Kind::input && !is_view(op) && !has_parts(op);
    for (std::size_t user = 0; user < network.operations.size(); ++user) {
      const auto& inputs = network.operations[user].inputs;
      const auto uses = std::count(inputs.begin(), inputs.end(), operand);
      last_use = last_use && (user == sum ? uses == 1 : user < sum || uses == 0);
      const Int8Op& by = network.operations[user];
      last_use = last_use && (uses == 0 || (!is_view(by) && !has_parts(by)));
    }
    if (last_use) return operand;
  }
  return kNone;
}

}  // namespace

Layout lay_out(const Int8Network& network) {
  Layout layout;
  layout.places.assign(network.operations.size(), {kNone, 0, 0});
  // Backwards, so that a concatenation inside another knows its place before its parts do.
  for (std::size_t i = network.operations.size(); i-- > 0;) {
    const Int8Op& op = network.operations[i];
    if (is_view(op)) continue;
    if (layout.places[i].storage == kNone) {
      layout.places[i] = {layout.storages.size(), 0, 0};
      layout.storages.push_back(
          {op.result, blocks_of(op.output.channels), op.output.rows, op.output.columns});
    }
    if (has_parts(op)) place_parts(network, i, layout);
    if (adds(op)) {
      const std::size_t operand = operand_to_overwrite(network, i, layout);
      if (operand != kNone) layout.places[operand] = layout.places[i];
    }
  }
  for (std::size_t i = 0; i < network.operations.size(); ++i) {
    const Int8Op& op = network.operations[i];
    if (!is_view(op)) continue;
    layout.places[i] = layout.places[op.inputs.front()];
    layout.places[i].row += op.first_row;
  }
  return layout;
}

}  // namespace wbs::compiler
