// Weights for the pair kernels: see tile_pairs.inc.
#include <algorithm>

#include "kernels/pack.hpp"

namespace wbs::kernels {
namespace {

struct Channel {
  int place;  ///< in its group
  std::uint8_t weight;
};

/// What a layer looks like in groups and blocks.
struct PairGrid {
  int channels;             ///< of a group
  std::int64_t groups;      ///< of the input
  std::int64_t block_size;  ///< groups
  std::int64_t blocks;      ///< per tap
  std::int64_t rows;        ///< padded

  PairGrid(const ConvLayer& layer, Packing packing)
      : channels(packing == Packing::pairs4 ? 4 : 8),
        groups((layer.shape.in_channels + channels - 1) / channels),
        block_size(pair_block_groups(channels)),
        blocks((groups + block_size - 1) / block_size),
        rows((layer.shape.out_channels + 3) / 4 * 4) {}
};

/// The channels of group `group` that the output channel keeps at a tap.
std::vector<Channel> kept_channels(const ConvLayer& layer, const PairGrid& grid, std::int64_t out,
                                   std::int64_t group, std::int64_t tap) {
  const std::int64_t group_in = layer.shape.in_channels / layer.shape.groups;
  const std::int64_t first_in = out / (layer.shape.out_channels / layer.shape.groups) * group_in;
  std::vector<Channel> kept;
  for (int place = 0; place < grid.channels; ++place) {
    const std::int64_t column = group * grid.channels + place - first_in;
    if (column < 0 || column >= group_in) continue;
    if (layer.mask != nullptr && !layer.mask->kept_weight(out, column, tap)) continue;
    const float weight = layer.weights->values[static_cast<std::size_t>(
        (out * group_in + column) * layer.shape.taps() + tap)];
    kept.push_back({place, static_cast<std::uint8_t>(static_cast<int>(weight))});
  }
  return kept;
}

/// The units of one list: pairs in order, two to a unit, an even number of units.
void add_list(const ConvLayer& layer, const PairGrid& grid, std::int64_t block, std::int64_t out,
              std::vector<ListedWord>& units) {
  const std::int64_t tap = block / grid.blocks;
  const std::int64_t first = block % grid.blocks * grid.block_size;
  const std::int64_t last = std::min(first + grid.block_size, grid.groups);
  const std::size_t begin = units.size();
  bool half = false;
  for (std::int64_t group = first; group < last; ++group) {
    std::vector<Channel> kept = kept_channels(layer, grid, out, group, tap);
    // A channel without a partner is paired with a neighbour of weight 0.
    if (kept.size() % 2 != 0) {
      const int place = kept.back().place;
      const Channel idle{place > 0 && kept.size() == 1 ? 0 : (place + 1) % grid.channels, 0};
      kept.push_back(idle);
    }
    for (std::size_t k = 0; k < kept.size(); k += 2) {
      const auto [lower, upper] =
          std::minmax(kept[k], kept[k + 1],
                      [](const Channel& a, const Channel& b) { return a.place < b.place; });
      const auto pair = (group - first) * pair_count(grid.channels) +
                        pair_index(lower.place, upper.place, grid.channels);
      const auto place = static_cast<std::uint32_t>(64 * pair);
      const std::uint32_t weights =
          static_cast<std::uint32_t>(lower.weight) | static_cast<std::uint32_t>(upper.weight) << 8U;
      if (half) {
        units.back().places |= place << 16U;
        units.back().weights |= weights << 16U;
      } else {
        units.push_back({place, weights});
      }
      half = !half;
    }
  }
  if ((units.size() - begin) % 2 != 0) units.push_back({0, 0});
}

}  // namespace

void pack_pairs(const ConvLayer& layer, PackedWeights& packed, std::vector<ListedWord>& units) {
  const PairGrid grid(layer, packed.packing);
  packed.run_begin.push_back(0);
  for (std::int64_t block = 0; block < layer.shape.taps() * grid.blocks; ++block) {
    for (std::int64_t out = 0; out < grid.rows; ++out) {
      if (out < layer.shape.out_channels) add_list(layer, grid, block, out, units);
      packed.run_begin.push_back(static_cast<std::uint32_t>(units.size()));
    }
  }
}

double pair_cost(const ConvLayer& layer, Packing packing) {
  // Cycles per 32 pixels on Zen 4; a panel word takes 2.
  constexpr double kUnit = 3.0;
  constexpr double kList = 7.0;
  const double spread = packing == Packing::pairs4 ? 14.0 : 62.0;
  const PairGrid grid(layer, packing);
  PackedWeights packed;
  packed.packing = packing;
  std::vector<ListedWord> units;
  pack_pairs(layer, packed, units);
  const auto lists = static_cast<double>(layer.shape.taps() * grid.blocks * grid.rows);
  constexpr std::int64_t kBlockRows = std::int64_t{4} * kBlockPanels;
  const std::int64_t row_blocks = (grid.rows + kBlockRows - 1) / kBlockRows;
  const auto spreads = static_cast<double>(layer.shape.taps() * grid.groups * row_blocks);
  return (kUnit * static_cast<double>(units.size()) + kList * lists + spread * spreads) / 2.0;
}

}  // namespace wbs::kernels
