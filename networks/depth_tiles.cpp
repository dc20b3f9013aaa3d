#include "networks/depth_tiles.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/error.hpp"

namespace wbs::networks {
namespace {

bool in_cut(const DepthCut& cut, std::size_t operation) {
  return cut.first <= operation && operation <= cut.last;
}

/// Sums read their operands row by row, as second operands of any operation are read.
RowWindow window_of(const Int8Op& op, std::size_t input) {
  if (input > 0 || op.kind == Int8Op::Kind::add || op.kind == Int8Op::Kind::concat) return {};
  return {op.window[0], op.stride[0], op.padding.top};
}

/// Why a concatenation in the cut cannot be made of the tiles of its parts.
std::string why_not_concat(const Int8Network& network, const DepthCut& cut, std::size_t concat) {
  const Int8Op& op = network.operations[concat];
  for (const std::size_t part : op.inputs) {
    if (!in_cut(cut, part)) {
      return fmt::format("'{}' joins '{}' from outside of the tiled operations", op.name,
                         network.operations[part].name);
    }
    for (std::size_t user = cut.first; user <= cut.last; ++user) {
      const auto& inputs = network.operations[user].inputs;
      if (user == concat || std::find(inputs.begin(), inputs.end(), part) == inputs.end()) continue;
      return fmt::format("'{}', a part of '{}', is read by '{}' too", network.operations[part].name,
                         op.name, network.operations[user].name);
    }
  }
  return "";
}

/// Why other operations prevent the cut: only its last one may be read outside, all others inside.
std::string why_not_alone(const Int8Network& network, const DepthCut& cut) {
  std::vector<bool> read(network.operations.size(), false);
  for (std::size_t user = cut.first; user < network.operations.size(); ++user) {
    for (const std::size_t input : network.operations[user].inputs) {
      if (!in_cut(cut, input) || input == cut.last) continue;
      read[input] = true;
      if (in_cut(cut, user)) continue;
      return fmt::format("'{}' is read outside of the tiled operations, by '{}'",
                         network.operations[input].name, network.operations[user].name);
    }
  }
  for (std::size_t i = cut.first; i < cut.last; ++i) {
    if (!read[i]) return fmt::format("nobody reads '{}'", network.operations[i].name);
  }
  return "";
}

/// Makes the tiled network, operation after operation.
class Tiler {
 public:
  explicit Tiler(const Int8Network& network) : network_(network) {
    result_.name = network.name;
    new_index_.resize(network.operations.size());
  }

  void copy(std::size_t index) {
    Int8Op op = network_.operations[index];
    for (std::size_t& input : op.inputs) input = new_index_[input];
    new_index_[index] = add(std::move(op));
  }

  void tile(const DepthCut& cut) {
    const Int8Op& last = network_.operations[cut.last];
    Int8Op stack = last;
    stack.kind = Int8Op::Kind::stack;
    stack.weights.clear();
    stack.bias.clear();
    stack.shift.clear();
    stack.second_shift.clear();
    stack.inputs.clear();
    stack.window = stack.stride = {1, 1};
    stack.padding = {};
    stack.macs = 0;
    for (std::int64_t t = 0; t < cut.tiles; ++t) {
      spans_ = project(network_, cut, tile_rows(last.output.rows, cut.tiles, t));
      tiles_.clear();
      for (std::size_t i = cut.first; i <= cut.last; ++i) tiles_[i] = tile_of(cut, i, t);
      stack.inputs.push_back(tiles_[cut.last]);
    }
    new_index_[cut.last] = add(std::move(stack));
  }

  Int8Network finish() {
    result_.output = new_index_[network_.output];
    return std::move(result_);
  }

 private:
  std::size_t add(Int8Op op) {
    result_.operations.push_back(std::move(op));
    return result_.operations.size() - 1;
  }

  /// Operation `index` for tile `t`, after slices of its inputs where it needs them.
  std::size_t tile_of(const DepthCut& cut, std::size_t index, std::int64_t t) {
    Int8Op op = network_.operations[index];
    const RowSpan rows = spans_[index - cut.first];
    const std::int64_t whole = op.output.rows;
    const std::string suffix = fmt::format("#{}", t);
    for (std::size_t i = 0; i < op.inputs.size(); ++i) {
      const std::size_t input = network_.operations[index].inputs[i];
      const ClippedRows needed = input_rows(network_, network_.operations[index], i, rows);
      if (i == 0 && op.kind != Int8Op::Kind::add && op.kind != Int8Op::Kind::concat) {
        op.padding.top = needed.above;
        op.padding.bottom = needed.below;
      }
      const bool inside = in_cut(cut, input);
      const RowSpan stored =
          inside ? spans_[input - cut.first] : RowSpan{0, network_.operations[input].output.rows};
      op.inputs[i] = inside ? tiles_[input] : new_index_[input];
      if (stored != needed.inside) {
        op.inputs[i] = slice(op.inputs[i],
                             {needed.inside.begin - stored.begin, needed.inside.end - stored.begin},
                             fmt::format("{}{}.rows{}", op.name, suffix, i));
      }
    }
    op.name += suffix;
    op.result += suffix;
    op.output.rows = rows.rows();
    op.macs = op.macs / whole * rows.rows();
    return add(std::move(op));
  }

