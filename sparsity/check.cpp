#include "sparsity/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "sparsity/mask.hpp"
#include "sparsity/prune.hpp"

namespace wbs::sparsity {
namespace {

constexpr std::array<std::pair<std::int64_t, std::int64_t>, 13> kBlocks{{{1, 1},
                                                                         {1, 8},
                                                                         {8, 1},
                                                                         {4, 4},
                                                                         {4, 8},
                                                                         {8, 4},
                                                                         {4, 16},
                                                                         {16, 4},
                                                                         {8, 8},
                                                                         {8, 16},
                                                                         {16, 8},
                                                                         {16, 16},
                                                                         {32, 32}}};
constexpr std::array<std::int64_t, 5> kGroups{2, 4, 8, 16, 32};

std::int64_t zero_count(const Tensor& weights) noexcept {
  return std::count(weights.values.begin(), weights.values.end(), 0.0F);
}

/// The group with the most non-zero weights among those of `group` channels along `axis`.
struct FullestGroup {
  std::int64_t nonzeros = 0;
  std::int64_t other = 0;  // channel on the other axis
  std::int64_t first = 0;  // first channel of the group
  std::int64_t last = 0;
  std::int64_t tap = 0;
};

/// The first group with more than `limit` non-zero weights, or the fullest one when none has.
FullestGroup fullest_group(const Tensor& weights, const Plane& plane, std::int64_t group, Axis axis,
                           std::int64_t limit) {
  const bool along_in = axis == Axis::in;
  const std::int64_t channels = along_in ? plane.cin : plane.cout;
  const std::int64_t others = along_in ? plane.cout : plane.cin;
  const std::int64_t step = along_in ? plane.taps : plane.cin * plane.taps;
  const std::int64_t other_step = along_in ? plane.cin * plane.taps : plane.taps;
  FullestGroup fullest;
  for (std::int64_t other = 0; other < others; ++other) {
    for (std::int64_t first = 0; first < channels; first += group) {
      const std::int64_t last = std::min(channels, first + group);
      for (std::int64_t tap = 0; tap < plane.taps; ++tap) {
        const float* value = weights.values.data() + other * other_step + first * step + tap;
        std::int64_t nonzeros = 0;
        for (std::int64_t c = first; c < last; ++c, value += step) nonzeros += *value != 0.0F;
        if (nonzeros > fullest.nonzeros) fullest = {nonzeros, other, first, last - 1, tap};
        if (nonzeros > limit) return fullest;
      }
    }
  }
  return fullest;
}

Result<void> satisfies_nm(const Tensor& weights, const NmPattern& nm) {
  const FullestGroup found =
      fullest_group(weights, plane_of(weights.shape), nm.group, nm.axis, nm.kept);
  if (found.nonzeros <= nm.kept) return {};
  const bool along_in = nm.axis == Axis::in;
  return refusal(fmt::format(
      "{} channel {}, {} channels {} to {}, tap {}: {} weights are not zero, "
      "nm:{}:{}/{} allows {}",
      along_in ? "output" : "input", found.other, along_in ? "input" : "output", found.first,
      found.last, found.tap, found.nonzeros, nm.kept, nm.group, to_string(nm.axis), nm.kept));
}

struct Suspect {
  std::int64_t row = 0;
  std::int64_t col = 0;
  std::int64_t zeros = -1;
};

/// The kept block with the most zeros (the first of equal ones): where a broken mask shows.
Suspect emptiest_kept_block(const Tensor& weights, const Mask& mask) {
  const Plane& plane = mask.plane();
  const Granularity block = mask.granularity();
  std::vector<std::int64_t> zeros(static_cast<std::size_t>(mask.cells()), 0);
  std::size_t index = 0;
  for (std::int64_t out = 0; out < plane.cout; ++out) {
    for (std::int64_t in = 0; in < plane.cin; ++in) {
      const std::int64_t cell = out / block.rows * mask.cell_cols() + in / block.cols;
      for (std::int64_t tap = 0; tap < plane.taps; ++tap) {
        zeros[static_cast<std::size_t>(cell)] += weights.values[index++] == 0.0F ? 1 : 0;
      }
    }
  }
  Suspect suspect;
  for (std::int64_t cell = 0; cell < mask.cells(); ++cell) {
    const std::int64_t count = zeros[static_cast<std::size_t>(cell)];
    if (!mask.kept(cell) || count <= suspect.zeros) continue;
    suspect = {cell / mask.cell_cols(), cell % mask.cell_cols(), count};
  }
  return suspect;
}

Result<void> satisfies_block(const Tensor& weights, const BlockPattern& block) {
  const Mask mask = mask_of_nonzeros(weights, {block.rows, block.cols});
  const std::int64_t most = mask.cells() - std::max(mask.cell_rows(), mask.cell_cols());
  const std::int64_t expected = std::min(cells_to_prune(block.ratio, mask.cells()), most);
  const std::int64_t zeros = mask.cells() - mask.kept_cells();
  if (zeros >= expected) return {};
  const Suspect suspect = emptiest_kept_block(weights, mask);
  return refusal(
      fmt::format("{} of {} blocks of {}x{} are zero, {} expected; the emptiest other "
                  "block, row {} column {}, has {} of {} weights zero",
                  zeros, mask.cells(), block.rows, block.cols, expected, suspect.row, suspect.col,
                  suspect.zeros, mask.cell_weights(suspect.row, suspect.col)));
}

Result<void> satisfies_count(std::int64_t zeros, std::int64_t count, std::int64_t expected,
                             std::string_view what) {
  if (zeros >= expected) return {};
  return refusal(fmt::format("{} of {} {} are zero, {} expected", zeros, count, what, expected));
}

}  // namespace

double zero_share(const Tensor& weights) noexcept {
  if (weights.values.empty()) return 0.0;
  return static_cast<double>(zero_count(weights)) / static_cast<double>(weights.values.size());
}

Result<void> satisfies(const Tensor& weights, const Pattern& pattern) {
  const Plane plane = plane_of(weights.shape);
  if (const auto* nm = std::get_if<NmPattern>(&pattern)) return satisfies_nm(weights, *nm);
  if (const auto* block = std::get_if<BlockPattern>(&pattern)) {
    return satisfies_block(weights, *block);
  }
  if (const auto* single = std::get_if<UnstructuredPattern>(&pattern)) {
    return satisfies_count(zero_count(weights), plane.elements(),
                           cells_to_prune(single->ratio, plane.elements()), "weights");
  }
  if (const auto* channel = std::get_if<ChannelPattern>(&pattern)) {
    const Mask mask = mask_of_nonzeros(weights, {1, plane.cin});
    return satisfies_count(plane.cout - mask.kept_cells(), plane.cout,
                           std::min(cells_to_prune(channel->ratio, plane.cout), plane.cout - 1),
                           "output channels");
  }
  return {};
}

Readback read_back(const Tensor& weights) {
  const Plane plane = plane_of(weights.shape);
  Readback result;
  result.weights = plane.elements();
  result.zeros = zero_count(weights);
  result.channels = plane.cout;
  result.zero_channels = plane.cout - mask_of_nonzeros(weights, {1, plane.cin}).kept_cells();
  result.channels_explain_zeros = result.zero_channels * plane.cin * plane.taps == result.zeros;
  for (const auto& [rows, cols] : kBlocks) {
    if (rows > plane.cout || cols > plane.cin) continue;
    const Mask mask = mask_of_nonzeros(weights, {rows, cols});
    BlockReadback block{rows,
                        cols,
                        mask.cells(),
                        mask.cells() - mask.kept_cells(),
                        mask.empty_rows(),
                        mask.empty_cols(),
                        false};
    block.explains_zeros = plane.elements() - mask.kept_weights() == result.zeros;
    result.blocks.push_back(block);
  }
  for (const Axis axis : {Axis::in, Axis::out}) {
    for (const std::int64_t group : kGroups) {
      if (group > (axis == Axis::in ? plane.cin : plane.cout)) continue;
      result.nm.push_back(
          {group, axis, fullest_group(weights, plane, group, axis, group).nonzeros});
    }
  }
  return result;
}

namespace {

std::vector<NmPattern> detected_groups(const Readback& readback) {
  std::vector<NmPattern> groups;
  for (const NmReadback& nm : readback.nm) {
    const NmPattern candidate{nm.kept, nm.group, nm.axis};
    if (nm.kept > 0 && nominal_sparsity(candidate) >= readback.sparsity() / 2) {
      groups.push_back(candidate);
    }
  }
  std::stable_sort(groups.begin(), groups.end(), [](const NmPattern& left, const NmPattern& right) {
    return left.kept * right.group < right.kept * left.group;
  });
  // A tensor that is 2:4 is 4:8 as well.
  const auto same = [](const NmPattern& left, const NmPattern& right) {
    return left.axis == right.axis && left.kept * right.group == right.kept * left.group;
  };
  std::vector<NmPattern> kept;
  for (const NmPattern& nm : groups) {
    const bool known = std::any_of(kept.begin(), kept.end(),
                                   [&](const NmPattern& other) { return same(other, nm); });
    if (!known) kept.push_back(nm);
  }
  return kept;
}

}  // namespace

std::vector<Pattern> detect(const Readback& readback) {
  if (readback.zeros == 0) return {DensePattern{}};
  std::vector<Pattern> found;
  if (readback.channels_explain_zeros && readback.zero_channels < readback.channels) {
    found.push_back(ChannelPattern{static_cast<double>(readback.zero_channels) /
                                   static_cast<double>(readback.channels)});
  }
  const BlockReadback* largest = nullptr;
  for (const BlockReadback& block : readback.blocks) {
    if (!block.explains_zeros) continue;
    if (largest == nullptr || block.rows * block.cols > largest->rows * largest->cols) {
      largest = &block;
    }
  }
  if (largest != nullptr && largest->zero_blocks < largest->blocks) {
    found.push_back(BlockPattern{largest->rows, largest->cols, largest->zero_block_share()});
  }
  for (const NmPattern& nm : detected_groups(readback)) found.push_back(nm);
  if (readback.zeros < readback.weights) found.push_back(UnstructuredPattern{readback.sparsity()});
  return found;
}

}  // namespace wbs::sparsity
