#include "trainers/sparse_backend.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "core/rng.hpp"

namespace wbs::trainers {
namespace {

torch::Tensor values(at::IntArrayRef shape, std::uint64_t seed) {
  torch::Tensor tensor = torch::empty(shape);
  Rng(seed).fill_normal({tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())}, 0.0F,
                        1.0F);
  return tensor;
}

/// Blocks of 8x8 on a chess board.
torch::Tensor chess_mask(std::int64_t out, std::int64_t in, std::int64_t kernel) {
  torch::Tensor mask = torch::zeros({out, in, kernel, kernel});
  for (std::int64_t o = 0; o < out; ++o) {
    for (std::int64_t i = 0; i < in; ++i) {
      if ((o / 8 + i / 8) % 2 == 0) mask[o][i].fill_(1.0F);
    }
  }
  return mask;
}

struct Gradients {
  torch::Tensor y, x, weight;
};

Gradients run(const torch::Tensor& x_values, const torch::Tensor& weight_values,
              const torch::Tensor& mask, const std::shared_ptr<const ProductBackend>& backend) {
  torch::Tensor x = x_values.clone().requires_grad_(true);
  torch::Tensor weight = weight_values.clone().requires_grad_(true);
  LayerProducts products;
  products.forward_weight = weight.detach() * mask;
  products.backward_weight = products.forward_weight;
  const torch::Tensor y = sparse_product(x, weight, {}, products, backend);
  (y * y).sum().backward();
  return {y.detach(), x.grad(), weight.grad()};
}

void expect_near(const torch::Tensor& a, const torch::Tensor& b) {
  const double scale = b.abs().max().item<double>();
  EXPECT_LT((a - b).abs().max().item<double>(), 2e-5 * scale);
}

TEST(SparseBackend, GivesTheGradientsOfTheDenseProducts) {
  for (const std::int64_t stride : {1, 2}) {
    ProductShape shape;
    shape.stride = {stride, stride};
    shape.padding = {1, 1};
    const auto backend = value_or_throw(
        sparse_backend(shape, value_or_throw(sparsity::parse_pattern("block:8x8@0.5")), 1));
    const torch::Tensor mask = chess_mask(32, 16, 3);
    for (const std::uint64_t seed : {1U, 2U}) {
      const torch::Tensor x = values({4, 16, 14, 14}, seed);
      const torch::Tensor weight = values({32, 16, 3, 3}, seed + 10);
      const Gradients sparse = run(x, weight, mask, backend);
      const Gradients dense = run(x, weight, mask, dense_backend(shape));
      expect_near(sparse.y, dense.y);
      expect_near(sparse.x, dense.x);
      expect_near(sparse.weight, dense.weight);
    }
  }
}

TEST(SparseBackend, RefusesWhatTheKernelsCannotDo) {
  const auto pattern = value_or_throw(sparsity::parse_pattern("block:8x8@0.5"));
  ProductShape shape;
  shape.linear = true;
  EXPECT_FALSE(sparse_backend(shape, pattern, 1));
  shape = {};
  shape.groups = 2;
  EXPECT_FALSE(sparse_backend(shape, pattern, 1));
}

}  // namespace
}  // namespace wbs::trainers
