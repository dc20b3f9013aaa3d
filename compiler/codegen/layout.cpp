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

void place_parts(const Int8Network& network, std::size_t concat, Layout& layout) {
  const Int8Op& op = network.operations[concat];
  std::int64_t block = layout.places[concat].block;
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    const Int8Op& part = network.operations[op.inputs[i]];
    Place& place = layout.places[op.inputs[i]];
    const bool last = i + 1 == op.inputs.size();
    if (part.output.channels % 8 != 0 && !last) {
      throw Error(
          ErrorKind::unsupported,
          fmt::format("node '{}': part '{}' of the concatenation has {} channels, expected a "
                      "multiple of 8",
                      op.name, part.name, part.output.channels));
    }
    if (part.kind == Int8Op::Kind::input || place.storage != kNone) {
      throw Error(ErrorKind::unsupported,
                  fmt::format("node '{}': '{}' is {}, which would need a copy", op.name, part.name,
                              part.kind == Int8Op::Kind::input ? "the network's input"
                                                               : "part of two concatenations"));
    }
    place = {layout.places[concat].storage, block};
    block += blocks_of(part.output.channels);
  }
}

/// Operations that add tensors of their result's shape, element by element.
bool adds(const Int8Op& op) {
  return op.kind == Int8Op::Kind::add || (op.kind == Int8Op::Kind::conv && op.inputs.size() > 1);
}

/// The operand of a sum that nobody reads afterwards, if there is one: the sum may overwrite it.
std::size_t operand_to_overwrite(const Int8Network& network, std::size_t sum,
                                 const Layout& layout) {
  const Int8Op& op = network.operations[sum];
  for (const std::size_t operand : op.inputs) {
    if (op.kind == Int8Op::Kind::conv && operand == op.inputs.front()) continue;
    bool last_use = operand != network.output && layout.places[operand].storage == kNone &&
                    network.operations[operand].kind != Int8Op::Kind::input &&
                    network.operations[operand].kind != Int8Op::Kind::concat;
    for (std::size_t user = 0; user < network.operations.size(); ++user) {
      const auto& inputs = network.operations[user].inputs;
      const auto uses = std::count(inputs.begin(), inputs.end(), operand);
      last_use = last_use && (user == sum ? uses == 1 : user < sum || uses == 0);
      last_use = last_use && (uses == 0 || network.operations[user].kind != Int8Op::Kind::concat);
    }
    if (last_use) return operand;
  }
  return kNone;
}

}  // namespace

Layout lay_out(const Int8Network& network) {
  Layout layout;
  layout.places.assign(network.operations.size(), {kNone, 0});
  // Backwards, so that a concatenation inside another knows its place before its parts do.
  for (std::size_t i = network.operations.size(); i-- > 0;) {
    const Int8Op& op = network.operations[i];
    if (layout.places[i].storage == kNone) {
      layout.places[i] = {layout.storages.size(), 0};
      layout.storages.push_back(
          {op.result, blocks_of(op.output.channels), op.output.rows, op.output.columns});
    }
    if (op.kind == Int8Op::Kind::concat) place_parts(network, i, layout);
    if (adds(op)) {
      const std::size_t operand = operand_to_overwrite(network, i, layout);
      if (operand != kNone) layout.places[operand] = layout.places[i];
    }
  }
  return layout;
}

}  // namespace wbs::compiler
