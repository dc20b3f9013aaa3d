#include "sparsity/operands.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "sparsity/plane.hpp"

namespace wbs::sparsity {
namespace {

/// Share of operands along one axis that meet 1, 2, ... 8 blocks of `size` channels.
std::array<double, kOperandSide + 1> blocks_met(std::int64_t size) {
  std::array<double, kOperandSide + 1> share{};
  const std::int64_t positions = std::lcm(size, kOperandSide) / kOperandSide;
  for (std::int64_t i = 0; i < positions; ++i) {
    const std::int64_t first = i * kOperandSide;
    const std::int64_t met = (first + kOperandSide - 1) / size - first / size + 1;
    share[static_cast<std::size_t>(met)] += 1.0 / static_cast<double>(positions);
  }
  return share;
}

double touched_by_blocks(const BlockPattern& block) {
  const auto row_share = blocks_met(block.rows);
  const auto col_share = blocks_met(block.cols);
  double untouched = 0.0;
  for (std::size_t row = 1; row < row_share.size(); ++row) {
    for (std::size_t col = 1; col < col_share.size(); ++col) {
      untouched +=
          row_share[row] * col_share[col] * std::pow(block.ratio, static_cast<double>(row * col));
    }
  }
  return 1.0 - untouched;
}

/// Probability that `seen` of a group's channels hold none of its kept weights.
double misses(const NmPattern& nm, std::int64_t seen) {
  double probability = 1.0;
  for (std::int64_t k = 0; k < nm.kept; ++k) {
    probability *= static_cast<double>(std::max<std::int64_t>(0, nm.group - seen - k)) /
                   static_cast<double>(nm.group - k);
  }
  return probability;
}

double touched_by_groups(const NmPattern& nm) {
  const std::int64_t positions = std::lcm(nm.group, kOperandSide) / kOperandSide;
  double untouched = 0.0;
  for (std::int64_t i = 0; i < positions; ++i) {
    double line = 1.0;  // along the axis, at one channel of the other
    std::int64_t at = i * kOperandSide;
    const std::int64_t end = at + kOperandSide;
    while (at < end) {
      const std::int64_t next = std::min(end, (at / nm.group + 1) * nm.group);
      line *= misses(nm, next - at);
      at = next;
    }
    untouched += std::pow(line, static_cast<double>(kOperandSide)) / static_cast<double>(positions);
  }
  return 1.0 - untouched;
}

/// Counts the operands of one row of operands (8 output channels from `first_out`).
void count_row(const Tensor& weights, const Plane& plane, std::int64_t first_out,
               OperandCount& count) {
  const std::int64_t last_out = std::min(plane.cout, first_out + kOperandSide);
  const std::int64_t row_size = plane.cin * plane.taps;
  for (std::int64_t first_in = 0; first_in < plane.cin; first_in += kOperandSide) {
    const std::int64_t last_in = std::min(plane.cin, first_in + kOperandSide);
    for (std::int64_t tap = 0; tap < plane.taps; ++tap) {
      std::int64_t inside = 0;
      for (std::int64_t out = first_out; out < last_out; ++out) {
        const float* row = weights.values.data() + out * row_size + tap;
        for (std::int64_t in = first_in; in < last_in; in += kSparseMacGroup) {
          std::int64_t in_group = 0;
          for (std::int64_t k = in; k < std::min(last_in, in + kSparseMacGroup); ++k) {
            in_group += row[k * plane.taps] != 0.0F ? 1 : 0;
          }
          if (in_group > kSparseMacKept) count.runs_sparse_mac = false;
          inside += in_group;
        }
      }
      count.kept_weights += inside;
      ++count.operands;
      count.touched += inside > 0 ? 1 : 0;
    }
  }
}

}  // namespace

OperandCount count_operands(const Tensor& weights) {
  const Plane plane = plane_of(weights.shape);
  OperandCount count;
  count.weights = plane.elements();
  count.runs_sparse_mac = plane.cin >= kSparseMacGroup;
  for (std::int64_t out = 0; out < plane.cout; out += kOperandSide) {
    count_row(weights, plane, out, count);
  }
  return count;
}

double nominal_touched_share(const Pattern& pattern) {
  if (const auto* block = std::get_if<BlockPattern>(&pattern)) return touched_by_blocks(*block);
  if (const auto* nm = std::get_if<NmPattern>(&pattern)) return touched_by_groups(*nm);
  if (const auto* single = std::get_if<UnstructuredPattern>(&pattern)) {
    return 1.0 - std::pow(single->ratio, static_cast<double>(kOperandSide * kOperandSide));
  }
  if (const auto* channel = std::get_if<ChannelPattern>(&pattern)) {
    return 1.0 - std::pow(channel->ratio, static_cast<double>(kOperandSide));
  }
  return 1.0;
}

bool guarantees_sparse_mac(const Pattern& pattern) noexcept {
  const auto* nm = std::get_if<NmPattern>(&pattern);
  if (nm == nullptr || nm->axis != Axis::in) return false;
  const std::int64_t positions = std::lcm(nm->group, kSparseMacGroup) / kSparseMacGroup;
  for (std::int64_t i = 0; i < positions; ++i) {
    std::int64_t kept = 0;
    std::int64_t at = i * kSparseMacGroup;
    const std::int64_t end = at + kSparseMacGroup;
    while (at < end) {
      const std::int64_t next = std::min(end, (at / nm->group + 1) * nm->group);
      kept += std::min(nm->kept, next - at);
      at = next;
    }
    if (kept > kSparseMacKept) return false;
  }
  return true;
}

}  // namespace wbs::sparsity
