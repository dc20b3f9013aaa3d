// libxsmm as a peer: one generated product per tile of pixels and output channels, the epilogue
// while the tile is in the cache. (1.17 has no packed block-sparse products; those came with 2.0.)
#include <libxsmm.h>

#include <algorithm>
#include <array>

#include "kernels/peers/backends.hpp"
#include "kernels/peers/gemm_problem.hpp"

namespace wbs::kernels::peers {
namespace {

constexpr std::int64_t kPixels = 48;
constexpr std::int64_t kChannels = 32;

/// The kernel of a full or last tile: [pixels or rest][channels or rest].
using Kernels = std::array<std::array<libxsmm_smmfunction, 2>, 2>;

class LibxsmmContestant final : public Contestant {
 public:
  LibxsmmContestant(const Problem& problem, const Setup& setup, const Kernels& kernels)
      : problem_(&problem), threads_(setup.threads), kernels_(kernels), copies_(problem, setup) {}

  [[nodiscard]] ContestantInfo info() const override {
    return product_info(*problem_, "libxsmm", std::string("smm ") + libxsmm_get_target_arch());
  }

  void reset(int) override {}

  void run(int round) noexcept override {
    PlainCopies::Activations& data = copies_.activations(round);
    const float* weights = copies_.weights(round);
    const ConvShape& s = problem_->layer.shape;
    const std::int64_t pixels = s.height * s.width;
    const std::int64_t across = (pixels + kPixels - 1) / kPixels;
#pragma omp parallel for collapse(2) schedule(static) num_threads(threads_)
    for (std::int64_t image = 0; image < s.images; ++image) {
      for (std::int64_t column = 0; column < across; ++column) {
        run_column(data, weights, {image, column * kPixels});
      }
    }
  }

  [[nodiscard]] Tensor output(int round) const override { return copies_.output(round); }

 private:
  struct Strip {
    std::int64_t image, pixel;
  };

  /// All output channels of one strip of pixels. The library is column-major: pixels are its rows.
  void run_column(PlainCopies::Activations& data, const float* weights,
                  Strip strip) const noexcept {
    const auto [image, pixel] = strip;
    const ConvShape& s = problem_->layer.shape;
    const std::int64_t pixels = s.height * s.width;
    const std::int64_t columns = std::min(kPixels, pixels - pixel);
    const float* in = data.input.data() + image * s.in_channels * pixels + pixel;
    for (std::int64_t channel = 0; channel < s.out_channels; channel += kChannels) {
      const std::int64_t rows = std::min(kChannels, s.out_channels - channel);
      const std::int64_t at = (image * s.out_channels + channel) * pixels + pixel;
      kernels_[columns == kPixels ? 0 : 1][rows == kChannels ? 0 : 1](
          in, weights + channel * s.in_channels, data.output.data() + at);
      const float* residual = data.residual.empty() ? nullptr : data.residual.data() + at;
      finish_tile(problem_->layer.epilogue,
                  {data.output.data() + at, residual, channel, rows, columns, pixels});
    }
  }

  const Problem* problem_;
  int threads_;
  Kernels kernels_;
  PlainCopies copies_;
};

libxsmm_smmfunction generate(const ConvShape& s, std::int64_t columns, std::int64_t rows) {
  const auto pixels = static_cast<libxsmm_blasint>(s.height * s.width);
  const auto k = static_cast<libxsmm_blasint>(s.in_channels);
  const float alpha = 1.0F;
  const float beta = 0.0F;
  return libxsmm_smmdispatch(static_cast<libxsmm_blasint>(columns),
                             static_cast<libxsmm_blasint>(rows), k, &pixels, &k, &pixels, &alpha,
                             &beta, nullptr, nullptr);
}

}  // namespace

Result<std::string> libxsmm_version() {
  return std::string(LIBXSMM_VERSION) + ", target " + libxsmm_get_target_arch();
}

MadePeer make_libxsmm(const Problem& problem, const Setup& setup) {
  if (const Result<void> product = check_is_product(problem); !product) {
    return refusal(product.error());
  }
  const ConvShape& s = problem.layer.shape;
  const std::int64_t pixels = s.height * s.width;
  if (pixels == 1) return refusal("a tile needs more than one pixel");
  Kernels kernels{};
  for (const std::size_t last_pixels : {0U, 1U}) {
    const std::int64_t columns = last_pixels == 0 ? kPixels : pixels % kPixels;
    for (const std::size_t last_channels : {0U, 1U}) {
      const std::int64_t rows = last_channels == 0 ? kChannels : s.out_channels % kChannels;
      if (columns == 0 || rows == 0) continue;
      kernels[last_pixels][last_channels] = generate(s, columns, rows);
      if (kernels[last_pixels][last_channels] == nullptr) {
        return refusal("libxsmm generated no kernel for this tile");
      }
    }
  }
  return std::make_unique<LibxsmmContestant>(problem, setup, kernels);
}

}  // namespace wbs::kernels::peers
