#include "sparsity/importance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace wbs::sparsity {
namespace {

constexpr std::array<ImportanceKind, 4> kKinds{{
    {Importance::l2, "l2", "L2 norm of the block"},
    {Importance::l1, "l1", "L1 norm of the block"},
    {Importance::variance_block, "variance_block", "variance about the block's own mean"},
    {Importance::variance_tensor, "variance_tensor", "variance about the tensor's mean"},
}};

// Eight partial sums per cell: enough for two AVX-512 or four SSE registers of doubles, and one
// 8-channel row of a 1x1 convolution.
constexpr std::int64_t kLanes = 8;
// Columns of cells summed together: the partial sums stay in the first-level cache while rows are
// read in order.
constexpr std::int64_t kColumnsAtOnce = 64;

struct Absolute {
  double operator()(double weight) const noexcept { return std::fabs(weight); }
};
struct Square {
  double operator()(double weight) const noexcept { return weight * weight; }
};
struct Identity {
  double operator()(double weight) const noexcept { return weight; }
};

/// Adds the terms of `count` weights to the lanes: weight k to lane k % 8.
template <typename Term>
void add_terms(const float* weights, std::int64_t count, double* lanes) {
  const Term term;
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] += term(static_cast<double>(weights[i + lane]));
    }
  }
  for (std::int64_t lane = 0; i + lane < count; ++lane) {
    lanes[lane] += term(static_cast<double>(weights[i + lane]));
  }
}

double sum_of_lanes(const double* lanes) {
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
         ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

/// Finite floats cannot overflow these sums, so a sum is finite exactly when its weights are.
void require_finite(const std::vector<double>& sums, const Mask& grid) {
  for (std::size_t cell = 0; cell < sums.size(); ++cell) {
    if (std::isfinite(sums[cell])) continue;
    const auto cols = static_cast<std::size_t>(grid.cell_cols());
    throw Error(ErrorKind::input,
                fmt::format("weights of shape {}: the block at row {}, column {} has a weight that "
                            "is not finite",
                            wbs::to_string(grid.shape()), cell / cols, cell % cols));
  }
}

/// The sum of Term over each cell.
template <typename Term>
std::vector<double> cell_sums(const Tensor& weights, const Mask& grid) {
  const Plane& plane = grid.plane();
  const Granularity granularity = grid.granularity();
  const std::int64_t cell_size = granularity.per_tap ? 1 : granularity.cols * plane.taps;
  const std::int64_t row_size = plane.cin * plane.taps;
  std::vector<double> sums(static_cast<std::size_t>(grid.cells()));
  std::array<double, kLanes * kColumnsAtOnce> lanes;
  for (std::int64_t row = 0; row < grid.cell_rows(); ++row) {
    const std::int64_t last_out = std::min(plane.cout, (row + 1) * granularity.rows);
    for (std::int64_t col = 0; col < grid.cell_cols(); col += kColumnsAtOnce) {
      const std::int64_t last_col = std::min(grid.cell_cols(), col + kColumnsAtOnce);
      lanes.fill(0.0);
      for (std::int64_t out = row * granularity.rows; out < last_out; ++out) {
        const float* values = weights.values.data() + out * row_size;
        for (std::int64_t cell = col; cell < last_col; ++cell) {
          const std::int64_t begin = cell * cell_size;
          add_terms<Term>(values + begin, std::min(cell_size, row_size - begin),
                          lanes.data() + (cell - col) * kLanes);
        }
      }
      for (std::int64_t cell = col; cell < last_col; ++cell) {
        sums[static_cast<std::size_t>(row * grid.cell_cols() + cell)] =
            sum_of_lanes(lanes.data() + (cell - col) * kLanes);
      }
    }
  }
  require_finite(sums, grid);
  return sums;
}

std::vector<double> variances(const Tensor& weights, const Mask& grid, bool about_tensor_mean) {
  std::vector<double> sums = cell_sums<Identity>(weights, grid);
  std::vector<double> squares = cell_sums<Square>(weights, grid);
  double total = 0.0;
  for (const double sum : sums) total += sum;
  const double tensor_mean = total / static_cast<double>(weights.values.size());
  std::size_t cell = 0;
  for (std::int64_t row = 0; row < grid.cell_rows(); ++row) {
    for (std::int64_t col = 0; col < grid.cell_cols(); ++col, ++cell) {
      const auto count = static_cast<double>(grid.cell_weights(row, col));
      const double mean = sums[cell] / count;
      const double offset = about_tensor_mean ? mean - tensor_mean : 0.0;
      // Squares of floats are exact in double; what cancels is below 1e-15 of the mean's square.
      squares[cell] = std::max(0.0, squares[cell] / count - mean * mean) + offset * offset;
    }
  }
  return squares;
}

}  // namespace

std::span<const ImportanceKind> importance_kinds() noexcept {
  return kKinds;
}

std::string_view to_string(Importance importance) noexcept {
  return kKinds[static_cast<std::size_t>(importance)].name;
}

Result<Importance> parse_importance(std::string_view name) {
  for (const ImportanceKind& kind : kKinds) {
    if (kind.name == name) return kind.importance;
  }
  return refusal(
      fmt::format("importance '{}': expected l2, l1, variance_block or variance_tensor", name));
}

std::vector<double> cell_importance(const Tensor& weights, Granularity granularity,
                                    Importance importance) {
  const Mask grid(weights.shape, granularity);
  std::vector<double> result;
  switch (importance) {
    case Importance::l2:
      result = cell_sums<Square>(weights, grid);
      for (double& value : result) value = std::sqrt(value);
      break;
    case Importance::l1:
      result = cell_sums<Absolute>(weights, grid);
      break;
    case Importance::variance_block:
      result = variances(weights, grid, false);
      break;
    case Importance::variance_tensor:
      result = variances(weights, grid, true);
      break;
  }
  return result;
}

}  // namespace wbs::sparsity
