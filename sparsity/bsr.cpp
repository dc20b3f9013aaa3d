#include "sparsity/bsr.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.hpp"

namespace wbs::sparsity {
namespace {

/// One block of the plane: its channels and where its values start.
struct Block {
  std::int64_t first_out;
  std::int64_t last_out;
  std::int64_t first_in;
  std::int64_t last_in;
};

Block block_at(const Plane& plane, std::int64_t rows, std::int64_t cols, std::int64_t row,
               std::int64_t col) {
  return {row * rows, std::min(plane.cout, (row + 1) * rows), col * cols,
          std::min(plane.cin, (col + 1) * cols)};
}

/// Calls visit(index in the tensor, index in the block) for every weight of the block.
template <typename Visit>
void for_each_weight(const Plane& plane, const Block& block, std::int64_t rows, std::int64_t cols,
                     Visit visit) {
  for (std::int64_t out = block.first_out; out < block.last_out; ++out) {
    for (std::int64_t in = block.first_in; in < block.last_in; ++in) {
      for (std::int64_t tap = 0; tap < plane.taps; ++tap) {
        const std::int64_t packed =
            (tap * rows + out - block.first_out) * cols + in - block.first_in;
        visit(static_cast<std::size_t>((out * plane.cin + in) * plane.taps + tap),
              static_cast<std::size_t>(packed));
      }
    }
  }
}

void require_packable(const Tensor& weights, const Mask& mask) {
  if (weights.shape != mask.shape()) {
    throw Error(ErrorKind::input,
                fmt::format("a mask for weights of shape {} does not fit weights "
                            "of shape {}",
                            wbs::to_string(mask.shape()), wbs::to_string(weights.shape)));
  }
  if (mask.granularity().per_tap) {
    throw Error(ErrorKind::input,
                "packing by blocks needs a block mask, not one of single weights");
  }
  if (mask.cell_cols() > std::numeric_limits<std::uint16_t>::max() + std::int64_t{1}) {
    throw Error(ErrorKind::input,
                fmt::format("{} block columns do not fit a 16-bit index", mask.cell_cols()));
  }
}

[[noreturn]] void throw_bad_weight(const Tensor& weights, std::size_t index, const char* what) {
  throw Error(ErrorKind::input, fmt::format("weights of shape {}: weight {} {}",
                                            wbs::to_string(weights.shape), index, what));
}

void require_consistent(const Bsr& packed, const Plane& plane) {
  const bool sane_block = packed.rows > 0 && packed.rows <= kLargestBlock && packed.cols > 0 &&
                          packed.cols <= kLargestBlock;
  const std::int64_t block_rows = sane_block ? divide_up(plane.cout, packed.rows) : 0;
  const std::int64_t block_cols = sane_block ? divide_up(plane.cin, packed.cols) : 0;
  bool good = sane_block && static_cast<std::int64_t>(packed.row_begin.size()) == block_rows + 1 &&
              packed.row_begin.front() == 0 &&
              packed.row_begin.back() == packed.column_index.size() &&
              static_cast<std::int64_t>(packed.values.size()) ==
                  packed.blocks() * packed.rows * packed.cols * plane.taps;
  for (std::size_t row = 0; good && row + 1 < packed.row_begin.size(); ++row) {
    // Strictly ascending columns below a row's end that is itself in range.
    good = packed.row_begin[row] <= packed.row_begin[row + 1] &&
           packed.row_begin[row + 1] <= packed.column_index.size();
    for (std::size_t k = packed.row_begin[row]; good && k < packed.row_begin[row + 1]; ++k) {
      good = packed.column_index[k] < block_cols &&
             (k == packed.row_begin[row] || packed.column_index[k] > packed.column_index[k - 1]);
    }
  }
  if (!good) {
    throw Error(ErrorKind::input,
                fmt::format("packed blocks of {}x{} do not fit weights of shape {}", packed.rows,
                            packed.cols, wbs::to_string(packed.shape)));
  }
}

}  // namespace

Bsr pack_bsr(const Tensor& weights, const Mask& mask) {
  require_packable(weights, mask);
  const Plane& plane = mask.plane();
  Bsr packed;
  packed.shape = weights.shape;
  packed.rows = mask.granularity().rows;
  packed.cols = mask.granularity().cols;
  const auto block_size = static_cast<std::size_t>(packed.rows * packed.cols * plane.taps);
  const auto kept = static_cast<std::size_t>(mask.kept_cells());
  packed.values.assign(kept * block_size, 0.0F);
  packed.column_index.reserve(kept);
  packed.row_begin.push_back(0);
  for (std::int64_t row = 0; row < mask.cell_rows(); ++row) {
    for (std::int64_t col = 0; col < mask.cell_cols(); ++col) {
      const bool keep = mask.kept(row, col);
      float* block =
          keep ? packed.values.data() + packed.column_index.size() * block_size : nullptr;
      for_each_weight(plane, block_at(plane, packed.rows, packed.cols, row, col), packed.rows,
                      packed.cols, [&](std::size_t index, std::size_t inside) {
                        const float weight = weights.values[index];
                        if (!std::isfinite(weight)) {
                          throw_bad_weight(weights, index, "is not finite");
                        }
                        if (keep) {
                          block[inside] = weight;
                        } else if (weight != 0.0F) {
                          throw_bad_weight(weights, index, "is masked but not zero");
                        }
                      });
      if (keep) packed.column_index.push_back(static_cast<std::uint16_t>(col));
    }
    packed.row_begin.push_back(static_cast<std::uint32_t>(packed.column_index.size()));
  }
  return packed;
}

Tensor unpack_bsr(const Bsr& packed) {
  const Plane plane = plane_of(packed.shape);
  require_consistent(packed, plane);
  Tensor weights(packed.shape);
  const auto block_size = static_cast<std::size_t>(packed.rows * packed.cols * plane.taps);
  std::size_t number = 0;
  for (const auto& [row, col] : block_coordinates(packed)) {
    const float* block = packed.values.data() + number++ * block_size;
    for_each_weight(
        plane, block_at(plane, packed.rows, packed.cols, row, col), packed.rows, packed.cols,
        [&](std::size_t index, std::size_t inside) { weights.values[index] = block[inside]; });
  }
  return weights;
}

std::vector<std::pair<std::uint32_t, std::uint16_t>> block_coordinates(const Bsr& packed) {
  require_consistent(packed, plane_of(packed.shape));
  std::vector<std::pair<std::uint32_t, std::uint16_t>> coordinates;
  coordinates.reserve(packed.column_index.size());
  for (std::uint32_t row = 0; row + 1 < packed.row_begin.size(); ++row) {
    for (std::size_t k = packed.row_begin[row]; k < packed.row_begin[row + 1]; ++k) {
      coordinates.emplace_back(row, packed.column_index[k]);
    }
  }
  return coordinates;
}

Mask mask_of(const Bsr& packed) {
  Mask mask(packed.shape, {packed.rows, packed.cols}, false);
  for (const auto& [row, col] : block_coordinates(packed)) mask.set(row, col, true);
  return mask;
}

std::int64_t unified_bytes(const Plane& plane, std::int64_t kept_values) noexcept {
  return kept_values + 4 * plane.cout + 2 * divide_up(plane.cout, 8) * divide_up(plane.cin, 8);
}

}  // namespace wbs::sparsity
