#include "kernels/winograd_weights.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "kernels/reload.hpp"

namespace wbs::kernels {
namespace {

using Row = std::array<double, 3>;

constexpr std::int32_t kTaps = 9;

constexpr std::array<Row, 4> kG2{{{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}}};

constexpr std::array<Row, 6> kG4{{{1.0 / 4, 0, 0},
                                  {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                                  {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                  {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                  {1.0 / 24, -1.0 / 12, 1.0 / 6},
                                  {0, 0, 1}}};

std::span<const Row> g_matrix(int tile) noexcept {
  if (tile == 2) return kG2;
  return kG4;
}

/// out[i * a + j] = (G g G^T)[i][j].
void transform_kernel(const float* taps, std::span<const Row> g, double* out) noexcept {
  const std::size_t a = g.size();
  for (std::size_t i = 0; i < a; ++i) {
    Row half{};
    for (std::size_t kx = 0; kx < 3; ++kx) {
      for (std::size_t ky = 0; ky < 3; ++ky) {
        half[kx] += g[i][ky] * static_cast<double>(taps[3 * ky + kx]);
      }
    }
    for (std::size_t j = 0; j < a; ++j) {
      out[i * a + j] = half[0] * g[j][0] + half[1] * g[j][1] + half[2] * g[j][2];
    }
  }
}

/// The layer as a 1x1 convolution whose mask keeps the pairs of channels with any kept tap.
struct PairLayer {
  ConvLayer layer;
  Tensor weights;
  std::optional<sparsity::Mask> mask;

  explicit PairLayer(const ConvLayer& from)
      : layer(from),
        weights(Shape{from.shape.out_channels, from.shape.in_channels / from.shape.groups, 1, 1}) {
    layer.shape.kernel = {1, 1};
    layer.weights = &weights;
    if (from.mask == nullptr) return;
    const sparsity::Granularity cell = from.mask->granularity();
    mask.emplace(weights.shape, sparsity::Granularity{cell.rows, cell.cols, false}, false);
    const std::int64_t taps = cell.per_tap ? from.shape.taps() : 1;
    for (std::int64_t k = 0; k < from.mask->cells(); ++k) {
      if (from.mask->kept(k)) mask->set(k / taps, true);
    }
    layer.mask = &*mask;
  }
  PairLayer(const PairLayer&) = delete;
  PairLayer& operator=(const PairLayer&) = delete;
};

/// Words that are transformed at once.
constexpr std::size_t kLanes = 8;
using Lanes = std::array<double, kLanes>;

/// out[x] = (G g G^T)[x] of kLanes kernels: the operations of transform_kernel() in their order.
void transform_kernels(const std::array<Lanes, 9>& taps, std::span<const Row> g,
                       std::array<Lanes, 36>& out) noexcept {
  const std::size_t a = g.size();
  for (std::size_t i = 0; i < a; ++i) {
    std::array<Lanes, 3> half{};
    for (std::size_t kx = 0; kx < 3; ++kx) {
      for (std::size_t ky = 0; ky < 3; ++ky) {
        for (std::size_t n = 0; n < kLanes; ++n) half[kx][n] += g[i][ky] * taps[3 * ky + kx][n];
      }
    }
    for (std::size_t j = 0; j < a; ++j) {
      for (std::size_t n = 0; n < kLanes; ++n) {
        out[i * a + j][n] = half[0][n] * g[j][0] + half[1][n] * g[j][1] + half[2][n] * g[j][2];
      }
    }
  }
}

}  // namespace

WinogradWeights::WinogradWeights(const ConvLayer& layer, int tile,
                                 const std::vector<std::int32_t>* reload_sources)
    : tile_(tile) {
  PairLayer pairs(layer);
  pairs.weights = numbered_weights(pairs.weights.shape);
  index_ = pack_weights(pairs.layer, choose_packing(pairs.layer));
  first_taps_ = packed_places(index_);
  index_.words = Buffer();
  const std::vector<float>& scales = layer.epilogue.scale;
  const std::int64_t group_in = pairs.weights.shape[1];
  for (std::int32_t& pair : first_taps_) {
    if (!scales.empty()) {
      scales_.push_back(pair < 0 ? 0.0F : scales[static_cast<std::size_t>(pair / group_in)]);
    }
    if (pair >= 0) pair *= kTaps;
  }
  // Tail kernels read up to 8 words from the last ones on.
  words_ = Buffer(static_cast<std::size_t>((positions() * index_.word_count + 16) * 4));
  reload(layer.weights->values.data());
  if (reload_sources == nullptr) {
    first_taps_ = {};
    scales_ = {};
    return;
  }
  tap_step_ = (*reload_sources)[1] - (*reload_sources)[0];
  for (std::int32_t& first : first_taps_) {
    if (first >= 0) first = (*reload_sources)[static_cast<std::size_t>(first)];
  }
}

void WinogradWeights::reload(const float* values) noexcept {
  const std::span<const Row> g = g_matrix(tile_);
  auto* words = reinterpret_cast<float*>(words_.data());
  const std::size_t count = first_taps_.size();
  std::array<Lanes, kTaps> taps{};
  std::array<Lanes, 36> u{};
  for (std::size_t k = 0; k < count; k += kLanes) {
    const std::size_t lanes = std::min(kLanes, count - k);
    for (std::size_t n = 0; n < lanes; ++n) {
      const std::int32_t first = first_taps_[k + n];
      for (std::int32_t t = 0; t < kTaps; ++t) {
        taps[static_cast<std::size_t>(t)][n] =
            first < 0 ? 0.0 : static_cast<double>(values[first + t * tap_step_]);
      }
    }
    transform_kernels(taps, g, u);
    for (std::size_t x = 0; x < g.size() * g.size(); ++x) {
      float* to = words + x * count + k;
      for (std::size_t n = 0; n < lanes; ++n) {
        const double scale = scales_.empty() ? 1.0 : static_cast<double>(scales_[k + n]);
        to[n] = static_cast<float>(u[x][n] * scale);
      }
    }
  }
}

PackingChoice winograd_packing(const ConvLayer& layer) {
  const PairLayer pairs(layer);
  return cheapest_packing(pairs.layer);
}

std::vector<double> transformed_kernel(const float* taps, int tile) {
  const std::span<const Row> g = g_matrix(tile);
  std::vector<double> u(g.size() * g.size());
  transform_kernel(taps, g, u.data());
  return u;
}

}  // namespace wbs::kernels
