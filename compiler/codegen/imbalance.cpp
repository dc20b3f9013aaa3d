#include "compiler/codegen/imbalance.hpp"

#include <algorithm>
#include <cmath>

namespace wbs::compiler {
namespace {

/// Blocks [begin, end).
struct Range {
  std::int64_t begin = 0, end = 0;
};

Range share(Range all, std::int64_t index, std::int64_t count) {
  const std::int64_t size = all.end - all.begin;
  return {all.begin + size * index / count, all.begin + size * (index + 1) / count};
}

/// Kept operands of one column's slowest core, chunk by chunk, or (keep_input) of all chunks.
std::int64_t of_column(const LayerShape& shape, const Mapping& mapping, Range column,
                       std::int64_t rows, std::int64_t chunks) {
  const auto kept = [&](Range blocks) {
    return shape.kept_before[static_cast<std::size_t>(blocks.end)] -
           shape.kept_before[static_cast<std::size_t>(blocks.begin)];
  };
  std::int64_t sum = 0, most = 0;
  for (std::int64_t row = 0; row < rows && mapping.keep_input; ++row) {
    most = std::max(most, kept(share(column, row, rows)));
  }
  if (mapping.keep_input) return most;
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    most = 0;
    for (std::int64_t row = 0; row < rows; ++row) {
      const Range core = share(column, row, rows);
      const std::int64_t begin = std::min(core.end, core.begin + chunk * mapping.chunk_blocks);
      most = std::max(most, kept({begin, std::min(core.end, begin + mapping.chunk_blocks)}));
    }
    sum += most;
  }
  return sum;
}

}  // namespace

double busiest_kept(const LayerShape& shape, const Mapping& mapping, const Pieces& pieces,
                    const aie::Device& device) {
  const double unit = shape.kernel == aie::Kernel::conv_sparse4 ? 2 : 1;
  const std::int64_t in = shape.convolution() ? mapping.piece_blocks : 1;
  const double operands = static_cast<double>(mapping.chunk_blocks * in) / unit;
  const double mean = shape.density * operands;
  if (!shape.shares_input(mapping.split) || shape.density >= 1.0) return mean;
  double busiest = mean;
  if (!shape.kept_before.empty()) {
    const std::int64_t columns = mapping.split == Split::channels ? device.columns : 1;
    std::int64_t most = 0;
    for (std::int64_t column = 0; column < columns; ++column) {
      const Range blocks = share({0, shape.out_blocks}, column, columns);
      most = std::max(most, of_column(shape, mapping, blocks, device.rows, pieces.chunks));
    }
    busiest = static_cast<double>(most) / static_cast<double>(pieces.chunks * pieces.pieces);
  }
  if (pieces.pieces == 1 && !shape.kept_before.empty()) return busiest;
  // Operands are kept independently of each other, so that the largest of several normal values is
  // to be expected; half of that excess, because rings of two slots let the others go ahead.
  const double spread = std::sqrt(mean * (1 - shape.density));
  const double largest = std::sqrt(std::log(static_cast<double>(device.rows)));
  return std::max(busiest, std::min(operands, mean + 0.5 * spread * largest));
}

}  // namespace wbs::compiler
