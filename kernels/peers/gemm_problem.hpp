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

/// Plain [n][c][h][w] tensors of one copy.
struct PlainCopy {
  std::vector<float> input, weights, output, residual;
};

/// The copies of a problem; the residual is apart from the output, which gemm overwrites.
[[nodiscard]] std::vector<PlainCopy> plain_copies(const Problem& problem, const Setup& setup);

/// Names, sizes.
[[nodiscard]] ContestantInfo product_info(const Problem& problem, std::string name,
                                          std::string implementation);

}  // namespace wbs::kernels::peers
