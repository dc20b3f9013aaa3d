#include "trainers/methods/transposable_search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include "core/error.hpp"

namespace wbs::trainers {
namespace {

/// One tile of magnitudes, row by row; zeros beyond the channels.
struct Tile {
  std::int64_t first_out = 0;
  std::int64_t first_in = 0;
  std::int64_t tap = 0;
  std::vector<float> magnitudes;
};

void require_finite(const Tensor& weights) {
  const auto bad = std::find_if_not(weights.values.begin(), weights.values.end(),
                                    [](float weight) { return std::isfinite(weight); });
  if (bad == weights.values.end()) return;
  throw Error(ErrorKind::input,
              fmt::format("weights of shape {}: weight {} is not finite", to_string(weights.shape),
                          bad - weights.values.begin()));
}

/// Calls choose(tile, kept) for each tile; it sets kept[row * group + col] from false to true.
template <typename Choose>
sparsity::Mask choose_tiles(const Tensor& weights, std::int64_t group, Choose choose) {
  require_finite(weights);
  sparsity::Mask mask(weights.shape, sparsity::kSingleWeights, false);
  const sparsity::Plane plane = mask.plane();
  Tile tile;
  std::vector<char> kept;
  for (tile.first_out = 0; tile.first_out < plane.cout; tile.first_out += group) {
    for (tile.first_in = 0; tile.first_in < plane.cin; tile.first_in += group) {
      const std::int64_t rows = std::min(group, plane.cout - tile.first_out);
      const std::int64_t cols = std::min(group, plane.cin - tile.first_in);
      for (tile.tap = 0; tile.tap < plane.taps; ++tile.tap) {
        const auto index = [&](std::int64_t row, std::int64_t col) {
          return ((tile.first_out + row) * plane.cin + tile.first_in + col) * plane.taps + tile.tap;
        };
        tile.magnitudes.assign(static_cast<std::size_t>(group * group), 0.0F);
        kept.assign(tile.magnitudes.size(), 0);
        for (std::int64_t row = 0; row < rows; ++row) {
          for (std::int64_t col = 0; col < cols; ++col) {
            tile.magnitudes[static_cast<std::size_t>(row * group + col)] =
                std::abs(weights.values[static_cast<std::size_t>(index(row, col))]);
          }
        }
        choose(tile.magnitudes, kept);
        for (std::int64_t row = 0; row < rows; ++row) {
          for (std::int64_t col = 0; col < cols; ++col) {
            if (kept[static_cast<std::size_t>(row * group + col)] != 0) {
              mask.set(index(row, col), true);
            }
          }
        }
      }
    }
  }
  return mask;
}

/// All 0/1 matrices of group x group with `kept` ones in each row and column, as lists of ones.
std::vector<std::vector<std::size_t>> regular_matrices(std::int64_t kept, std::int64_t group) {
  std::vector<std::vector<std::size_t>> found;
  const auto cells = static_cast<std::size_t>(group * group);
  for (std::uint32_t bits = 0; bits < 1U << cells; ++bits) {
    std::vector<std::int64_t> sums(static_cast<std::size_t>(2 * group), 0);
    std::vector<std::size_t> ones;
    for (std::size_t cell = 0; cell < cells; ++cell) {
      if ((bits >> cell & 1U) == 0) continue;
      ones.push_back(cell);
      ++sums[cell / static_cast<std::size_t>(group)];
      ++sums[static_cast<std::size_t>(group) + cell % static_cast<std::size_t>(group)];
    }
    if (std::all_of(sums.begin(), sums.end(), [kept](std::int64_t sum) { return sum == kept; })) {
      found.push_back(std::move(ones));
    }
  }
  return found;
}

}  // namespace

sparsity::Mask transposable_greedy(const Tensor& weights, std::int64_t kept, std::int64_t group) {
  std::vector<std::size_t> order(static_cast<std::size_t>(group * group));
  std::vector<std::int64_t> rows;
  std::vector<std::int64_t> cols;
  return choose_tiles(
      weights, group, [&](const std::vector<float>& magnitudes, std::vector<char>& chosen) {
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::sort(order.begin(), order.end(), [&](std::size_t left, std::size_t right) {
          return magnitudes[left] != magnitudes[right] ? magnitudes[left] > magnitudes[right]
                                                       : left < right;
        });
        rows.assign(static_cast<std::size_t>(group), 0);
        cols.assign(static_cast<std::size_t>(group), 0);
        for (const std::size_t cell : order) {
          std::int64_t& in_row = rows[cell / static_cast<std::size_t>(group)];
          std::int64_t& in_col = cols[cell % static_cast<std::size_t>(group)];
          if (in_row >= kept || in_col >= kept) continue;
          chosen[cell] = 1;
          ++in_row;
          ++in_col;
        }
      });
}

sparsity::Mask transposable_exact(const Tensor& weights, std::int64_t kept, std::int64_t group) {
  WBS_ASSERT(group <= kLargestExactGroup);
  const std::vector<std::vector<std::size_t>> matrices = regular_matrices(kept, group);
  return choose_tiles(weights, group,
                      [&](const std::vector<float>& magnitudes, std::vector<char>& chosen) {
                        const std::vector<std::size_t>* best = nullptr;
                        double most = -1.0;
                        for (const std::vector<std::size_t>& ones : matrices) {
                          double sum = 0.0;
                          for (const std::size_t cell : ones) {
                            sum += static_cast<double>(magnitudes[cell]);
                          }
                          if (sum > most) {
                            most = sum;
                            best = &ones;
                          }
                        }
                        for (const std::size_t cell : *best) chosen[cell] = 1;
                      });
}

}  // namespace wbs::trainers