  std::size_t slice(std::size_t input, const RowSpan& rows, const std::string& name) {
    const Int8Op& whole = result_.operations[input];
    Int8Op op;
    op.kind = Int8Op::Kind::slice;
    op.name = op.result = name;
    op.inputs = {input};
    op.first_row = rows.begin;
    op.minimum = whole.minimum;
    op.maximum = whole.maximum;
    op.output = whole.output;
    op.output.rows = rows.rows();
    return add(std::move(op));
  }

  const Int8Network& network_;
  Int8Network result_;
  std::vector<std::size_t> new_index_;  ///< by operation of `network_`
  // Of the tile in work:
  std::vector<RowSpan> spans_;                ///< by operation of the cut
  std::map<std::size_t, std::size_t> tiles_;  ///< by operation of `network_`
};

}  // namespace

ClippedRows input_rows(const Int8Network& network, const Int8Op& op, std::size_t input,
                       const RowSpan& rows) {
  return clip(project(rows, window_of(op, input)),
              network.operations[op.inputs[input]].output.rows);
}

std::string why_not_cut(const Int8Network& network, const DepthCut& cut) {
  const std::size_t count = network.operations.size();
  if (cut.first < 1 || cut.first > cut.last || cut.last >= count || cut.tiles < 1) {
    return fmt::format("operations {} to {} of {} in {} tiles", cut.first, cut.last, count,
                       cut.tiles);
  }
  const Int8Op& last = network.operations[cut.last];
  if (cut.tiles > last.output.rows) {
    return fmt::format("'{}' has {} rows, fewer than {} tiles", last.name, last.output.rows,
                       cut.tiles);
  }
  for (std::size_t i = cut.first; i <= cut.last; ++i) {
    const Int8Op& op = network.operations[i];
    if (op.kind == Int8Op::Kind::slice || op.kind == Int8Op::Kind::stack) {
      return fmt::format("'{}' belongs to tiles already", op.name);
    }
    const std::int64_t rows = op.output.rows;
    if (input_rows(network, op, 0, {0, 1}).inside.empty() ||
        input_rows(network, op, 0, {rows - 1, rows}).inside.empty()) {
      return fmt::format("'{}' has windows of nothing but padding", op.name);
    }
    if (op.kind == Int8Op::Kind::concat) {
      std::string why = why_not_concat(network, cut, i);
      if (!why.empty()) return why;
    }
    if (i == network.output && i != cut.last) {
      return fmt::format("'{}' is the network's result", op.name);
    }
  }
  return why_not_alone(network, cut);
}

std::vector<RowSpan> project(const Int8Network& network, const DepthCut& cut,
                             const RowSpan& wanted) {
  std::vector<RowSpan> spans(cut.last - cut.first + 1);
  spans.back() = wanted;
  for (std::size_t i = cut.last + 1; i-- > cut.first;) {
    const Int8Op& op = network.operations[i];
    for (std::size_t k = 0; k < op.inputs.size(); ++k) {
      if (!in_cut(cut, op.inputs[k])) continue;
      RowSpan& span = spans[op.inputs[k] - cut.first];
      span = unite(span, input_rows(network, op, k, spans[i - cut.first]).inside);
    }
  }
  return spans;
}

Int8Network tile_by_depth(const Int8Network& network, std::span<const DepthCut> cuts) {
  Tiler tiler(network);
  std::size_t next = 0;
  for (const DepthCut& cut : cuts) {
    std::string why = why_not_cut(network, cut);
    if (why.empty() && cut.first < next) why = "cuts overlap";
    if (!why.empty()) {
      throw Error(ErrorKind::usage,
                  fmt::format("network '{}': no depth-wise tiles: {}", network.name, why));
    }
    for (; next < cut.first; ++next) tiler.copy(next);
    if (cut.tiles == 1) continue;
    tiler.tile(cut);
    next = cut.last + 1;
  }
  for (; next < network.operations.size(); ++next) tiler.copy(next);
  return tiler.finish();
}

std::string_view untiled_name(std::string_view name) noexcept {
  const std::size_t hash = name.rfind('#');
  if (hash == std::string_view::npos || hash + 1 == name.size()) return name;
  const bool digits = std::all_of(name.begin() + static_cast<std::ptrdiff_t>(hash) + 1, name.end(),
                                  [](char c) { return c >= '0' && c <= '9'; });
  return digits ? name.substr(0, hash) : name;
}

}  // namespace wbs::networks
