// How the tiles of a Winograd convolution are cut into groups.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/conv.hpp"
#include "kernels/winograd_transforms.hpp"

namespace wbs::kernels {

/// Consecutive tiles that are transformed, multiplied and transformed back together.
struct WinogradGroup {
  std::int32_t vectors = 0;  ///< of 16 lanes, the last perhaps partly used
  std::int32_t tail = 0;     ///< 1: one tile more
  std::vector<WinogradTile> tiles;
  std::vector<WinogradStep> steps;
};

struct WinogradGeometry {
  int tile = 2;  ///< m: outputs per tile and direction
  std::int64_t tile_rows = 0;
  std::int64_t tile_columns = 0;
  std::vector<WinogradGroup> groups;
  std::int32_t max_vectors = 0;
  std::int32_t max_tail = 0;

  [[nodiscard]] int positions() const noexcept { return (tile + 2) * (tile + 2); }
};

/// Groups of at most `max_vectors` vectors; with `tails` also one tile more where that avoids a
/// vector. `shape` is 3x3 with stride and dilation 1.
[[nodiscard]] WinogradGeometry winograd_geometry(const ConvShape& shape, int tile,
                                                 std::int32_t max_vectors, bool tails);

}  // namespace wbs::kernels
