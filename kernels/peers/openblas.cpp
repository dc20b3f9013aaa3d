// OpenBLAS as a peer: sgemm, then one pass for the epilogue.
#include <cblas.h>

#include "kernels/peers/backends.hpp"
#include "kernels/peers/gemm_problem.hpp"

namespace wbs::kernels::peers {
namespace {

class OpenblasContestant final : public Contestant {
 public:
  OpenblasContestant(const Problem& problem, const Setup& setup)
      : problem_(&problem), threads_(setup.threads), copies_(problem, setup) {}

  [[nodiscard]] ContestantInfo info() const override {
    return product_info(*problem_, "openblas", std::string("core ") + openblas_get_corename());
  }

  void reset(int) override {}

  void run(int round) noexcept override {
    openblas_set_num_threads(threads_);
    PlainCopies::Activations& data = copies_.activations(round);
    const float* weights = copies_.weights(round);
    const ConvShape& s = problem_->layer.shape;
    const auto pixels = s.height * s.width;
    const auto k = static_cast<blasint>(s.in_channels);
    const auto m = static_cast<blasint>(s.out_channels);
    if (pixels == 1) {
      fully_connected(data, weights, m, k);
      return;
    }
    const auto n = static_cast<blasint>(pixels);
    for (std::int64_t image = 0; image < s.images; ++image) {
      const std::int64_t at = image * s.out_channels * pixels;
      float* out = data.output.data() + at;
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1.0F, weights, k,
                  data.input.data() + image * s.in_channels * pixels, n, 0.0F, out, n);
      const float* residual = data.residual.empty() ? nullptr : data.residual.data() + at;
      finish_tile(problem_->layer.epilogue, {out, residual, 0, s.out_channels, pixels, pixels});
    }
  }

  [[nodiscard]] Tensor output(int round) const override { return copies_.output(round); }

 private:
  void fully_connected(PlainCopies::Activations& data, const float* weights, blasint out,
                       blasint in) const noexcept {
    const auto images = static_cast<blasint>(problem_->layer.shape.images);
    if (images == 1) {
      cblas_sgemv(CblasRowMajor, CblasNoTrans, out, in, 1.0F, weights, in, data.input.data(), 1,
                  0.0F, data.output.data(), 1);
    } else {
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, images, out, in, 1.0F, data.input.data(),
                  in, weights, in, 0.0F, data.output.data(), out);
    }
    for (std::int64_t image = 0; image < images; ++image) {
      const std::int64_t at = image * out;
      const float* residual = data.residual.empty() ? nullptr : data.residual.data() + at;
      finish_tile(problem_->layer.epilogue, {data.output.data() + at, residual, 0, out, 1, 1});
    }
  }

  const Problem* problem_;
  int threads_;
  PlainCopies copies_;
};

}  // namespace

Result<std::string> openblas_version() {
  return std::string(openblas_get_config()) + ", running core " + openblas_get_corename();
}

MadePeer make_openblas(const Problem& problem, const Setup& setup) {
  if (const Result<void> product = check_is_product(problem); !product) {
    return refusal(product.error());
  }
  return std::make_unique<OpenblasContestant>(problem, setup);
}

}  // namespace wbs::kernels::peers
