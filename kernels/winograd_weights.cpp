#include "kernels/winograd_weights.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <span>

namespace wbs::kernels {
namespace {

using Row = std::array<double, 3>;

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

/// Writes the words of all positions of one pair of channels, `word` being its place in the index.
class PairWriter {
 public:
  PairWriter(const ConvLayer& layer, int tile, std::int64_t position_words, Buffer& words)
      : layer_(layer),
        g_(g_matrix(tile)),
        position_words_(position_words),
        group_in_(layer.shape.in_channels / layer.shape.groups),
        group_out_(layer.shape.out_channels / layer.shape.groups),
        words_(reinterpret_cast<std::uint32_t*>(words.data())) {}

  void write(std::int64_t out, std::int64_t in, std::int64_t word) const noexcept {
    if (out >= layer_.shape.out_channels) return;
    const std::int64_t column = in - out / group_out_ * group_in_;
    if (column < 0 || column >= group_in_) return;
    const float* taps = layer_.weights->values.data() + (out * group_in_ + column) * 9;
    std::array<double, 36> u{};
    transform_kernel(taps, g_, u.data());
    const std::vector<float>& scales = layer_.epilogue.scale;
    const double scale = scales.empty() ? 1.0 : scales[static_cast<std::size_t>(out)];
    for (std::size_t x = 0; x < g_.size() * g_.size(); ++x) {
      words_[static_cast<std::int64_t>(x) * position_words_ + word] =
          std::bit_cast<std::uint32_t>(static_cast<float>(u[x] * scale));
    }
  }

 private:
  const ConvLayer& layer_;
  std::span<const Row> g_;
  std::int64_t position_words_;
  std::int64_t group_in_;
  std::int64_t group_out_;
  std::uint32_t* words_;
};

/// Calls write(out, in, word) for every word of the index.
void write_words(const PackedWeights& index, const PairWriter& writer) {
  const std::int64_t rows = index.panel_rows();
  for (std::int64_t panel = 0; panel < index.panels; ++panel) {
    if (index.packing == Packing::rows) {
      for (std::int64_t out = panel * rows; out < (panel + 1) * rows; ++out) {
        const auto o = static_cast<std::size_t>(out);
        for (std::uint32_t k = index.run_begin[o]; k < index.run_begin[o + 1]; ++k) {
          writer.write(out, index.planes[k], k);
        }
      }
      continue;
    }
    const auto p = static_cast<std::size_t>(panel);
    auto word = static_cast<std::int64_t>(index.word_begin[p]);
    for (std::uint32_t run = index.run_begin[p]; run < index.run_begin[p + 1]; ++run) {
      for (std::int64_t k = 0; k < index.runs[run].words; ++k) {
        for (std::int64_t row = 0; row < rows; ++row, ++word) {
          writer.write(panel * rows + row, index.runs[run].first_plane + k, word);
        }
      }
    }
  }
}

}  // namespace

WinogradWeights transform_weights(const ConvLayer& layer, int tile) {
  const PairLayer pairs(layer);
  WinogradWeights weights;
  weights.index = pack_weights(pairs.layer, choose_packing(pairs.layer));
  const std::int64_t words = weights.index.word_count;
  const std::int64_t positions = std::int64_t{tile + 2} * (tile + 2);
  // Tail kernels read up to 8 words from the last ones on.
  weights.words = Buffer(static_cast<std::size_t>((positions * words + 16) * 4));
  write_words(weights.index, PairWriter(layer, tile, words, weights.words));
  weights.index.words = Buffer();
  return weights;
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
