// What the matrix-product libraries share: which layers are products, and what comes after one.
#pragma once

#include <vector>

#include "kernels/peers/contestant.hpp"

namespace wbs::kernels::peers {

/// The refusal unless the layer is an fp32 product: 1x1, stride 1, no padding, no groups.
[[nodiscard]] Result<void> check_is_product(const Problem& problem);

/// `rows` x `columns` sums (rows `stride` apart, row r for output channel `channel + r`) hold the
/// layer's result: bias, residual (null: none; same stride) and clip applied.
struct Tile {
  float* sums;
  const float* residual;
  std::int64_t channel, rows, columns, stride;
};
void finish_tile(const Epilogue& epilogue, const Tile& tile) noexcept;

/// Plain [n][c][h][w] copies of a problem; the residual is apart from the output, which the product
/// overwrites.
class PlainCopies {
 public:
  PlainCopies(const Problem& problem, const Setup& setup);

  struct Activations {
    std::vector<float> input, output, residual;
  };
  [[nodiscard]] const float* weights(int round) const noexcept {
    return weights_[static_cast<std::size_t>(round) % weights_.size()].data();
  }
  [[nodiscard]] Activations& activations(int round) noexcept {
    return activations_[static_cast<std::size_t>(round) % activations_.size()];
  }
  /// The output of that round as a tensor.
  [[nodiscard]] Tensor output(int round) const;

 private:
  Shape shape_;
  std::vector<std::vector<float>> weights_;
  std::vector<Activations> activations_;
};

/// Names, sizes.
[[nodiscard]] ContestantInfo product_info(const Problem& problem, std::string name,
                                          std::string implementation);

}  // namespace wbs::kernels::peers
