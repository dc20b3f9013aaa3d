// Winograd's transforms tile by tile in plain C++, straight from the matrices: what every other
// implementation must equal up to rounding, and what runs where none of them can.
#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/tile.hpp"
#include "kernels/winograd_transforms.hpp"

namespace wbs::kernels {
namespace {

template <int m>
inline constexpr int kInputs = m + 2;

template <int m>
using Square = std::array<std::array<float, kInputs<m>>, kInputs<m>>;

/// B^T.
template <int m>
constexpr Square<m> kInputMatrix{};
template <>
constexpr Square<2> kInputMatrix<2>{{{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}}};
template <>
constexpr Square<4> kInputMatrix<4>{{{4, 0, -5, 0, 1, 0},
                                     {0, -4, -4, 1, 1, 0},
                                     {0, 4, -4, -1, 1, 0},
                                     {0, -2, -1, 2, 1, 0},
                                     {0, 2, -1, -2, 1, 0},
                                     {0, 4, 0, -5, 0, 1}}};

/// A^T; rows beyond m are not used.
template <int m>
constexpr Square<m> kOutputMatrix{};
template <>
constexpr Square<2> kOutputMatrix<2>{{{1, 1, 1, 0}, {0, 1, -1, -1}, {}, {}}};
template <>
constexpr Square<4> kOutputMatrix<4>{
    {{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}, {}, {}}};

/// The first `rows` rows of T d T^T.
template <int m>
Square<m> transformed(const Square<m>& t, const Square<m>& d, int rows) noexcept {
  constexpr int a = kInputs<m>;
  Square<m> half{};
  Square<m> out{};
  for (int i = 0; i < rows; ++i) {
    for (int x = 0; x < a; ++x) {
      for (int k = 0; k < a; ++k) half[i][x] = std::fma(t[i][k], d[k][x], half[i][x]);
    }
  }
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < rows; ++j) {
      for (int k = 0; k < a; ++k) out[i][j] = std::fma(t[j][k], half[i][k], out[i][j]);
    }
  }
  return out;
}

/// Where a tile of a group lies.
struct Place {
  const WinogradRow* row;
  std::int64_t column;  ///< virtual column in its tile row
};

Place place_of(const WinogradArgs& args, std::int64_t tile_column) noexcept {
  const std::int64_t column = args.skip + tile_column;
  return {args.rows + column / args.pitch, column % args.pitch};
}

std::int64_t tiles_of(const WinogradArgs& args, int m) noexcept {
  std::int64_t columns = -args.skip;
  for (std::int32_t r = 0; r < args.row_count; ++r) {
    const bool last = r + 1 == args.row_count;
    columns += last ? (args.rows[r].out_end + m - 1) / m * m : args.pitch;
  }
  return columns / m;
}

template <int m>
void input(const WinogradArgs& args) noexcept {
  constexpr int a = kInputs<m>;
  const std::int64_t tiles = tiles_of(args, m);
  for (std::int64_t c = args.begin; c < args.end; ++c) {
    const float* plane = args.input + c * args.input_stride;
    for (std::int64_t t = 0; t < tiles; ++t) {
      const Place place = place_of(args, m * t);
      Square<m> d{};
      for (int i = 0; i < a; ++i) {
        if ((place.row->in_rows >> i & 1U) == 0) continue;
        for (int j = 0; j < a; ++j) {
          const std::int64_t column = place.column + j;
          const std::uint32_t mask = args.column_masks[column / kVectorPixels];
          if ((mask >> (column % kVectorPixels) & 1U) == 0) continue;
          d[i][j] = plane[place.row->in_word + i * args.input_width + column];
        }
      }
      const Square<m> v = transformed<m>(kInputMatrix<m>, d, a);
      for (int x = 0; x < a * a; ++x) {
        args.transformed[x * args.position_stride + (c - args.begin) * args.lane_stride + t] =
            v[x / a][x % a];
      }
    }
  }
}

float finished(const WinogradArgs& args, float y, std::int64_t word) noexcept {
  if (args.residual != nullptr) y = std::fma(args.residual[word], args.residual_scale, y);
  if (std::isnan(y)) return y;
  return std::min(std::max(y, args.low), args.high);
}

template <int m>
void output(const WinogradArgs& args) noexcept {
  constexpr int a = kInputs<m>;
  const std::int64_t tiles = tiles_of(args, m);
  for (std::int64_t c = args.begin; c < args.end; ++c) {
    for (std::int64_t t = 0; t < tiles; ++t) {
      const Place place = place_of(args, m * t);
      Square<m> sums{};
      for (int x = 0; x < a * a; ++x) {
        sums[x / a][x % a] =
            args.transformed[x * args.position_stride + (c - args.begin) * args.lane_stride + t];
      }
      const Square<m> y = transformed<m>(kOutputMatrix<m>, sums, m);
      for (int i = 0; i < place.row->out_rows; ++i) {
        for (int j = 0; j < m && place.column + j < place.row->out_end; ++j) {
          const std::int64_t word = c * args.output_stride + place.row->out_word +
                                    i * args.output_width + place.column + j;
          args.output[word] = finished(args, y[i][j], word);
        }
      }
    }
  }
}

}  // namespace

WinogradTransforms winograd_reference(int tile) noexcept {
  if (tile == 2) return {input<2>, output<2>};
  return {input<4>, output<4>};
}

}  // namespace wbs::kernels
