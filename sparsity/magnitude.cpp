#include "sparsity/magnitude.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <vector>

#include "core/error.hpp"

namespace wbs::sparsity {
namespace {

/// The magnitude's bits: they order as the magnitudes do, and compare as signed integers.
std::int32_t magnitude_bits(float weight) noexcept {
  return std::bit_cast<std::int32_t>(weight) & 0x7FFFFFFF;
}

constexpr std::int32_t kInfinityBits = 0x7F800000;

void require_finite(const Tensor& weights) {
  std::int32_t largest = 0;
  for (const float weight : weights.values) largest = std::max(largest, magnitude_bits(weight));
  if (largest < kInfinityBits) return;
  const auto bad = std::find_if(weights.values.begin(), weights.values.end(), [](float weight) {
    return magnitude_bits(weight) >= kInfinityBits;
  });
  throw Error(ErrorKind::input,
              fmt::format("weights of shape {}: weight {} is not finite",
                          wbs::to_string(weights.shape), bad - weights.values.begin()));
}

constexpr std::size_t kLanes = 8;

/// Groups run along the middle of [outer][channels][inner].
struct Layout {
  std::int64_t outer;
  std::int64_t channels;
  std::int64_t inner;
};

/// Eight groups side by side, so that ranking them vectorises: channel-major, one lane per group.
struct Groups {
  explicit Groups(std::size_t size) : keys(size), ranks(size) {}
  std::vector<std::array<std::int32_t, kLanes>> keys;   // [channel of the group][lane]
  std::vector<std::array<std::int32_t, kLanes>> ranks;  // how many of the group come before it
  std::array<std::int64_t, kLanes> start{};             // index of the first weight
  std::array<std::int64_t, kLanes> length{};            // channels; fewer in a last group
};

void load_group(Groups& groups, std::size_t lane, std::int64_t number, const Tensor& weights,
                const Layout& layout, std::int64_t group_size) {
  const std::int64_t per_line = divide_up(layout.channels, group_size);
  const std::int64_t along = number / layout.inner % per_line * group_size;
  const std::int64_t outer = number / layout.inner / per_line;
  groups.start[lane] = (outer * layout.channels + along) * layout.inner + number % layout.inner;
  groups.length[lane] = std::min(group_size, layout.channels - along);
  std::int64_t index = groups.start[lane];
  for (std::size_t i = 0; i < groups.keys.size(); ++i, index += layout.inner) {
    // Beyond a short last group: smaller than every magnitude, so it displaces none.
    groups.keys[i][lane] = static_cast<std::int64_t>(i) < groups.length[lane]
                               ? magnitude_bits(weights.values[static_cast<std::size_t>(index)])
                               : -1;
  }
}

/// ranks[i] = number of channels with a larger magnitude, or an equal one and a lower index.
void rank_groups(Groups& groups) {
  for (std::array<std::int32_t, kLanes>& ranks : groups.ranks) ranks.fill(0);
  for (std::size_t i = 1; i < groups.keys.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const std::int32_t later_wins = groups.keys[i][lane] > groups.keys[j][lane] ? 1 : 0;
        groups.ranks[j][lane] += later_wins;
        groups.ranks[i][lane] += 1 - later_wins;
      }
    }
  }
}

}  // namespace

Mask largest_of_groups(const Tensor& weights, const NmPattern& pattern) {
  require_finite(weights);
  Mask mask(weights.shape, kSingleWeights);
  const Plane& plane = mask.plane();
  const Layout layout = pattern.axis == Axis::in ? Layout{plane.cout, plane.cin, plane.taps}
                                                 : Layout{1, plane.cout, plane.cin * plane.taps};
  const std::int64_t count =
      layout.outer * divide_up(layout.channels, pattern.group) * layout.inner;
  Groups groups(static_cast<std::size_t>(std::min(pattern.group, layout.channels)));
  for (std::int64_t first = 0; first < count; first += static_cast<std::int64_t>(kLanes)) {
    const auto lanes = std::min(kLanes, static_cast<std::size_t>(count - first));
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      load_group(groups, lane, first + static_cast<std::int64_t>(lane), weights, layout,
                 pattern.group);
    }
    rank_groups(groups);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      for (std::int64_t i = 0; i < groups.length[lane]; ++i) {
        if (groups.ranks[static_cast<std::size_t>(i)][lane] >= pattern.kept) {
          mask.set(groups.start[lane] + i * layout.inner, false);
        }
      }
    }
  }
  return mask;
}

Mask largest_weights(const Tensor& weights, std::int64_t count) {
  require_finite(weights);
  Mask mask(weights.shape, kSingleWeights);
  WBS_ASSERT(count >= 0 && count <= mask.cells());
  // A radix select: the histogram of the upper 16 bits finds the bucket of the threshold, that of
  // the lower 15 within this bucket finds the threshold itself.
  constexpr int kLowBits = 15;
  std::vector<std::int64_t> high(std::size_t{1} << 16, 0);
  for (const float weight : weights.values) {
    ++high[static_cast<std::size_t>(magnitude_bits(weight) >> kLowBits)];
  }
  std::int64_t needed = count;
  std::size_t bucket = high.size() - 1;
  while (bucket > 0 && high[bucket] < needed) needed -= high[bucket--];
  std::vector<std::int64_t> low(std::size_t{1} << kLowBits, 0);
  for (const float weight : weights.values) {
    const auto bits = static_cast<std::size_t>(magnitude_bits(weight));
    if (bits >> kLowBits == bucket) ++low[bits & (low.size() - 1)];
  }
  std::size_t rest = low.size() - 1;
  while (rest > 0 && low[rest] < needed) needed -= low[rest--];
  const auto threshold = static_cast<std::int32_t>(bucket << kLowBits | rest);
  // `needed` weights of exactly the threshold stay, the first ones.
  for (std::int64_t cell = 0; cell < mask.cells(); ++cell) {
    const std::int32_t bits = magnitude_bits(weights.values[static_cast<std::size_t>(cell)]);
    const bool keep = bits > threshold || (bits == threshold && needed-- > 0);
    if (!keep) mask.set(cell, false);
  }
  return mask;
}

}  // namespace wbs::sparsity
