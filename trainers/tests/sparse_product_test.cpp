#include "trainers/sparse_product.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "core/rng.hpp"

namespace wbs::trainers {
namespace {

using torch::Tensor;

Tensor values(std::vector<std::int64_t> shape, std::uint64_t stream) {
  Tensor result = torch::empty(shape);
  Rng(5, stream).fill_normal({result.data_ptr<float>(), static_cast<std::size_t>(result.numel())},
                             0.0F, 1.0F);
  return result;
}

Tensor mask_of(const Tensor& like, std::uint64_t stream) {
  return (values(like.sizes().vec(), stream) > 0).to(torch::kFloat32);
}

/// A layer with its operands; gradients of sum(y * dy).
struct Case {
  ProductShape shape;
  Tensor x, weight, bias, dy;
};

Case convolution() {
  ProductShape shape;
  shape.stride = {2, 1};
  shape.padding = {1, 2};
  shape.groups = 2;
  Case made{shape, values({2, 4, 7, 6}, 1), values({6, 2, 3, 3}, 2), values({6}, 3), {}};
  made.dy = values(plain_product(made.x, made.weight, made.bias, shape).sizes().vec(), 4);
  return made;
}

Case linear() {
  ProductShape shape;
  shape.linear = true;
  return {shape, values({2, 3, 5}, 1), values({4, 5}, 2), values({4}, 3), values({2, 3, 4}, 4)};
}

struct Gradients {
  Tensor y, x, weight, bias;
};

Gradients of_plain(const Case& c, const Tensor& weight, const Tensor& dy) {
  const Tensor x = c.x.clone().requires_grad_(true);
  const Tensor w = weight.clone().requires_grad_(true);
  const Tensor b = c.bias.clone().requires_grad_(true);
  const Tensor y = plain_product(x, w, b, c.shape);
  const auto gradients = torch::autograd::grad({y}, {x, w, b}, {dy});
  return {y.detach(), gradients[0], gradients[1], gradients[2]};
}

Gradients of_sparse(const Case& c, const LayerProducts& products) {
  const Tensor x = c.x.clone().requires_grad_(true);
  const Tensor w = c.weight.clone().requires_grad_(true);
  const Tensor b = c.bias.clone().requires_grad_(true);
  const Tensor y = sparse_product(x, w, b, products, dense_backend(c.shape));
  const auto gradients = torch::autograd::grad({y}, {x, w, b}, {c.dy});
  return {y.detach(), gradients[0], gradients[1], gradients[2]};
}

void expect_close(const Tensor& a, const Tensor& b) {
  ASSERT_EQ(a.sizes(), b.sizes());
  EXPECT_LE((a - b).abs().max().item<double>(), 2e-5 * (1.0 + b.abs().max().item<double>()));
}

TEST(SparseProduct, IsPlainAutogradWhereNothingIsPruned) {
  for (const Case& c : {convolution(), linear()}) {
    const Gradients expected = of_plain(c, c.weight, c.dy);
    const Gradients found = of_sparse(c, {});
    expect_close(found.y, expected.y);
    expect_close(found.x, expected.x);
    expect_close(found.weight, expected.weight);
    expect_close(found.bias, expected.bias);
  }
}

TEST(SparseProduct, UsesEachProductsOwnWeights) {
  for (const Case& c : {convolution(), linear()}) {
    LayerProducts products;
    products.forward_weight = c.weight * mask_of(c.weight, 8);
    products.backward_weight = c.weight * mask_of(c.weight, 9);
    const Gradients found = of_sparse(c, products);
    expect_close(found.y, of_plain(c, products.forward_weight, c.dy).y);
    expect_close(found.x, of_plain(c, products.backward_weight, c.dy).x);
    expect_close(found.weight, of_plain(c, c.weight, c.dy).weight);
    expect_close(found.bias, of_plain(c, c.weight, c.dy).bias);
  }
}

TEST(SparseProduct, MultipliesWithTheMasterWeightBackwardsUnlessToldOtherwise) {
  const Case c = convolution();
  LayerProducts products;
  products.forward_weight = c.weight * mask_of(c.weight, 8);
  expect_close(of_sparse(c, products).x, of_plain(c, c.weight, c.dy).x);
}

TEST(SparseProduct, PrunesTheOutputGradientForTheInputOnly) {
  for (const Case& c : {convolution(), linear()}) {
    const Tensor kept = mask_of(c.dy, 10);
    LayerProducts products;
    products.prune_output_gradient = [&](const Tensor& dy) { return dy * kept; };
    const Gradients found = of_sparse(c, products);
    expect_close(found.x, of_plain(c, c.weight, c.dy * kept).x);
    expect_close(found.weight, of_plain(c, c.weight, c.dy).weight);
    expect_close(found.bias, of_plain(c, c.weight, c.dy).bias);
  }
}

TEST(SparseProduct, MasksTheWeightsGradient) {
  for (const Case& c : {convolution(), linear()}) {
    LayerProducts products;
    products.weight_gradient_mask = mask_of(c.weight, 8);
    expect_close(of_sparse(c, products).weight,
                 of_plain(c, c.weight, c.dy).weight * products.weight_gradient_mask);
  }
}

TEST(SparseProduct, WorksInBfloat16WithFp32Weights) {
  Case c = convolution();
  c.x = c.x.to(torch::kBFloat16);
  c.dy = c.dy.to(torch::kBFloat16);
  LayerProducts products;
  products.forward_weight = c.weight * mask_of(c.weight, 8);
  const Gradients found = of_sparse(c, products);
  EXPECT_EQ(found.y.scalar_type(), torch::kBFloat16);
  EXPECT_EQ(found.x.scalar_type(), torch::kBFloat16);
  EXPECT_EQ(found.weight.scalar_type(), torch::kFloat32);
  Case wide = c;
  wide.x = c.x.to(torch::kFloat32);
  const Gradients expected = of_plain(wide, c.weight, c.dy.to(torch::kFloat32));
  const double scale = expected.weight.abs().max().item<double>();
  EXPECT_LE((found.weight - expected.weight).abs().max().item<double>(), 0.02 * scale);
}

TEST(SparseProduct, AnInputThatNeedsNoGradientGetsNone) {
  const Case c = convolution();
  const Tensor w = c.weight.clone().requires_grad_(true);
  const Tensor y = sparse_product(c.x, w, {}, {}, dense_backend(c.shape));
  y.backward(c.dy);
  EXPECT_TRUE(w.grad().defined());
  EXPECT_TRUE(w.grad().is_contiguous());
}

}  // namespace
}  // namespace wbs::trainers
