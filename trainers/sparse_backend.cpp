#include "trainers/sparse_backend.hpp"

#include <torch/torch.h>

#include <array>
#include <memory>
#include <variant>

#include "trainers/conv_products.hpp"

namespace wbs::trainers {
namespace {

using torch::Tensor;

bool fits_kernels(const Tensor& tensor) {
  return tensor.scalar_type() == torch::kFloat32 && tensor.device().is_cpu();
}

class SparseBackend final : public ProductBackend {
 public:
  SparseBackend(const ProductShape& shape, sparsity::Granularity granularity, int threads)
      : shape_(shape), dense_(dense_backend(shape)), products_(granularity, threads) {}

  [[nodiscard]] Tensor forward(const Tensor& x, const Tensor& weight) const override {
    if (!fits_kernels(x)) return dense_->forward(x, weight);
    const kernels::ConvShape shape = conv_shape(x, weight);
    const Tensor in = x.contiguous();
    const Tensor w = weight.contiguous();
    Tensor y = at::empty({shape.images, shape.out_channels, shape.out_height(), shape.out_width()},
                         in.options());
    products_.forward(shape, w.data_ptr<float>(), in.data_ptr<float>(), y.data_ptr<float>());
    return y;
  }

  [[nodiscard]] Tensor input_gradient(const Tensor& output_gradient, const Tensor& x,
                                      const Tensor& weight) const override {
    if (!fits_kernels(x)) return dense_->input_gradient(output_gradient, x, weight);
    const Tensor dy = output_gradient.contiguous();
    const Tensor w = weight.contiguous();
    Tensor dx = at::empty(x.sizes(), dy.options());
    products_.input_gradient(conv_shape(x, weight), w.data_ptr<float>(), dy.data_ptr<float>(),
                             dx.data_ptr<float>());
    return dx;
  }

  [[nodiscard]] Tensor weight_gradient(const Tensor& output_gradient, const Tensor& x,
                                       const Tensor& weight) const override {
    return dense_->weight_gradient(output_gradient, x, weight);
  }

 private:
  [[nodiscard]] kernels::ConvShape conv_shape(const Tensor& x, const Tensor& weight) const {
    kernels::ConvShape shape;
    shape.images = x.size(0);
    shape.in_channels = x.size(1);
    shape.height = x.size(2);
    shape.width = x.size(3);
    shape.out_channels = weight.size(0);
    shape.kernel = {weight.size(2), weight.size(3)};
    shape.stride = shape_.stride;
    shape.pad_top = shape.pad_bottom = shape_.padding[0];
    shape.pad_left = shape.pad_right = shape_.padding[1];
    return shape;
  }

  ProductShape shape_;
  std::shared_ptr<const ProductBackend> dense_;
  mutable ConvProducts products_;  // its plans are a cache
};

}  // namespace

Result<std::shared_ptr<const ProductBackend>> sparse_backend(const ProductShape& shape,
                                                             const sparsity::Pattern& pattern,
                                                             int threads) {
  if (shape.linear) return refusal("backend sparse is for convolutions, not for linear layers");
  if (shape.groups != 1) return refusal("backend sparse is for convolutions without groups");
  if (shape.dilation != std::array<std::int64_t, 2>{1, 1}) {
    return refusal("backend sparse is for convolutions without dilation");
  }
  sparsity::Granularity granularity = sparsity::kSingleWeights;
  if (const auto* block = std::get_if<sparsity::BlockPattern>(&pattern)) {
    granularity = {block->rows, block->cols, false};
  }
  return std::make_shared<const SparseBackend>(shape, granularity, threads);
}

}  // namespace wbs::trainers
