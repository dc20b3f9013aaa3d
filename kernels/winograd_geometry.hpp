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
  std::int32_t skip = 0;     ///< WinogradArgs::skip
  std::vector<WinogradRow> rows;
  std::vector<WinogradLanes> lanes;  ///< of the vectors and the tail
};

struct WinogradGeometry {
  int tile = 2;  ///< m: outputs per tile and direction
  std::int64_t tile_rows = 0;
  std::int64_t tile_columns = 0;
  std::int32_t overflow = 0;                ///< WinogradArgs::overflow
  std::vector<std::uint16_t> column_masks;  ///< WinogradArgs::column_masks
  std::vector<WinogradGroup> groups;
  std::int64_t max_rows = 0;  ///< of a group
  std::int32_t max_vectors = 0;
  std::int32_t max_tail = 0;

  [[nodiscard]] int positions() const noexcept { return (tile + 2) * (tile + 2); }
  [[nodiscard]] std::int64_t pitch() const noexcept { return tile * tile_columns; }
};

/// Groups of at most `max_vectors` vectors; with `tails` also one tile more where that avoids a
/// vector. `shape` is 3x3 with stride and dilation 1.
[[nodiscard]] WinogradGeometry winograd_geometry(const ConvShape& shape, int tile,
                                                 std::int32_t max_vectors, bool tails);

}  // namespace wbs::kernels
