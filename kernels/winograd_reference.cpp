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

template <int m>
void input(const WinogradArgs& args) noexcept {
  constexpr int a = kInputs<m>;
  for (std::int64_t c = args.begin; c < args.end; ++c) {
    const float* plane = args.input + c * args.input_stride;
    float* to = args.transformed + (c - args.begin) * args.lane_stride;
    for (std::int64_t t = 0; t < args.tile_count; ++t) {
      const WinogradTile& tile = args.tiles[t];
      Square<m> d{};
      for (int i = 0; i < a; ++i) {
        for (int j = 0; j < a; ++j) {
          const bool inside = (tile.in_rows >> i & tile.in_columns >> j & 1U) != 0;
          if (inside) d[i][j] = plane[tile.in_word + i * args.input_width + j];
        }
      }
      const Square<m> v = transformed<m>(kInputMatrix<m>, d, a);
      for (int x = 0; x < a * a; ++x) to[x * args.position_stride + t] = v[x / a][x % a];
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
  for (std::int64_t c = args.begin; c < args.end; ++c) {
    const float* from = args.transformed + (c - args.begin) * args.lane_stride;
    for (std::int64_t t = 0; t < args.tile_count; ++t) {
      const WinogradTile& tile = args.tiles[t];
      Square<m> sums{};
      for (int x = 0; x < a * a; ++x) sums[x / a][x % a] = from[x * args.position_stride + t];
      const Square<m> y = transformed<m>(kOutputMatrix<m>, sums, m);
      for (int i = 0; i < tile.out_rows; ++i) {
        for (int j = 0; j < tile.out_columns; ++j) {
          const std::int64_t word =
              c * args.output_stride + tile.out_word + i * args.output_width + j;
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
