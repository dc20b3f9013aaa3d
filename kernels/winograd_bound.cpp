#include "kernels/winograd_bound.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/winograd_weights.hpp"

namespace wbs::kernels {
namespace {

using Square = std::array<std::array<double, 6>, 6>;

/// Magnitudes of B^T and A^T.
constexpr Square kIn2{{{1, 0, 1, 0}, {0, 1, 1, 0}, {0, 1, 1, 0}, {0, 1, 0, 1}}};
constexpr Square kOut2{{{1, 1, 1, 0}, {0, 1, 1, 1}}};
constexpr Square kIn4{{{4, 0, 5, 0, 1, 0},
                       {0, 4, 4, 1, 1, 0},
                       {0, 4, 4, 1, 1, 0},
                       {0, 2, 1, 2, 1, 0},
                       {0, 2, 1, 2, 1, 0},
                       {0, 4, 0, 5, 0, 1}}};
constexpr Square kOut4{
    {{1, 1, 1, 1, 1, 0}, {0, 1, 1, 2, 2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, 1, 8, 8, 1}}};

/// T d T^T.
Square both_sides(const Square& t, const Square& d) noexcept {
  Square half{};
  Square out{};
  for (std::size_t i = 0; i < 6; ++i) {
    for (std::size_t j = 0; j < 6; ++j) {
      for (std::size_t k = 0; k < 6; ++k) half[i][j] += t[i][k] * d[k][j];
    }
  }
  for (std::size_t i = 0; i < 6; ++i) {
    for (std::size_t j = 0; j < 6; ++j) {
      for (std::size_t k = 0; k < 6; ++k) out[i][j] += half[i][k] * t[j][k];
    }
  }
  return out;
}

struct Corner {
  std::int64_t image, y, x;  ///< of the tile's first output
};

class Bound {
 public:
  Bound(ReferenceConv& result, const ConvLayer& layer, const Tensor& input, int tile)
      : result_(result), layer_(layer), input_(input), tile_(tile) {
    const std::size_t kernels = layer.weights->values.size() / 9;
    weights_.resize(kernels);
    for (std::size_t k = 0; k < kernels; ++k) {
      const std::vector<double> u = transformed_kernel(layer.weights->values.data() + 9 * k, tile);
      const std::size_t a = static_cast<std::size_t>(tile) + 2;
      for (std::size_t x = 0; x < u.size(); ++x) weights_[k][x / a][x % a] = std::abs(u[x]);
    }
  }

  void set_tile(const Corner& corner) {
    const ConvShape& shape = layer_.shape;
    std::vector<Square> inputs;
    for (std::int64_t c = 0; c < shape.in_channels; ++c) inputs.push_back(magnitudes(corner, c));
    const std::int64_t in = shape.in_channels / shape.groups;
    for (std::int64_t o = 0; o < shape.out_channels; ++o) {
      const std::int64_t first = o / (shape.out_channels / shape.groups) * in;
      Square sum{};
      for (std::int64_t c = 0; c < in; ++c) {
        const Square& u = weights_[static_cast<std::size_t>(o * in + c)];
        const Square& v = inputs[static_cast<std::size_t>(first + c)];
        for (std::size_t x = 0; x < 36; ++x) sum[x / 6][x % 6] += u[x / 6][x % 6] * v[x / 6][x % 6];
      }
      set_outputs(corner, o, both_sides(tile_ == 2 ? kOut2 : kOut4, sum));
    }
  }

 private:
  [[nodiscard]] Square magnitudes(const Corner& corner, std::int64_t channel) const {
    const ConvShape& shape = layer_.shape;
    Square d{};
    for (std::int64_t i = 0; i < tile_ + 2; ++i) {
      for (std::int64_t j = 0; j < tile_ + 2; ++j) {
        const std::int64_t y = corner.y - shape.pad_top + i;
        const std::int64_t x = corner.x - shape.pad_left + j;
        if (y < 0 || y >= shape.height || x < 0 || x >= shape.width) continue;
        const std::int64_t row = (corner.image * shape.in_channels + channel) * shape.height + y;
        d[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] =
            std::abs(input_.values[static_cast<std::size_t>(row * shape.width + x)]);
      }
    }
    return both_sides(tile_ == 2 ? kIn2 : kIn4, d);
  }

  void set_outputs(const Corner& corner, std::int64_t o, const Square& sum) {
    constexpr double kUnit = 0x1p-24;
    const ConvShape& shape = layer_.shape;
    const Epilogue& epilogue = layer_.epilogue;
    const auto channel = static_cast<std::size_t>(o);
    const double scale = epilogue.scale.empty() ? 1.0 : std::abs(epilogue.scale[channel]);
    const double bias = epilogue.bias.empty() ? 0.0 : std::abs(epilogue.bias[channel]);
    const std::int64_t terms_in = shape.in_channels / shape.groups;
    const double roundings =
        static_cast<double>(terms_in + std::int64_t{4} * (tile_ + 2) + 4) * kUnit;
    for (std::int64_t i = 0; i < tile_ && corner.y + i < shape.out_height(); ++i) {
      for (std::int64_t j = 0; j < tile_ && corner.x + j < shape.out_width(); ++j) {
        const std::int64_t row =
            (corner.image * shape.out_channels + o) * shape.out_height() + corner.y + i;
        const auto at = static_cast<std::size_t>(row * shape.out_width() + corner.x + j);
        const double terms =
            scale * sum[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] + bias;
        // The residual's fma rounds once more, on both sides, what direct's bound has already.
        result_.bound.values[at] += static_cast<float>(roundings / (1.0 - roundings) * terms +
                                                       std::numeric_limits<float>::min());
      }
    }
  }

  ReferenceConv& result_;
  const ConvLayer& layer_;
  const Tensor& input_;
  int tile_;
  std::vector<Square> weights_;  ///< |U| per (out, in)
};

}  // namespace

ReferenceConv with_winograd_bound(ReferenceConv exact, const ConvLayer& layer, const Tensor& input,
                                  int tile) {
  const ConvShape& shape = layer.shape;
  Bound bound(exact, layer, input, tile);
  for (std::int64_t n = 0; n < shape.images; ++n) {
    for (std::int64_t y = 0; y < shape.out_height(); y += tile) {
      for (std::int64_t x = 0; x < shape.out_width(); x += tile) bound.set_tile({n, y, x});
    }
  }
  return exact;
}

}  // namespace wbs::kernels
